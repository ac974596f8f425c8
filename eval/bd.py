"""Bjontegaard deltas between rate-distortion curves, by the `bjontegaard` package.

A curve is a list of (bits per pixel, value), the value growing with quality.
"""

import math
from dataclasses import dataclass

import bjontegaard
import numpy as np
from scipy.interpolate import Akima1DInterpolator, PchipInterpolator

METHODS = ("pchip", "akima")
_SAMPLES = 400  # of a curve cut to a range; more do not move the third decimal
_MIN_OVERLAP = 0.5


@dataclass(frozen=True)
class BD:
    """Difference of a test curve from a reference curve, and where it was taken."""

    rate_percent: float | None  # mean rate difference at equal value
    gain: float | None  # mean value difference at equal rate
    low: float | None  # the common range of values that `rate_percent` averages over
    high: float | None
    warning: str = ""


def to_db(similarity: float) -> float:
    """SSIM-like values crowd at 1; -10 log10(1 - s) spreads them, as the literature does."""
    return math.inf if similarity >= 1 else -10 * math.log10(1 - similarity)


def monotone(curve: list[tuple[float, float]]) -> np.ndarray:
    """The finite points that each cost more and give more than all before them, as (n, 2).

    Interpolation needs strictly growing values; a point that costs more and gives less (or is
    lossless: infinite) is one that nobody would choose.
    """
    kept: list[tuple[float, float]] = []
    for rate, value in sorted(curve):
        if math.isfinite(value) and rate > 0 and (not kept or (rate > kept[-1][0] and value > kept[-1][1])):
            kept.append((rate, value))
    return np.array(kept).reshape(-1, 2)


def _cut(points: np.ndarray, limits: tuple[float, float], method: str) -> np.ndarray:
    """The interpolated curve inside a range of values, sampled so densely that nothing is lost."""
    interpolator = PchipInterpolator if method == "pchip" or len(points) < 3 else Akima1DInterpolator
    low, high = max(limits[0], points[0, 1]), min(limits[1], points[-1, 1])
    if low >= high:
        return points[:0]
    values = np.linspace(low, high, _SAMPLES)
    return np.stack([np.exp(interpolator(points[:, 1], np.log(points[:, 0]))(values)), values], axis=1)


def bjontegaard_delta(reference, test, method="pchip", limits: tuple[float, float] | None = None) -> BD:
    """BD-rate and BD-gain of `test` against `reference`.

    Args:
        reference, test: lists of (bits per pixel, value).
        method: "pchip" (the standard bodies') or "akima".
        limits: range of values to stay inside, for example (28, 40) dB; None is the whole overlap.
    """
    reference, test = monotone(reference), monotone(test)
    if min(len(reference), len(test)) < 2:
        return BD(None, None, None, None, "fewer than two usable points")
    wanted = limits or (-math.inf, math.inf)
    lowest = max(wanted[0], min(reference[0, 1], test[0, 1]))
    highest = min(wanted[1], max(reference[-1, 1], test[-1, 1]))
    low = max(wanted[0], reference[0, 1], test[0, 1])
    high = min(wanted[1], reference[-1, 1], test[-1, 1])
    if low >= high:
        where = f" inside {limits[0]:g} .. {limits[1]:g}" if limits else ""
        return BD(None, None, None, None, f"the curves do not overlap{where}")
    if limits:
        reference, test = _cut(reference, limits, method), _cut(test, limits, method)
    arguments = (reference[:, 0], reference[:, 1], test[:, 0], test[:, 1], method)
    # min_overlap=0: the package's warning goes to stderr once; ours goes into the table, each time.
    options = {"require_matching_points": False, "min_overlap": 0}
    rate = bjontegaard.bd_rate(*arguments, **options)
    rates_meet = max(reference[0, 0], test[0, 0]) < min(reference[-1, 0], test[-1, 0])
    gain = bjontegaard.bd_psnr(*arguments, **options) if rates_meet else None
    overlap = (high - low) / (highest - lowest)
    warning = f"overlap of only {100 * overlap:.0f} %" if overlap < _MIN_OVERLAP else ""
    return BD(float(rate), None if gain is None else float(gain), float(low), float(high), warning)
