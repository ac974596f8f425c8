"""Bjontegaard deltas between rate-distortion curves, by the `bjontegaard` package.

A curve is a list of (bits per pixel, value) in which the value grows with quality.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import Akima1DInterpolator, PchipInterpolator

# A curve restricted to a range is sampled at this many points; more do not change the third decimal.
_SAMPLES = 400
_MIN_OVERLAP = 0.5


@dataclass(frozen=True)
class BD:
    """Difference of a test curve from a reference curve.

    Attributes:
        rate_percent: mean rate difference at equal value, in percent; None if it cannot be computed.
        gain: mean value difference at equal rate; None if the curves share no rates.
        low, high: range of values that `rate_percent` averages over.
        warning: reason why a number is missing or unreliable, "" if none is.
    """

    rate_percent: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    warning: str = ""


def monotone(curve: list[tuple[float, float]]) -> np.ndarray:
    """Keep the finite points at which both rate and value exceed those of all points before.

    Interpolation needs strictly increasing values. Dropped points are lossless (infinite), or cost more than
    another point without being better.

    Args:
        curve: (bits per pixel, value) in any order.

    Returns:
        Float (n, 2), sorted by rate.

    Example:
        >>> monotone([(1.0, 30.0), (0.5, 25.0), (1.5, 29.0)]).tolist()
        [[0.5, 25.0], [1.0, 30.0]]
    """
    kept: list[tuple[float, float]] = []
    for rate, value in sorted(curve):
        if math.isfinite(value) and rate > 0 and (not kept or (rate > kept[-1][0] and value > kept[-1][1])):
            kept.append((rate, value))
    return np.array(kept).reshape(-1, 2)


def _cut(points: np.ndarray, limits: tuple[float, float], method: str) -> np.ndarray:
    """Sample the interpolated curve densely inside a range of values."""
    interpolator = PchipInterpolator if method == "pchip" or len(points) < 3 else Akima1DInterpolator
    low, high = max(limits[0], points[0, 1]), min(limits[1], points[-1, 1])
    if low >= high:
        return points[:0]
    values = np.linspace(low, high, _SAMPLES)
    return np.stack([np.exp(interpolator(points[:, 1], np.log(points[:, 0]))(values)), values], axis=1)


def bjontegaard_delta(reference, test, method="pchip", limits: tuple[float, float] | None = None) -> BD:
    """Compute BD-rate and BD-gain of a test curve.

    Args:
        reference, test: lists of (bits per pixel, value).
        method: interpolation, "pchip" (as in the standards' common test conditions) or "akima".
        limits: range of values to average over, for example (28, 40) dB; None for the whole overlap.

    Returns:
        The deltas. If they cannot be computed, all numbers are None and `warning` gives the reason.

    Reference:
        Bjontegaard, Calculation of average PSNR differences between RD-curves, VCEG-M33, 2001.

    Example:
        >>> curve = [(0.25, 30.0), (0.5, 33.0), (1.0, 36.0)]
        >>> cheaper = [(rate / 2, value) for rate, value in curve]
        >>> round(bjontegaard_delta(curve, cheaper).rate_percent, 6)
        -50.0
    """
    import bjontegaard  # not at the top, because it imports Matplotlib, which is slow

    reference, test = monotone(reference), monotone(test)
    if min(len(reference), len(test)) < 2:
        return BD(warning="fewer than two usable points")
    wanted = limits or (-math.inf, math.inf)
    lowest = max(wanted[0], min(reference[0, 1], test[0, 1]))
    highest = min(wanted[1], max(reference[-1, 1], test[-1, 1]))
    low = max(wanted[0], reference[0, 1], test[0, 1])
    high = min(wanted[1], reference[-1, 1], test[-1, 1])
    if low >= high:
        where = f" inside {limits[0]:g} .. {limits[1]:g}" if limits else ""
        return BD(warning=f"the curves do not overlap{where}")
    if limits:
        reference, test = _cut(reference, limits, method), _cut(test, limits, method)
    arguments = (reference[:, 0], reference[:, 1], test[:, 0], test[:, 1], method)
    # min_overlap=0 silences the package's warning on stderr, which appears only once. Our table has its own.
    options = {"require_matching_points": False, "min_overlap": 0}
    rate = bjontegaard.bd_rate(*arguments, **options)
    rates_meet = max(reference[0, 0], test[0, 0]) < min(reference[-1, 0], test[-1, 0])
    gain = None
    if rates_meet:
        # Akima interpolation may overshoot, so that a point has a lower rate than the one before it.
        reference, test = monotone(reference.tolist()), monotone(test.tolist())
        arguments = (reference[:, 0], reference[:, 1], test[:, 0], test[:, 1], method)
        gain = bjontegaard.bd_psnr(*arguments, **options)
    overlap = (high - low) / (highest - lowest)
    warning = f"overlap of only {100 * overlap:.0f} %" if overlap < _MIN_OVERLAP else ""
    return BD(float(rate), None if gain is None else float(gain), float(low), float(high), warning)
