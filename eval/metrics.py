"""The metrics: how decoded 8-bit RGB pixels are compared with the original.

To add a metric, append a record to `METRICS`. Rows, tables, plots, report and BD-rates follow from it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from compressor.images.psnr import psnr_db
from compressor.images.ssimulacra2 import MIN_PX as SSIMULACRA2_MIN_PX
from compressor.images.ssimulacra2 import ssimulacra2
from eval.butteraugli import MIN_PX as BUTTERAUGLI_MIN_PX
from eval.butteraugli import butteraugli, require_butteraugli
from eval.errors import EvalError, MetricUnavailableError, SizeMismatchError
from eval.ssim import MS_SSIM_MIN_PX, WINDOW_PX, ms_ssim, ssim

# The version is part of the cache key: raise it when an existing metric returns other numbers, or when
# rows are stored differently.
VERSION = 2
# This range is typical of photographs on the web, and every codec here has points in it.
PSNR_RANGE_DB = (28.0, 40.0)


def float_psnr_db(reference: np.ndarray, other: np.ndarray, peak: float) -> float:
    """Measure the peak signal-to-noise ratio of arrays of floats: 10 log10(peak^2 / mean squared error).

    Args:
        reference, other: arrays of one shape, values in 0..peak.
        peak: the largest possible value.

    Returns:
        Decibels; infinite for equal arrays.

    Example:
        >>> float_psnr_db(np.zeros(4), np.full(4, 0.1), peak=1)
        20.0
    """
    mse = np.mean(np.square(np.subtract(reference, other, dtype=np.float64)))
    return math.inf if mse == 0 else 10 * math.log10(peak**2 / mse)


def luma(image_uint8: np.ndarray) -> np.ndarray:
    """Return the BT.601 luma of (H, W, 3), float64 (H, W) in 0..255, not rounded."""
    return image_uint8 @ np.array([0.299, 0.587, 0.114])


def psnr_luma_db(reference: np.ndarray, other: np.ndarray) -> float:
    """Measure the PSNR of BT.601 luma, in decibels; see `float_psnr_db`."""
    return float_psnr_db(luma(reference), luma(other), peak=255)


def to_db(similarity: float) -> float:
    """Return -10 log10(1 - s), which spreads SSIM-like values that crowd near 1.

    Example:
        >>> round(to_db(0.99), 6)
        20.0
    """
    return math.inf if similarity >= 1 else -10 * math.log10(1 - similarity)


@dataclass(frozen=True)
class Metric:
    """A metric: a column of the rows, an axis of the plots, a table of BD-rates.

    Attributes:
        name: name of the column, and suffix of plot files.
        label: name shown to people.
        unit: unit of the values, "" for none.
        function: takes reference and decoded picture, both uint8 (H, W, 3), and returns the value.
        limits: values between which BD-rates are averaged; None for the whole overlap of two curves.
        digits: number of decimals shown.
        min_px: shortest side for which the metric is defined; smaller pictures have no value.
        kind: "score" grows with quality; "similarity" also does, up to 1, and is drawn and integrated in
            decibels (`to_db`); "distance" falls to 0, and is integrated with its sign changed.
        require: raises MetricUnavailableError if the metric cannot be computed.
    """

    name: str
    label: str
    unit: str
    function: Callable[[np.ndarray, np.ndarray], float]
    limits: tuple[float, float] | None
    digits: int
    min_px: int = 1
    kind: Literal["score", "similarity", "distance"] = "score"
    require: Callable[[], None] = lambda: None

    def to_axis(self, value: float) -> float:
        """Map a value to the axis of curves, on which more is better."""
        return {"score": float, "similarity": to_db, "distance": lambda v: -v}[self.kind](value)

    @property
    def axis_unit(self) -> str:
        """Unit on the axis."""
        return "dB" if self.kind == "similarity" else self.unit

    @property
    def axis_note(self) -> str:
        """Note on how to read the axis, "" if it shows the values themselves."""
        return {"score": "", "similarity": "-10 log10(1 - s)", "distance": "lower is better"}[self.kind]

    @property
    def axis_title(self) -> str:
        """Label of the axis."""
        return ", ".join(filter(None, (self.label, self.axis_note, self.axis_unit)))

    @property
    def axis_limits(self) -> tuple[float, float] | None:
        """Values of `limits` on the axis, the lower one first."""
        return None if self.limits is None else tuple(sorted(map(self.to_axis, self.limits)))

    @property
    def scope(self) -> str:
        """Range of values that BD-rates are averaged over, as text."""
        if self.limits is None:
            return "whole overlap"
        return f"{self.limits[0]:g} .. {self.limits[1]:g} {self.unit}".rstrip()

    def axis_range(self, low: float, high: float) -> tuple[float, float]:
        """Return a range on the axis as people read it: distances with their own sign."""
        return (-high, -low) if self.kind == "distance" else (low, high)

    def text(self, value: float | None) -> str:
        """Format a value with its unit; "-" for an absent one."""
        return "-" if value is None else f"{value:.{self.digits}f} {self.unit}".rstrip()


METRICS = (
    Metric("psnr_rgb_db", "PSNR (RGB)", "dB", psnr_db, PSNR_RANGE_DB, digits=2),
    Metric("psnr_y_db", "PSNR (luma)", "dB", psnr_luma_db, PSNR_RANGE_DB, digits=2),
    Metric("ms_ssim", "MS-SSIM", "", ms_ssim, None, 4, MS_SSIM_MIN_PX, "similarity"),
    Metric("ssim", "SSIM", "", ssim, None, 4, WINDOW_PX, "similarity"),
    Metric("ssimulacra2", "SSIMULACRA 2", "", ssimulacra2, (30.0, 90.0), 2, SSIMULACRA2_MIN_PX),
    Metric("butteraugli", "Butteraugli 3-norm", "", butteraugli, None, 3, BUTTERAUGLI_MIN_PX, "distance",
           require_butteraugli),
)  # fmt: skip


def with_limits(name: str, low: float, high: float) -> tuple[Metric, ...]:
    """Return all metrics, with other limits for the BD-rates of one.

    Args:
        name: name of the metric.
        low, high: limits, as values of the metric.

    Raises:
        EvalError: if there is no such metric, or the limits are not in order.

    Example:
        >>> {metric.name: metric.scope for metric in with_limits("ssimulacra2", 60, 90)}["ssimulacra2"]
        '60 .. 90'
    """
    names = [metric.name for metric in METRICS]
    if name not in names:
        raise EvalError(f"received the metric {name}, expected one of {', '.join(names)}")
    if not low < high:
        raise EvalError(f"received the limits {low:g} and {high:g}, expected the lower one first")
    return tuple(replace(metric, limits=(low, high)) if metric.name == name else metric for metric in METRICS)


def usable_metrics() -> tuple[tuple[Metric, ...], list[str]]:
    """Return the metrics that work here, and one line for each that does not."""
    usable, missing = [], []
    for metric in METRICS:
        try:
            metric.require()
            usable.append(metric)
        except MetricUnavailableError as error:
            missing.append(str(error))
    return tuple(usable), missing


def compare(
    reference: np.ndarray, other: np.ndarray, metrics: tuple[Metric, ...] | None = None
) -> dict[str, float | str | None]:
    """Measure the distortion of one picture.

    Args:
        reference, other: uint8 (H, W, 3).
        metrics: metrics to measure; None for all that work here.

    Returns:
        The value of each metric by name, None if the picture is too small for it, and `note`, which names
        the metrics that need a larger picture.

    Raises:
        SizeMismatchError: if the pictures differ in size.

    Example:
        >>> black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
        >>> compare(black, white)["psnr_rgb_db"]
        0.0
    """
    if reference.shape != other.shape:
        (height, width), (other_height, other_width) = reference.shape[:2], other.shape[:2]
        raise SizeMismatchError(f"sizes differ: {width}x{height} and {other_width}x{other_height}")
    metrics = usable_metrics()[0] if metrics is None else metrics
    shorter_px = min(reference.shape[:2])
    values = {
        metric.name: metric.function(reference, other) if shorter_px >= metric.min_px else None
        for metric in metrics
    }
    return {**values, "note": _size_note(shorter_px)}


def _size_note(shorter_px: int) -> str:
    needs = [f"{metric.label} needs {metric.min_px} px" for metric in METRICS if shorter_px < metric.min_px]
    return f"{', '.join(needs)}; the shorter side has {shorter_px}" if needs else ""
