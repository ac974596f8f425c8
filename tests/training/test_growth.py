"""A trained flagship with more channels and passes does for the old ones what it did."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs the train extra")

from compressor.models import build_model  # noqa: E402
from training.growth import FILTER_OPTIONS, grow  # noqa: E402
from training.start import rebuilt  # noqa: E402

DECODED = 100 * np.random.default_rng(0).random((1, 64, 64, 3)).astype(np.float32) - 50


def filtered(model):
    return np.asarray(model.filter(DECODED, np.array([0.5], np.float32)))


@pytest.fixture
def small(tiny_options, random_pictures):
    three = {"channels": 240, "splits": (24, 96), "coarse_first": False}
    three |= {"mean_hidden": (12, 12, 12), "scale_hidden": (12, 12, 12)}
    model = build_model("flagship", **tiny_options["flagship"] | three)
    model.adapt(random_pictures(8, 64, 64))
    random = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(variable + 0.02 * random.standard_normal(variable.shape))
    return model


def test_grown_model_codes_old_channels_as_before(small, random_pictures):
    large = grow(small, small.config, random_pictures(4, 64, 64, seed=1))
    assert large.channels > small.channels
    assert len(large.passes) > len(small.passes)
    images, quality = random_pictures(2, 64, 128, seed=2), np.array([0.2, 0.9], np.float32)
    coded = {}
    for model in (small, large):
        scales = []

        def quantise(residual, scale, dead_zone=0.0, worth=None, *, scales=scales):
            scales.append(np.asarray(scale) + 0 * np.asarray(residual))
            return keras.ops.round(residual), 0 * residual

        latents = model.analyse(images, quality)
        decoded, _ = model.code(latents, quality, quantise)
        coded[model] = [np.asarray(x)[..., : small.channels] for x in (latents, decoded)]
        # The last pass of the small model is more than one in the larger.
        whole = sum(p.stride == 1 for p in model.passes)
        rest = np.concatenate(scales[-whole:], axis=-1)[..., : small.channels - 96]
        coded[model] += [scales[0], rest]
    for ours, theirs in zip(coded[large], coded[small], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_new_channels_are_those_of_the_transform_that_were_left_out(small, random_pictures):
    large = grow(small, small.config, random_pictures(4, 64, 64, seed=1))
    kernel = np.asarray(large.lapped_analysis.kernel).reshape(-1, large.channels)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(large.channels), atol=1e-5)
    np.testing.assert_array_equal(
        kernel[:, : small.channels].reshape(16, 16, 3, -1), small.lapped_synthesis.kernel
    )
    assert np.asarray(large.magnitude).min() >= 0.5


@pytest.mark.parametrize("blocks_less", [0, 2])
def test_a_filter_is_kept_and_gets_more_blocks(tiny_options, random_pictures, small, blocks_less):
    new = {key: build_model("flagship").config[key] for key in FILTER_OPTIONS}
    fewer = new | {"filter_blocks": new["filter_blocks"] - blocks_less}
    model = build_model("flagship", **small.config | fewer)
    model.adapt(random_pictures(8, 64, 64))
    for variable in model.synthesis.weights:
        variable.assign(variable + 0.02)
    expected = filtered(model)
    assert np.abs(expected - filtered(small)).max() > 0.01
    for larger in grow(model, model.config, random_pictures(4, 64, 64)), rebuilt(model, model.config | new):
        assert larger.config["filter_blocks"] == new["filter_blocks"]
        np.testing.assert_allclose(filtered(larger), expected, atol=1e-3)


def test_a_filter_of_another_width_begins_at_zero(random_pictures, small):
    large = grow(small, small.config, random_pictures(4, 64, 64))
    assert np.abs(filtered(small) - DECODED).max() > 0.01
    np.testing.assert_array_equal(filtered(large), DECODED)
