"""Counted multiply-accumulates against sums by hand."""

import pytest

from compressor.models.registry import build_model
from training.export import export
from training.macs import macs_per_pixel


def test_cnn_by_hand(tmp_path):
    model = build_model("cnn", hidden=8, channels=6, kernel=5)
    model.adapt(None)
    export(model, tmp_path, name="cnn", model_id=0, metric="mse", provenance={})
    macs = macs_per_pixel(tmp_path)
    assert macs["encoder"] == pytest.approx(25 * 3 * 8 / 4 + 25 * 8 * 6 / 16)
    # A 5x5 transposed convolution of stride 2 is a 3x3 convolution to four times the channels. Its output is
    # larger by one position on each side, and is cropped.
    first, second = 9 * 6 * 4 * 8 / 16, 9 * 8 * 4 * 3 / 4
    assert macs["decoder"] == pytest.approx(first * (66 / 64) ** 2 + second * (130 / 128) ** 2)


def test_flagship_parts_by_hand(tiny_folder, tiny_options):
    macs, sizes = macs_per_pixel(tiny_folder), tiny_options["flagship"]
    hidden, features = sizes["mean_hidden"][2], sizes["mean_features"]
    per_position = (9 * 96 + features + hidden) * hidden + hidden * (sizes["splits"][2] - 96)
    assert macs["mean_9"] == pytest.approx(per_position / 16**2)
    # The first pass looks at features alone, at a sixteenth of the positions.
    assert macs["mean_0"] == pytest.approx(((features + 12) * 12 + 12 * 24) / 64**2)
    # Forward to the last layer, and back through the same convolutions.
    assert macs["filter_gradient"] == pytest.approx(2 * macs["filter"], rel=0.1)
    assert macs["synthesis_gradient"] == macs["analysis"]
    synthesis = macs["synthesis"] + macs["filter"]
    shared = sum(v for k, v in macs.items() if k.startswith(("mean", "hyper_mean", "exact")))
    assert macs["decoder"] == pytest.approx(synthesis + shared)
    analysis = macs["analysis"] + macs["correction"] + macs["hyper_analysis"]
    assert macs["encoder"] == pytest.approx(analysis + shared)
