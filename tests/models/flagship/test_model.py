"""The flagship's Keras model."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs the train extra")

from compressor.models.flagship.model import from_views, views_of, windows_of  # noqa: E402
from compressor.models.registry import build_model  # noqa: E402
from compressor.spec.passes import CELLS, CodingPass  # noqa: E402


def test_an_untrained_model_is_a_working_codec(random_pictures, tiny_options):
    batch = {"images": random_pictures(2, 64, 128), "quality": np.array([0.2, 0.9], "float32")}
    model = build_model("flagship", **tiny_options["flagship"])
    model.adapt(batch["images"])
    outputs = model(batch)
    low, high = 10 * np.log10(255**2 / np.asarray(outputs["mse"]))
    assert high > low > 25
    assert outputs["bpp"][1] > outputs["bpp"][0]


def test_without_transforms_only_the_entropy_model_trains(tiny_options):
    model = build_model("flagship", transforms=False, **tiny_options["flagship"])
    trained = {variable.path.split("/")[0] for variable in model.trainable_variables}
    assert "analysis" not in trained
    assert "synthesis" not in trained


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
