"""Matplotlib figures of pictures, feature maps and curves."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike


class Panel(NamedTuple):
    """One picture of a figure.

    Attributes:
        title: the line above the picture.
        image: (height, width) or (height, width, 3), any array-like.
        style: "picture" shows values in 0..1 unchanged; "signed" shows 0 in white, negative values in blue
            and positive values in red; "magnitude" scales 0..maximum to black..white.
        numbers: whether to write the value into each cell, for small maps.
    """

    title: str
    image: ArrayLike
    style: str = "picture"
    numbers: bool = False


def draw_panels(panels: list[Panel], columns: int = 4, size: float = 2.4) -> Figure:
    """Draw panels in rows.

    Args:
        panels: at least one.
        columns: largest number of panels in a row.
        size: width of a panel, in inches.

    Returns:
        The figure.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    height = size * max(np.shape(p.image)[0] / np.shape(p.image)[1] for p in panels)
    figure = Figure(figsize=(size * columns, (height + 0.3) * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, panel in zip(axes, panels, strict=False):
        draw_panel(axis, panel)
    for axis in axes[len(panels) :]:
        axis.axis("off")
    return figure


def draw_panel(axis: Axes, panel: Panel) -> None:
    """Draw one panel on a pair of axes."""
    image = np.asarray(panel.image, np.float32)
    # In large maps, a few extreme pixels must not dim all others; small maps show their maximum.
    peak = float(np.percentile(np.abs(image), 99.5 if image.size > 1000 else 100)) or 1.0
    if panel.style == "signed":
        axis.imshow(image, cmap="RdBu_r", vmin=-peak, vmax=peak, interpolation="nearest")
    elif panel.style == "magnitude":
        axis.imshow(image, cmap="gray", vmin=0, vmax=peak, interpolation="nearest")
    else:
        axis.imshow(image.clip(0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    if panel.numbers:
        for (row, column), value in np.ndenumerate(image):
            dark = abs(value) > 0.7 * peak if panel.style == "signed" else value < 0.5 * peak
            colour = "white" if dark else "black"
            axis.text(column, row, f"{value:g}", ha="center", va="center", fontsize=8, color=colour)
    axis.set_title(panel.title, fontsize=9)
    axis.set_xticks([])
    axis.set_yticks([])


def draw_lines(axis: Axes, curves: dict[str, Sequence[float]], x_label: str, y_label: str) -> None:
    """Draw curves with a legend.

    Args:
        axis: a pair of Matplotlib axes.
        curves: values at 1, 2, 3, ... by label.
        x_label, y_label: titles of the axes.
    """
    for label, values in curves.items():
        axis.plot(range(1, len(values) + 1), values, label=label)
    axis.set_xlabel(x_label)
    axis.set_ylabel(y_label)
    axis.grid(alpha=0.3)
    axis.xaxis.get_major_locator().set_params(integer=True)
    # Above the plot, where it hides no curve.
    axis.legend(fontsize=8, frameon=False, ncols=len(curves), loc="lower center", bbox_to_anchor=(0.5, 1.0))
