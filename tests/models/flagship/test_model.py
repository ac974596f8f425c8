"""The flagship's Keras model."""

import keras
import numpy as np
import pytest

from compressor.layers import DynamicEightBitConv2D
from compressor.models.flagship.model import from_views, views_of, windows_of
from compressor.models.registry import build_model
from compressor.spec.passes import CELLS, CodingPass


def test_an_untrained_model_is_a_working_codec(random_pictures, tiny_options):
    batch = {"images": random_pictures(2, 64, 128), "quality": np.array([0.2, 0.9], "float32")}
    model = build_model("flagship", **tiny_options["flagship"])
    model.adapt(batch["images"])
    outputs = model(batch)
    low, high = 10 * np.log10(255**2 / np.asarray(outputs["mse"]))
    assert high > low > 25
    assert outputs["bpp"][1] > outputs["bpp"][0]


def test_without_transforms_only_the_entropy_model_trains(tiny_options):
    for transforms in (True, False):
        model = build_model("flagship", transforms=transforms, **tiny_options["flagship"])
        trained = {id(variable) for variable in model.trainable_variables}
        for network in (model.correction, model.synthesis_filter):
            assert {id(variable) in trained for variable in network.weights} == {transforms}
        assert {id(variable) in trained for variable in model.hyper_mean.weights} == {True}


@pytest.mark.slow
def test_with_quick_moves_all_but_the_analysis_trains(random_pictures, tiny_options):
    options = tiny_options["flagship"]
    model = build_model("flagship", quick_moves=1, **options)
    batch = {"images": random_pictures(2, 64, 64), "quality": np.array([0.2, 0.9], "float32")}
    model.adapt(batch["images"])
    model.compile(optimizer=keras.optimizers.Adam(0.1))
    before, of_filter = model.correction.get_weights(), model.synthesis_filter.get_weights()
    gain = np.asarray(model.log_gain.values)
    model.fit(batch, batch_size=2, verbose=0)
    for old, new in zip(before, model.correction.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(gain, np.asarray(model.log_gain.values))
    changes = zip(of_filter, model.synthesis_filter.get_weights(), strict=True)
    assert any(np.any(old != new) for old, new in changes)


@pytest.mark.parametrize("eight_bits", [False, True])
def test_all_means_but_those_of_the_strongest_channels_are_in_eight_bits(tiny_options, eight_bits):
    model = build_model("flagship", eight_bits=eight_bits, **tiny_options["flagship"])
    for p, context in zip(model.passes, model.mean_contexts, strict=True):
        is_in_eight_bits = isinstance(context.get_layer("hidden"), DynamicEightBitConv2D)
        assert is_in_eight_bits == (eight_bits and p.low > 0)


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
