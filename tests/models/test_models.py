"""Contract of the models: shapes, serialisation, training steps, and what the objective means."""

import keras
import numpy as np
import pytest

from compressor.models.base import distortion_weight
from compressor.models.registry import FAMILIES, build_model
from compressor.spec.constants import WEIGHT_MAX, WEIGHT_MIN


@pytest.fixture
def batch(random_pictures):
    return {"images": random_pictures(2, 64, 128), "quality": np.array([0.2, 0.9], "float32")}


@pytest.fixture
def adapted(batch, tiny_options):
    """Return a function that builds a small model of a family, ready to train."""

    def build(name):
        model = build_model(name, **tiny_options[name])
        model.adapt(batch["images"])
        return model

    return build


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_outputs(name, batch, adapted):
    outputs = adapted(name)(batch)
    assert tuple(outputs["images"].shape) == (2, 64, 128, 3)
    assert tuple(outputs["bpp"].shape) == tuple(outputs["mse"].shape) == (2,)
    error = 255 * (np.asarray(outputs["images"]) - batch["images"])
    np.testing.assert_allclose(outputs["mse"], np.square(error).mean((1, 2, 3)), rtol=1e-4)
    assert np.all(np.asarray(outputs["bpp"]) > 0)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_saves_and_loads_without_custom_objects(name, batch, adapted, tmp_path):
    model = adapted(name)
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    model.train_on_batch(batch)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for key, value in model(batch).items():
        np.testing.assert_array_equal(np.asarray(loaded(batch)[key]), np.asarray(value))


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_training_lowers_the_loss(name, batch, adapted):
    model = adapted(name)
    model.compile(keras.optimizers.Adam(1e-2, global_clipnorm=2.0), run_eagerly=True)
    losses = [model.train_on_batch(batch, return_dict=True)["loss"] for _ in range(6)]
    assert min(losses[-3:]) < 0.95 * losses[0]


def test_distortion_weight_spans_its_range():
    assert distortion_weight(0.0) == pytest.approx(WEIGHT_MIN)
    assert distortion_weight(1.0) == pytest.approx(WEIGHT_MAX)


@pytest.mark.parametrize(("name", "sides"), [("cnn", (62, 64)), ("flagship", (64, 80))])
def test_sides_that_are_not_divisible_are_refused(name, sides, adapted, random_pictures):
    images, quality = random_pictures(1, *sides), np.array([0.5], "float32")
    expected = f"received pictures of {sides[1]}x{sides[0]} pixels, expected sides divisible by"
    with pytest.raises(ValueError, match=expected):
        adapted(name)({"images": images, "quality": quality})
