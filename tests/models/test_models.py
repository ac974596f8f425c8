"""Contract of the models: shapes, serialisation, training steps, and what the objective means."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs the train extra")

from compressor.models import MODELS, build_model  # noqa: E402
from compressor.models.base import WEIGHT_MAX, WEIGHT_MIN, distortion_weight  # noqa: E402
from compressor.models.flagship import cells_of, from_cells, windows_of  # noqa: E402
from compressor.passes import CELLS, CodingPass, coding_passes  # noqa: E402


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


@pytest.mark.parametrize("name", sorted(MODELS))
def test_outputs(name, batch, adapted):
    outputs = adapted(name)(batch)
    assert tuple(outputs["images"].shape) == (2, 64, 128, 3)
    assert tuple(outputs["bpp"].shape) == tuple(outputs["mse"].shape) == (2,)
    error = 255 * (np.asarray(outputs["images"]) - batch["images"])
    np.testing.assert_allclose(outputs["mse"], np.square(error).mean((1, 2, 3)), rtol=1e-4)
    assert np.all(np.asarray(outputs["bpp"]) > 0)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_saves_and_loads_without_custom_objects(name, batch, adapted, tmp_path):
    model = adapted(name)
    model.compile(keras.optimizers.Adam(1e-3))
    model.train_on_batch(batch)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for key, value in model(batch).items():
        np.testing.assert_array_equal(np.asarray(loaded(batch)[key]), np.asarray(value))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_training_lowers_the_loss(name, batch, adapted):
    model = adapted(name)
    model.compile(keras.optimizers.Adam(3e-3, global_clipnorm=2.0))
    losses = [model.train_on_batch(batch, return_dict=True)["loss"] for _ in range(12)]
    assert min(losses[-3:]) < 0.95 * losses[0]


def test_untrained_flagship_is_a_working_codec(batch, adapted):
    outputs = adapted("flagship")(batch)
    low, high = 10 * np.log10(255**2 / np.asarray(outputs["mse"]))
    assert high > low > 25
    assert outputs["bpp"][1] > outputs["bpp"][0]


def test_without_transforms_only_the_entropy_model_trains(tiny_options):
    model = build_model("flagship", transforms=False, **tiny_options["flagship"])
    trained = {variable.path.split("/")[0] for variable in model.trainable_variables}
    assert "analysis" not in trained
    assert "synthesis" not in trained


def test_distortion_weight_spans_its_range():
    assert distortion_weight(0.0) == pytest.approx(WEIGHT_MIN)
    assert distortion_weight(1.0) == pytest.approx(WEIGHT_MAX)


def test_passes_code_every_latent_once():
    coded = np.zeros((2, 2, 120), int)
    for p in coding_passes(120):
        for row, column in p.cells:
            coded[row, column, p.low : p.high] += 1
    assert coded.min() == coded.max() == 1
    with pytest.raises(ValueError, match="strong < middle"):
        coding_passes(96)


def test_passes_see_only_what_came_before():
    known = np.zeros((2, 2, 120), bool)
    for p in coding_passes(120):
        assert known[:, :, : p.seen].any(axis=(0, 1)).all()
        for row, column in p.cells:
            known[row, column, p.low : p.high] = True


def test_cells_round_trip_and_windows_are_centred():
    x = np.random.default_rng(0).random((2, 4, 6, 3), np.float32)
    pick = CELLS[1:3]
    restored = np.asarray(from_cells(cells_of(x, pick), pick))
    np.testing.assert_array_equal(restored[:, 1::2, 1::2], x[:, 1::2, 1::2])
    np.testing.assert_array_equal(restored[:, 0::2, 1::2], x[:, 0::2, 1::2])
    assert not restored[:, 0::2, 0::2].any()
    p = CodingPass(cells=pick, low=0, high=1, seen=3, kernel=3)
    centre = np.zeros((3, 3, 3, 3), np.float32)
    centre[1, 1] = np.eye(3)
    got = keras.ops.conv(windows_of(x, p), centre, strides=2, padding="valid")
    np.testing.assert_allclose(np.asarray(got), np.asarray(cells_of(x, pick)), rtol=1e-6)
