"""PNG plots of the mean curves, one per metric."""

from pathlib import Path

from eval.codecs import CODECS
from eval.tables import METRICS, mean_curve

# Published curves that help a reader; the report has them all.
_PUBLISHED_SHOWN = ("vtm", "bmshj2018-hyperprior", "mbt2018")
_MARKERS = "osD^vPX*<>hd"


def draw(rows: list[dict], published: dict, folder: Path, name: str) -> list[Path]:
    """One `<name>-<metric>.png` for each metric that has points; rate in logarithm."""
    # Without pyplot: no global state, no display, nothing to close.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = {codec.name: codec.label for codec in CODECS}
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for metric in METRICS:
        figure = Figure(figsize=(9, 6), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for index, codec in enumerate(dict.fromkeys(row["codec"] for row in rows)):
            points = [
                (bpp, metric.value(value))
                for bpp, value, _ in mean_curve(rows, codec, metric.column)
                if metric.value(value) != float("inf")
            ]
            if points:
                ours = codec.startswith(("flagship", "cnn"))
                axes.plot(*zip(*points, strict=True), marker=_MARKERS[index % len(_MARKERS)], markersize=4,
                          linewidth=2.5 if ours else 1.3, zorder=3 if ours else 2,
                          label=labels.get(codec, codec))  # fmt: skip
        for curve_name in _PUBLISHED_SHOWN:
            curve = published.get(curve_name, {"points": []})
            points = [
                (p["bpp"], metric.value(p[metric.column])) for p in curve["points"] if metric.column in p
            ]
            if points:
                axes.plot(*zip(*points, strict=True), linestyle="--", linewidth=1,
                          label=f"{curve['label']} (published)")  # fmt: skip
        if not axes.lines:
            continue
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xticks(
            [t for t in (0.05, 0.1, 0.2, 0.5, 1, 2, 5) if axes.get_xlim()[0] <= t <= axes.get_xlim()[1]]
        )
        axes.set_xlabel("bits per pixel, real files (logarithmic)")
        axes.set_ylabel(f"{metric.label}, {'-10 log10(1 - s), ' if metric.in_db else ''}dB")
        images = len({row["image"] for row in rows})
        axes.set_title(f"{name}: mean over {images} picture{'s' if images != 1 else ''}")
        axes.grid(True, alpha=0.3)
        axes.legend(fontsize=8)
        path = folder / f"{name}-{metric.column}.png"
        figure.savefig(path)
        paths.append(path)
    return paths
