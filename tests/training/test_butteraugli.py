"""The distance against libjxl's program, and its gradients where they could be infinite."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs the train extra")
data = pytest.importorskip("skimage.data")

from eval.butteraugli import butteraugli  # noqa: E402
from eval.errors import MetricUnavailable  # noqa: E402
from training.butteraugli import butteraugli_distance  # noqa: E402
from training.worth import gradient  # noqa: E402


def photo():
    return data.astronaut()[64:320, 96:352]


def distorted(kind):
    image, random = photo().astype(float), np.random.default_rng(1)
    if kind == "noise":
        image += random.normal(0, 6, image.shape)
    elif kind == "blur":
        wide = np.pad(image, ((1, 1), (1, 1), (0, 0)), "edge")
        image = (image + wide[:-2, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]) / 4
    elif kind == "colour":
        image += [6, -4, 8]
    elif kind == "posterised":
        image = np.round(image / 16) * 16
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def floats(image):
    return image[None].astype("float32") / 255


# Printed by `butteraugli_main` of libjxl 0.7, for pictures within a wide flat border.
PRINTED = {"noise": 1.559435, "blur": 1.943658, "colour": 2.301613, "posterised": 1.679262}


@pytest.mark.parametrize("kind", PRINTED)
def test_agrees_with_the_program_within_half_a_percent(kind):
    around = ((64, 64), (64, 64), (0, 0))
    a, b = (np.pad(x, around, constant_values=128) for x in (photo(), distorted(kind)))
    assert float(butteraugli_distance(floats(a), floats(b))[0]) == pytest.approx(PRINTED[kind], rel=0.005)


@pytest.mark.parametrize("kind", PRINTED)
def test_agrees_with_the_metric_of_reports(kind):
    a, b = photo(), distorted(kind)
    try:
        expected = butteraugli(a, b)
    except MetricUnavailable as error:
        pytest.skip(str(error))
    assert float(butteraugli_distance(floats(a), floats(b))[0]) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("difference", [0.0, 0.2, -0.2])
def test_gradients_are_finite_on_flat_pictures(level, difference):
    a = keras.ops.full((2, 64, 64, 3), level)
    b = keras.ops.full((2, 64, 64, 3), level + difference)
    slope = gradient(lambda x: keras.ops.sum(butteraugli_distance(a, x)), b)
    assert np.isfinite(np.asarray(slope)).all()


def test_gradients_are_finite_on_equal_pictures():
    a = floats(photo()[:128, :128])
    slope = gradient(lambda x: keras.ops.sum(butteraugli_distance(a, x)), keras.ops.convert_to_tensor(a))
    assert np.isfinite(np.asarray(slope)).all()


def test_a_group_is_pooled_like_one_picture():
    """Two crops of which one is damaged: pooled together, both have the norm of the pair."""
    a = np.stack([photo()[:128, :128], photo()[128:, 128:]]).astype("float32") / 255
    b = a.copy()
    b[1] = distorted("noise")[128:, 128:].astype("float32") / 255
    alone, pooled = np.asarray(butteraugli_distance(a, b)), np.asarray(butteraugli_distance(a, b, group=2))
    assert alone[0] < 0.01
    assert pooled[0] == pooled[1]
    # Each norm of the pair lies between those of half and of all of the damaged crop.
    assert alone[1] * 0.5 ** (1 / 3) <= pooled[1] <= alone[1] * 0.5 ** (1 / 12)
