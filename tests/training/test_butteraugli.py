"""The distance against libjxl's program."""

import numpy as np
import pytest

from eval.butteraugli import butteraugli
from eval.errors import MetricUnavailableError
from tests.training.samples import KINDS, distorted, floats, on_gray, photo
from training.butteraugli import butteraugli_distance

# Printed by `butteraugli_main` of libjxl 0.7, for pictures within a wide flat border.
PRINTED = {"noise": 1.559435, "blur": 1.943658, "colour": 2.301613, "posterised": 1.679262}


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_program_within_half_a_percent(kind):
    a, b = (floats(on_gray(x, 64)) for x in (photo(), distorted(kind)))
    assert float(butteraugli_distance(a, b)[0]) == pytest.approx(PRINTED[kind], rel=0.005)


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_metric_of_reports(kind):
    a, b = photo(), distorted(kind)
    try:
        expected = butteraugli(a, b)
    except MetricUnavailableError as error:
        pytest.skip(str(error))
    assert float(butteraugli_distance(floats(a), floats(b))[0]) == pytest.approx(expected, rel=0.005)


def test_a_group_is_pooled_like_one_picture():
    """Two crops, one of them damaged: pooled together, both have the norm of the pair."""
    a = floats(photo()[:128, :128], photo()[128:, 128:])
    b = floats(photo()[:128, :128], distorted("noise")[128:, 128:])
    alone, pooled = np.asarray(butteraugli_distance(a, b)), np.asarray(butteraugli_distance(a, b, group=2))
    assert alone[0] < 0.01
    assert pooled[0] == pooled[1]
    # Each norm of the pair lies between those of half and of all of the damaged crop.
    assert alone[1] * 0.5 ** (1 / 3) <= pooled[1] <= alone[1] * 0.5 ** (1 / 12)
