"""The distance against the reference implementation and the metric of reports."""

import numpy as np
import pytest
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from compressor.images.ssimulacra2 import EXPONENT, ssimulacra2
from compressor.images.ssimulacra2_gradient import Ssimulacra2Distance
from tests.training.samples import KINDS, distorted, floats, on_gray, photo
from training.ssimulacra2 import ssimulacra2_distance


def score_of(a, b):
    distance = float(ssimulacra2_distance(floats(a), floats(b))[0])
    return 100 - 10 * max(distance, 0) ** EXPONENT


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_reference_within_half_a_point(kind, tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    # Within a wide flat border, since implementations treat borders differently.
    pictures = [on_gray(x, 128) for x in (photo(), distorted(kind))]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    expected = compute_ssimulacra2(*map(str, paths))
    found = score_of(*pictures)
    assert found == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_metric_of_reports(kind):
    a, b = photo(), distorted(kind)
    found = score_of(a, b)
    assert found == pytest.approx(ssimulacra2(a, b), abs=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_distance_that_the_encoder_lowers(kind):
    a, b = floats(photo()), floats(distorted(kind))
    found = float(ssimulacra2_distance(a, b)[0])
    assert found == pytest.approx(Ssimulacra2Distance(a[0])(b[0])[0], rel=2e-3)


def test_a_group_is_pooled_like_one_picture():
    """Two crops, one of them damaged: pooled together, both have the norm of the pair."""
    a = floats(photo()[:128, :128], photo()[128:, 128:])
    b = floats(photo()[:128, :128], distorted("noise")[128:, 128:])
    alone, pooled = np.asarray(ssimulacra2_distance(a, b)), np.asarray(ssimulacra2_distance(a, b, group=2))
    assert alone[0] < 0.1
    assert pooled[0] > 0.1
    assert 0 < pooled[1] < alone[1]
