"""Effort numbers and their meanings."""

import pytest

from compressor.coding.effort import DEFAULT_EFFORT, Effort, effort_of
from compressor.errors import OptionError


def test_efforts():
    assert effort_of(DEFAULT_EFFORT) == Effort()
    assert [effort_of(n).quick_moves(3) for n in range(1, 10)] == [0, 0, 1, 2, 3, 3, 3, 3, 3]
    assert [effort_of(n).quick_moves(0) for n in range(1, 10)] == 9 * [0]
    steps = [effort_of(n).refinement_steps for n in range(1, 10)]
    assert steps == sorted(steps)
    assert steps[4] == 0 < steps[5] < steps[8]


@pytest.mark.parametrize("wrong", [0, 10, 5.0, True, "5", None])
def test_wrong_effort(wrong):
    with pytest.raises(OptionError, match="whole number from 1 to 9"):
        effort_of(wrong)
