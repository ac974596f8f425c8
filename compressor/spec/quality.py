"""The quality scale: 1 to 100 for people, levels 0 to 396 in streams."""

from numbers import Real

MIN_QUALITY, MAX_QUALITY, DEFAULT_QUALITY = 1.0, 100.0, 50.0
# Quality comes in quarter steps.
NUM_LEVELS = 397
TOP_LEVEL = NUM_LEVELS - 1
# The highest level that the networks of the flagship see; see `compressor.spec.fine_levels`. It is the level
# of quality 90.
HIGHEST_SEEN_LEVEL = 356
# Quality curves are linear between equidistant knots: levels 0, 99, 198, 297 and 396.
NUM_KNOTS = 5
LEVELS_PER_KNOT = TOP_LEVEL // (NUM_KNOTS - 1)


def quality_to_level(quality: float) -> int:
    """Convert a quality to the level that the header holds.

    Args:
        quality: 1 to 100; rounded to quarters.

    Returns:
        The level, 0 to 396.

    Raises:
        ValueError: if the quality is not a number from 1 to 100.

    Example:
        >>> quality_to_level(50)
        196
    """
    is_number = isinstance(quality, Real) and not isinstance(quality, bool)
    if not is_number or not MIN_QUALITY <= quality <= MAX_QUALITY:
        raise ValueError(f"received quality {quality!r}, expected a number from 1 to 100")
    return round((quality - MIN_QUALITY) * 4)


def level_to_quality(level: int) -> float:
    """Convert a level, 0 to 396, to a quality, 1.0 to 100.0.

    Example:
        >>> level_to_quality(196)
        50.0
    """
    return MIN_QUALITY + level / 4
