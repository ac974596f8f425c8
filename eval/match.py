"""Search for the quality at which a codec reaches a given rate."""

import math
from collections.abc import Callable, Iterable

_TRIES = 8


def is_near(bpp: float, target_bpp: float, tolerance: float = 0.15) -> bool:
    """Return whether a rate is within a relative tolerance of a target."""
    return abs(bpp / target_bpp - 1) <= tolerance


def quality_for_bpp(
    encoded_bpp: Callable[[float], float],
    target_bpp: float,
    known: Iterable[tuple[float, float]],
    whole_qualities: bool,
    tolerance: float = 0.03,
) -> tuple[float, float]:
    """Find the quality whose rate is closest to a target.

    Args:
        encoded_bpp: encodes at a quality and returns the rate.
        target_bpp: the wanted rate, in bits per pixel.
        known: (bpp, quality) pairs of the same picture; with more of them, fewer encodings are needed.
        whole_qualities: whether the encoder accepts integers only.
        tolerance: relative difference at which the search stops.

    Returns:
        The best quality that was tried, and its rate.

    Example:
        >>> quality_for_bpp(lambda quality: quality / 50, 1.0, [(0.2, 10), (2.0, 100)], whole_qualities=True)
        (50, 1.0)
    """
    tried = {quality: bpp for bpp, quality in known}

    def nearest() -> tuple[float, float]:
        return min(tried.items(), key=lambda point: abs(math.log(point[1] / target_bpp)))

    for attempt in range(_TRIES):
        points = sorted(tried.items())
        below = [point for point in points if point[1] <= target_bpp]
        above = [point for point in points if point[1] > target_bpp]
        if is_near(nearest()[1], target_bpp, tolerance) or not below or not above:
            break
        (low, low_bpp), (high, high_bpp) = below[-1], above[0]
        share = math.log(target_bpp / low_bpp) / math.log(high_bpp / low_bpp)
        # Interpolation converges slowly on a strongly curved scale: bisect now and then.
        guess = low + (high - low) * (0.5 if attempt % 3 == 2 else share)
        if whole_qualities:
            guess = round(guess)
        if guess in tried:
            break
        tried[guess] = encoded_bpp(guess)
    return nearest()
