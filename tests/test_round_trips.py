"""Any picture, size, mode and quality goes through the shipped models and comes back as it should.

`ROUND_TRIP_EXAMPLES=10000 python -m pytest tests/test_round_trips.py` tries that many.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import compressor
from compressor import latent_coder
from compressor.image_io import colour_array
from compressor.model_files import SHELF
from compressor.picture_coder import load_coder

SHIPPED = sorted(SHELF.ids)
NUM_EXAMPLES = int(os.environ.get("ROUND_TRIP_EXAMPLES", "40"))
OPTIONS = {"engine": "onnxruntime", "threads": 1}


@st.composite
def pictures(draw):
    """Flat, smooth, hard-edged or noisy pictures of any mode, 1x1 to 80x80."""
    mode = draw(st.sampled_from(["L", "LA", "RGB", "RGBA"]))
    height, width = draw(st.integers(1, 80)), draw(st.integers(1, 80))
    kind = draw(st.sampled_from(["flat", "ramp", "blocks", "noise"]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low, high = random.integers(0, 256, (2, 4))
    across = np.linspace(0, 1, width)[None, :, None] * np.ones((height, 1, 1))
    weight = {
        "flat": np.zeros((height, width, 1)),
        "ramp": across,
        "blocks": np.floor(4 * across) % 2,
        "noise": random.random((height, width, 4)),
    }[kind]
    pixels = np.rint(low + (high - low) * weight).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


@pytest.fixture
def read_symbols(monkeypatch):
    """The symbols that decoders have read since the list was last cleared."""
    read = []

    class RecordingDecoder(latent_coder.SymbolDecoder):
        def get(self, indices):
            read.append(super().get(indices))
            return read[-1]

    monkeypatch.setattr(latent_coder, "SymbolDecoder", RecordingDecoder)
    return read


@settings(
    max_examples=NUM_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pictures(), st.floats(1, 100), st.sampled_from(SHIPPED))
def test_round_trip(read_symbols, image, quality, model):
    data = compressor.encode(image, quality, model=model, **OPTIONS)
    info = compressor.read_info(data)
    assert (info.mode, info.width, info.height) == (image.mode, *image.size)
    assert abs(info.quality - quality) <= 0.125

    read_symbols.clear()
    decoded = compressor.decode(data, **OPTIONS)
    assert (decoded.mode, decoded.size) == (image.mode, image.size)
    if "A" in image.mode:
        assert decoded.getchannel("A").tobytes() == image.getchannel("A").tobytes()

    level = round(4 * (info.quality - 1))
    meant = [symbols for symbols, _ in load_coder(model, **OPTIONS).symbols(colour_array(image), level)]
    assert len(meant) == len(read_symbols)
    for ours, theirs in zip(meant, read_symbols, strict=True):
        assert np.array_equal(ours, theirs)
