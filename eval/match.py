"""The quality at which a codec's file has a wanted size: what makes a comparison fair."""

import math
from collections.abc import Callable, Iterable

_TRIES = 8


def quality_for_bpp(
    encoded_bpp: Callable[[float], float],
    target_bpp: float,
    known: Iterable[tuple[float, float]],
    whole_qualities: bool,
    tolerance: float = 0.03,
) -> float | None:
    """Search between two known points; the nearest quality, or None if none comes within 15 %.

    Args:
        encoded_bpp: the rate at a quality, by encoding.
        target_bpp: the rate that is wanted.
        known: some (bpp, quality) of the same picture; the more, the fewer encodings are needed.
        whole_qualities: the encoder takes integers only.
        tolerance: a relative difference that is good enough.
    """
    points = sorted({(quality, bpp) for bpp, quality in known})
    tried = dict(points)
    for attempt in range(_TRIES):
        below = [point for point in points if point[1] <= target_bpp]
        above = [point for point in points if point[1] > target_bpp]
        quality, bpp = min(points, key=lambda point: abs(math.log(point[1] / target_bpp)))
        if abs(bpp / target_bpp - 1) <= tolerance or not below or not above:
            break
        (low, low_bpp), (high, high_bpp) = below[-1], above[0]
        share = math.log(target_bpp / low_bpp) / math.log(high_bpp / low_bpp)
        # A curve bent between far points makes interpolation creep: halve now and then.
        guess = low + (high - low) * (0.5 if attempt % 3 == 2 else share)
        if whole_qualities:
            guess = round(guess)
        if guess in tried:
            break
        tried[guess] = encoded_bpp(guess)
        points = sorted(tried.items())
    return quality if abs(bpp / target_bpp - 1) <= 0.15 else None
