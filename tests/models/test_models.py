"""Contract of the models: shapes, serialisation, training steps, and what the objective means."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs the train extra")

from compressor.models import MODELS, build_model  # noqa: E402
from compressor.models.base import WEIGHT_MAX, WEIGHT_MIN, distortion_weight  # noqa: E402
from compressor.models.flagship import from_views, views_of, windows_of  # noqa: E402
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


@pytest.mark.parametrize("coarse_first", [False, True])
def test_passes_code_every_latent_once(coarse_first):
    coded, share = np.zeros((4, 4, 120), int), 0.0
    for p in coding_passes(120, (24, 96, 110), coarse_first):
        for view in p.views:
            coded[(*view, slice(p.low, p.high))] += 1
        share += p.share * (p.high - p.low) / 120
    assert coded.min() == coded.max() == 1
    assert share == pytest.approx(1)


@pytest.mark.parametrize("splits", [(24,), (24, 96), (96, 24), (0, 24)])
def test_passes_take_no_empty_groups(splits):
    with pytest.raises(ValueError, match="splits that rise"):
        coding_passes(96, splits)


@pytest.mark.parametrize("coarse_first", [False, True])
def test_passes_see_only_what_came_before(coarse_first):
    known = np.zeros((4, 4, 120), bool)
    for p in coding_passes(120, (24, 96, 110), coarse_first):
        assert known[:: p.spacing, :: p.spacing, : p.seen].any(axis=(0, 1)).all()
        for view in p.views:
            known[(*view, slice(p.low, p.high))] = True


@pytest.mark.parametrize("spacing", [1, 2])
def test_views_round_trip_and_windows_are_centred(spacing):
    x = np.random.default_rng(0).random((2, 8, 12, 3), np.float32)
    p = CodingPass(cells=CELLS[1:3], low=0, high=1, seen=3, kernel=3, spacing=spacing)
    restored, coded = np.asarray(from_views(views_of(x, p), p)), np.zeros((8, 12), bool)
    for view in p.views:
        coded[view] = True
    np.testing.assert_array_equal(restored, x * coded[..., None])
    centre = np.zeros((3, 3, 3, 3), np.float32)
    centre[1, 1] = np.eye(3)
    got = keras.ops.conv(windows_of(x, p), centre, strides=2, padding="valid")
    np.testing.assert_allclose(np.asarray(got), np.asarray(views_of(x, p)), rtol=1e-6)
