"""The autoencoder, its tables and its streams."""

import keras
import numpy as np
import pytest

from compressor.models.registry import build_model
from demos import compressor
from demos.errors import DemoError
from demos.receptive_field import layers_of


@pytest.fixture(scope="module")
def autoencoder():
    keras.utils.set_random_seed(0)
    crops = compressor.training_crops(32, 32, np.random.default_rng(0))
    model, losses = compressor.train(crops, epochs=4)
    assert losses[-1] < losses[0]
    return model, compressor.make_tables(model)


def test_autoencoder_has_the_layers_of_the_cnn_family(autoencoder):
    family = build_model("cnn")
    for ours, theirs in (
        (autoencoder[0].analysis, family.analysis),
        (autoencoder[0].synthesis, family.synthesis),
    ):
        assert layers_of(ours) == layers_of(theirs)
        assert [layer.filters for layer in ours.layers] == [layer.filters for layer in theirs.layers]


def test_stream_round_trip(autoencoder, rng):
    model, tables = autoencoder
    picture = rng.random((32, 48, 3)).astype(np.float32)
    stream = compressor.compress(model, tables, picture)
    symbols = np.round(model.latents(picture[None])).astype(np.int32)
    assert stream[:4] == bytes([0, 8, 0, 12])
    assert np.array_equal(compressor.decompress_symbols(tables, stream), symbols)
    expected = np.clip(model.decode(symbols.astype(np.float32))[0], 0, 1)
    assert compressor.decompress(model, tables, stream) == pytest.approx(expected, abs=1e-5)


def test_estimated_bits_agree_with_the_stream(autoencoder):
    model, tables = autoencoder
    picture = compressor.training_crops(1, 128, np.random.default_rng(5))[0]
    symbols = np.round(model.latents(picture[None]))
    estimated = float(np.sum(model.bits(symbols))) / 8
    assert len(compressor.compress(model, tables, picture)) == pytest.approx(estimated, rel=0.03, abs=8)


def test_tables_agree_with_the_density(autoencoder):
    model, tables = autoencoder
    channel, scale = 5, float(np.exp(model.log_scale[5]))
    frequencies = tables.frequencies(channel + 1)
    assert frequencies.sum() == 2**16
    zero = frequencies[tables.half_widths[channel + 1]] / 2**16
    assert zero == pytest.approx(np.tanh(1 / (4 * scale)), abs=2e-3)  # the logistic mass of -1/2 .. 1/2


@pytest.mark.parametrize("cut", [0, 3, 5])
def test_truncated_stream(autoencoder, cut):
    model, tables = autoencoder
    stream = compressor.compress(model, tables, np.zeros((16, 16, 3), np.float32))
    with pytest.raises(DemoError):
        compressor.decompress_symbols(tables, stream[:cut])
