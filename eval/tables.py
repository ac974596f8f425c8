"""Rows to curves, and curves to the numbers that are printed, written and shown in the report."""

import statistics
from dataclasses import dataclass

from eval.bd import BD, bjontegaard_delta, to_db
from eval.errors import EvalError

PSNR_RANGE_DB = (28.0, 40.0)  # where photographs on the web live, and where every codec here has points


@dataclass(frozen=True)
class Metric:
    """A column of the rows as an axis of a curve."""

    column: str
    label: str
    unit: str
    limits: tuple[float, float] | None  # of the BD integral
    in_db: bool = False  # BD of a similarity is taken in decibels

    def value(self, raw: float) -> float:
        return to_db(raw) if self.in_db else raw


METRICS = (
    Metric("psnr_rgb_db", "PSNR (RGB)", "dB", PSNR_RANGE_DB),
    Metric("psnr_y_db", "PSNR (luma)", "dB", PSNR_RANGE_DB),
    Metric("ms_ssim", "MS-SSIM", "", None, in_db=True),
    Metric("ssim", "SSIM", "", None, in_db=True),
)

Curve = list[tuple[float, float, float]]  # (bpp, value as in the rows, quality)


def image_curves(rows: list[dict], codec: str, column: str) -> dict[str, Curve]:
    """The curve of each picture, in order of rate."""
    curves: dict[str, Curve] = {}
    for row in rows:
        if row["codec"] == codec and row[column] is not None:
            curves.setdefault(row["image"], []).append((row["bpp"], row[column], row["quality"]))
    return {image: sorted(curve) for image, curve in curves.items()}


def mean_curve(rows: list[dict], codec: str, column: str) -> Curve:
    """At each quality the mean rate and mean value over the pictures.

    Only qualities that all pictures of this codec have: a mean over fewer would bend the curve.
    """
    by_quality: dict[float, list[tuple[float, float]]] = {}
    for curve in image_curves(rows, codec, column).values():
        for bpp, value, quality in curve:
            by_quality.setdefault(quality, []).append((bpp, value))
    most = max(map(len, by_quality.values()), default=0)
    return sorted(
        (statistics.fmean(bpp for bpp, _ in points), statistics.fmean(value for _, value in points), quality)
        for quality, points in by_quality.items()
        if len(points) == most
    )


@dataclass(frozen=True)
class BDRow:
    """BD of one codec against the reference under one metric."""

    codec: str
    metric: Metric
    of_mean_curve: BD
    mean_of_images: float | None  # mean of the pictures' own BD-rates, per cent
    num_images: int  # how many pictures have a BD-rate
    per_image: dict[str, BD]
    published: bool = False


def bd_table(
    rows: list[dict], reference: str, published: dict | None = None, method: str = "pchip"
) -> list[BDRow]:
    """BD of every codec (and every published mean curve) against the reference.

    Raises:
        EvalError: the reference has no rows.
    """
    codecs = list(dict.fromkeys(row["codec"] for row in rows))
    if reference not in codecs:
        raise EvalError(f"the reference {reference} has no results; there are {', '.join(codecs) or 'none'}")
    table = []
    for metric in METRICS:

        def delta(a: Curve, b: Curve, metric: Metric = metric) -> BD:
            a, b = ([(bpp, metric.value(value)) for bpp, value, *_ in curve] for curve in (a, b))
            return bjontegaard_delta(a, b, method, metric.limits)

        anchor = mean_curve(rows, reference, metric.column)
        anchors = image_curves(rows, reference, metric.column)
        if not anchor:
            continue
        for codec in codecs:
            curves = image_curves(rows, codec, metric.column)
            per_image = {image: delta(anchors[image], curves[image]) for image in curves if image in anchors}
            rates = [bd.rate_percent for bd in per_image.values() if bd.rate_percent is not None]
            mean = statistics.fmean(rates) if rates else None
            of_mean = delta(anchor, mean_curve(rows, codec, metric.column))
            table.append(BDRow(codec, metric, of_mean, mean, len(rates), per_image))
        for name, curve in (published or {}).items():
            points = [(p["bpp"], p[metric.column], 0) for p in curve["points"] if metric.column in p]
            if points:
                table.append(BDRow(name, metric, delta(anchor, points), None, 0, {}, published=True))
    return table


def speed_table(rows: list[dict]) -> list[dict]:
    """Medians per megapixel over all pictures and qualities, and the largest memory, of each codec."""
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
