"""Drawing for the demos: pictures and feature maps side by side in one Matplotlib figure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure


class Panel(NamedTuple):
    """One picture of a figure.

    Attributes:
        title: the line above it.
        image: (height, width) or (height, width, 3), any array-like.
        style: "picture" shows 0..1 as it is; "signed" maps 0 to white, negative to blue and positive
            to red; "magnitude" stretches 0..maximum from black to white.
        numbers: write each cell's value into it (small maps only).
    """

    title: str
    image: object
    style: str = "picture"
    numbers: bool = False


def draw_panels(panels: list[Panel], columns: int = 4, size: float = 2.4) -> Figure:
    """Draw panels row by row, each `size` inches wide, and return the figure."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    height = size * max(np.shape(p.image)[0] / np.shape(p.image)[1] for p in panels)
    figure = Figure(figsize=(size * columns, (height + 0.3) * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for axis, panel in zip(axes, panels, strict=False):
        draw_panel(axis, panel)
    for axis in list(axes)[len(panels) :]:
        axis.axis("off")
    return figure


def draw_panel(axis: Axes, panel: Panel) -> None:
    """Draw one panel into an axis."""
    image = np.asarray(panel.image, np.float32)
    # A few extreme pixels would leave a large map pale; small maps are shown to their maximum.
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


def draw_lines(axis: Axes, curves: dict[str, object], x_label: str, y_label: str) -> None:
    """Draw labelled curves over 1, 2, 3, ... with a legend."""
    for label, values in curves.items():
        axis.plot(range(1, len(values) + 1), values, label=label)
    axis.set_xlabel(x_label)
    axis.set_ylabel(y_label)
    axis.grid(alpha=0.3)
    axis.xaxis.get_major_locator().set_params(integer=True)
    # Above the plot, where it covers no curve.
    axis.legend(fontsize=8, frameon=False, ncols=len(curves), loc="lower center", bbox_to_anchor=(0.5, 1.0))
