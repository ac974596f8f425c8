"""The distance against the reference implementation, and its gradients where they could be infinite."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs the train extra")
data = pytest.importorskip("skimage.data")

from compressor.images.ssimulacra2 import ssimulacra2  # noqa: E402
from training.ssimulacra2 import ssimulacra2_distance, ssimulacra2_score  # noqa: E402
from training.worth import gradient  # noqa: E402


def photo():
    return data.astronaut()[64:320, 96:352]


def distorted(kind):
    image, random = photo().astype(float), np.random.default_rng(1)
    if kind == "noise":
        image += random.normal(0, 6, image.shape)
    elif kind == "blur":
        image = (image + np.roll(image, 1, 0) + np.roll(image, 1, 1) + np.roll(image, -1, 1)) / 4
    elif kind == "colour":
        image += [6, -4, 8]
    else:
        image = np.round(image / 16) * 16
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["noise", "blur", "colour", "posterised"])
def test_agrees_with_the_reference_within_half_a_point(kind, tmp_path):
    reference = pytest.importorskip("ssimulacra2", reason="needs the test extra")
    from PIL import Image

    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    # Within a wide flat border, since implementations treat borders differently.
    pictures = [
        np.pad(x, ((128, 128), (128, 128), (0, 0)), constant_values=128) for x in (photo(), distorted(kind))
    ]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    expected = reference.compute_ssimulacra2(*map(str, paths))
    a, b = (x[None].astype("float32") / 255 for x in pictures)
    found = float(ssimulacra2_score(ssimulacra2_distance(a, b))[0])
    assert found == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("difference", [0.0, 0.2, -0.2])
def test_gradients_are_finite_on_flat_pictures(level, difference):
    a = keras.ops.full((2, 64, 64, 3), level)
    b = keras.ops.full((2, 64, 64, 3), level + difference)
    slope = gradient(lambda x: keras.ops.sum(ssimulacra2_distance(a, x)), b)
    assert np.isfinite(np.asarray(slope)).all()


def test_gradients_are_finite_on_equal_pictures():
    a = photo()[None, :128, :128].astype("float32") / 255
    slope = gradient(lambda x: keras.ops.sum(ssimulacra2_distance(a, x)), keras.ops.convert_to_tensor(a))
    assert np.isfinite(np.asarray(slope)).all()


def test_a_group_is_pooled_like_one_picture():
    """Two crops of which one is damaged: pooled together, both have the norm of the pair."""
    a = np.stack([photo()[:128, :128], photo()[128:, 128:]]).astype("float32") / 255
    b = a.copy()
    b[1] = distorted("noise")[128:, 128:].astype("float32") / 255
    alone, pooled = np.asarray(ssimulacra2_distance(a, b)), np.asarray(ssimulacra2_distance(a, b, group=2))
    assert alone[0] < 0.1
    assert pooled[0] > 0.1
    assert 0 < pooled[1] < alone[1]


@pytest.mark.parametrize("kind", ["noise", "blur", "colour", "posterised"])
def test_agrees_with_the_metric_of_reports(kind):
    a, b = photo(), distorted(kind)
    distance = ssimulacra2_distance(*(x[None].astype("float32") / 255 for x in (a, b)))
    assert float(ssimulacra2_score(distance)[0]) == pytest.approx(ssimulacra2(a, b), abs=0.5)
