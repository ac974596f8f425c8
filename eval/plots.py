"""PNG plots of the mean curves, one per metric."""

from pathlib import Path

from compressor.errors import shown
from eval.codecs import CODECS, is_ours
from eval.metrics import METRICS, Metric
from eval.tables import mean_curve, pictures_with, published_curve

_MARKERS = "osD^vPX*<>hd"
_RATES_BPP = (0.05, 0.1, 0.2, 0.5, 1, 2, 5)


def draw(rows: list[dict], published: dict, folder: Path, name: str) -> list[Path]:
    """Draw the mean curves over the logarithm of the rate.

    Args:
        rows: results, as `measure` returns them.
        published: curves as `published.load` returns them.
        folder: folder of the plots, created if needed.
        name: stem of the files and title of the plots.

    Returns:
        The paths `<folder>/<name>-<metric>.png` of the metrics that have measured points.
    """
    # Matplotlib's pyplot is avoided, because it keeps figures in a global state until they are closed.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for metric in METRICS:
        figure = Figure(figsize=(9, 6), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        _draw_measured(axes, rows, metric)
        if not axes.lines:
            continue
        _draw_published(axes, published, metric)
        _label_axes(axes, metric)
        images = len(pictures_with(rows, metric))
        axes.set_title(f"{shown(name)}: mean over {images} picture{'s' if images != 1 else ''}")
        path = folder / f"{name}-{metric.name}.png"
        figure.savefig(path)
        paths.append(path)
    return paths


def _draw_measured(axes, rows: list[dict], metric: Metric) -> None:
    labels = {codec.name: codec.label for codec in CODECS}
    for index, codec in enumerate(dict.fromkeys(row["codec"] for row in rows)):
        curve = [(bpp, metric.to_axis(value)) for bpp, value, _ in mean_curve(rows, codec, metric)]
        points = [point for point in curve if point[1] != float("inf")]
        if points:
            ours = is_ours(codec)
            axes.plot(*zip(*points, strict=True), marker=_MARKERS[index % len(_MARKERS)], markersize=4,
                      linewidth=2.5 if ours else 1.3, zorder=3 if ours else 2,
                      label=labels.get(codec, codec))  # fmt: skip


def _draw_published(axes, published: dict, metric: Metric) -> None:
    for curve in published.values():
        points = [(bpp, metric.to_axis(value)) for bpp, value in published_curve(curve, metric)]
        if points and curve["shown"]:
            axes.plot(*zip(*points, strict=True), linestyle="--", linewidth=1,
                      label=f"{curve['label']} (published)")  # fmt: skip


def _label_axes(axes, metric: Metric) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    left, right = axes.get_xlim()
    axes.set_xticks([bpp for bpp in _RATES_BPP if left <= bpp <= right])
    axes.set_xlabel("bits per pixel, real files (logarithmic)")
    axes.set_ylabel(metric.axis_title)
    if metric.kind == "distance":
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=8)
