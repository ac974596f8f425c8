"""The quality scale."""

import math

import pytest

from compressor.spec.quality import (
    LEVELS_PER_KNOT,
    NUM_KNOTS,
    NUM_LEVELS,
    TOP_LEVEL,
    level_to_quality,
    quality_to_level,
)


def test_every_level_is_the_level_of_its_quality():
    qualities = [level_to_quality(level) for level in range(NUM_LEVELS)]
    assert (qualities[0], qualities[1], qualities[-1]) == (1, 1.25, 100)
    assert [quality_to_level(quality) for quality in qualities] == list(range(NUM_LEVELS))


@pytest.mark.parametrize(("quality", "level"), [(50.1, 196), (50.2, 197), (99.95, 396), (1, 0)])
def test_qualities_are_rounded_to_quarters(quality, level):
    assert quality_to_level(quality) == level


@pytest.mark.parametrize("quality", [0.99, 100.01, -1, math.nan, math.inf, "50", None, True])
def test_quality_outside_its_range_is_refused(quality):
    with pytest.raises(ValueError, match="expected a number from 1 to 100"):
        quality_to_level(quality)


def test_every_knot_is_at_a_level():
    assert LEVELS_PER_KNOT * (NUM_KNOTS - 1) == TOP_LEVEL
