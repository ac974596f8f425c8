"""Curves made from rows, and tables of BD-rates and speed."""

import statistics
from dataclasses import dataclass

from eval.bd import BD, bjontegaard_delta
from eval.errors import EvalError
from eval.metrics import METRICS, Metric

Curve = list[tuple[float, float, float]]  # (bpp, value as in the rows, quality)


def image_curves(rows: list[dict], codec: str, metric: Metric) -> dict[str, Curve]:
    """Return the curve of each picture, in order of rate; rows without the metric are skipped."""
    curves: dict[str, Curve] = {}
    for row in rows:
        if row["codec"] == codec and row[metric.name] is not None:
            curves.setdefault(row["image"], []).append((row["bpp"], row[metric.name], row["quality"]))
    return {image: sorted(curve) for image, curve in curves.items()}


def pictures_with(rows: list[dict], metric: Metric) -> set[str]:
    """Return the names of the pictures that have a value of a metric."""
    return {row["image"] for row in rows if row[metric.name] is not None}


def mean_curve(rows: list[dict], codec: str, metric: Metric) -> Curve:
    """Average rate and value over the pictures at each quality, in order of rate.

    Only qualities that every picture of the rows has are included: averages over different pictures cannot be
    compared, neither along a curve nor between codecs.
    """
    pictures = pictures_with(rows, metric)
    by_quality: dict[float, list[tuple[float, float]]] = {}
    for curve in image_curves(rows, codec, metric).values():
        for bpp, value, quality in curve:
            by_quality.setdefault(quality, []).append((bpp, value))
    return sorted(
        (statistics.fmean(bpp for bpp, _ in points), statistics.fmean(value for _, value in points), quality)
        for quality, points in by_quality.items()
        if len(points) == len(pictures)
    )


def published_curve(curve: dict, metric: Metric) -> list[tuple[float, float]]:
    """Return the (bpp, value) points of a published curve; empty where it lacks the metric."""
    return [(point["bpp"], point[metric.name]) for point in curve["points"] if metric.name in point]


@dataclass(frozen=True)
class BDRow:
    """Bjontegaard deltas of one codec against the reference, by one metric.

    Attributes:
        codec: name of the codec or of the published curve.
        metric: metric of both curves.
        of_mean_curve: delta between the curves averaged over all pictures.
        mean_of_images: mean of the BD-rates of the individual pictures, in percent; None if there are none.
        num_images: number of pictures that have a BD-rate.
        per_image: delta of each picture.
        published: whether the curve is a published one.
    """

    codec: str
    metric: Metric
    of_mean_curve: BD
    mean_of_images: float | None
    num_images: int
    per_image: dict[str, BD]
    published: bool = False

    @property
    def title(self) -> str:
        """Name of the codec, marked if it was published."""
        return f"{self.codec} (published)" if self.published else self.codec


def bd_table(
    rows: list[dict],
    reference: str,
    published: dict | None = None,
    method: str = "pchip",
    metrics: tuple[Metric, ...] = METRICS,
) -> list[BDRow]:
    """Compare every codec, and every published mean curve, with a reference codec.

    Args:
        rows: results, as `measure` returns them.
        reference: name of the codec to compare with.
        published: curves as `published.load` returns them.
        method: interpolation, "pchip" or "akima".
        metrics: metrics to compare by, each within its limits.

    Returns:
        One row for each metric and codec. Metrics for which the reference has no values are left out.

    Raises:
        EvalError: if the reference has no rows.
    """
    codecs = list(dict.fromkeys(row["codec"] for row in rows))
    if reference not in codecs:
        raise EvalError(f"no results for the reference {reference}; available: {', '.join(codecs) or 'none'}")
    table = []
    for metric in metrics:

        def delta(a: Curve, b: Curve, metric: Metric = metric) -> BD:
            a, b = ([(bpp, metric.to_axis(value)) for bpp, value, *_ in curve] for curve in (a, b))
            return bjontegaard_delta(a, b, method, metric.axis_limits)

        anchor = mean_curve(rows, reference, metric)
        anchors = image_curves(rows, reference, metric)
        if not anchor:
            continue
        for codec in codecs:
            curves = image_curves(rows, codec, metric)
            per_image = {image: delta(anchors[image], curves[image]) for image in curves if image in anchors}
            rates = [bd.rate_percent for bd in per_image.values() if bd.rate_percent is not None]
            mean = statistics.fmean(rates) if rates else None
            of_mean = delta(anchor, mean_curve(rows, codec, metric))
            table.append(BDRow(codec, metric, of_mean, mean, len(rates), per_image))
        for name, curve in (published or {}).items():
            if points := published_curve(curve, metric):
                table.append(BDRow(name, metric, delta(anchor, points), None, 0, {}, published=True))
    return table


def speed_table(rows: list[dict]) -> list[dict]:
    """Summarise speed and memory of each codec over all pictures and qualities.

    Returns:
        For each codec `encode_s_per_mp` and `decode_s_per_mp`, medians in seconds per megapixel, and
        `peak_mb`, the largest memory in MB, or None if unknown.
    """
    table = []
    for codec in dict.fromkeys(row["codec"] for row in rows):
        part = [row for row in rows if row["codec"] == codec]
        line = {"codec": codec, "version": part[0]["codec_version"]}
        for column in ("encode_s", "decode_s"):
            line[f"{column}_per_mp"] = statistics.median(
                1e6 * row[column] / (row["width"] * row["height"]) for row in part
            )
        line["peak_mb"] = max((row["peak_mb"] for row in part if row["peak_mb"] is not None), default=None)
        table.append(line)
    return table
