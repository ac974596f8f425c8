"""With any shipped model, the decoder reads what the encoder wrote: any picture, size, mode and quality.

`ROUND_TRIP_EXAMPLES=10000 python -m pytest tests/test_round_trips.py` tries that many.
"""

import os

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import compressor
from compressor import Runtime
from compressor.bitstream.container import read_container
from compressor.coding.area import Area
from compressor.coding.loading import load_coder
from compressor.coding.screen_content import find_screen_content
from compressor.coding.stored_pixels import NUMBERS_OF_COLOURS
from compressor.coding.stored_section import read_stored
from compressor.images.arrays import colour_array
from compressor.spec.file_format import PICTURE, STORED
from compressor.weights.shipped import shipped_models

SHIPPED = sorted(shipped_models())
NUM_EXAMPLES = int(os.environ.get("ROUND_TRIP_EXAMPLES", "40"))


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


@settings(max_examples=NUM_EXAMPLES, deadline=None)
@given(pictures(), st.floats(1, 100), st.sampled_from(SHIPPED))
def test_round_trip(image, quality, model):
    runtime = Runtime(model=model, engine="onnxruntime", threads=1)
    data = compressor.encode(image, quality, runtime=runtime, keep_hidden=True)
    info = compressor.read_info(data)
    assert (info.mode, info.width, info.height) == (image.mode, *image.size)
    assert info.model_id == shipped_models()[model]
    assert info.is_lossless or abs(info.quality - quality) <= 0.125

    decoded = compressor.decode(data, runtime=runtime)
    assert (decoded.mode, decoded.size) == (image.mode, image.size)
    if "A" in image.mode:
        assert decoded.getchannel("A").tobytes() == image.getchannel("A").tobytes()

    coder, container, colours = load_coder(runtime), read_container(data), colour_array(image)
    level, area = container.header.level, Area(0, 0, image.height, image.width)
    if STORED in container.sections:
        stored, mask = read_stored(container.sections[STORED], image.height, image.width, area)
        if not np.array_equal(stored[mask], colours[mask]):
            assert not info.is_lossless
            assert len(np.unique(stored[mask], axis=0)) <= NUMBERS_OF_COLOURS[0]
        if mask.all():
            assert not container.sections[PICTURE]
            return
        colours = find_screen_content(colours).rest
    written = coder.symbols(colours, level)
    read = coder.read_symbols(container.sections[PICTURE], image.height, image.width, level)
    for ours, theirs in zip(written, read, strict=True):
        np.testing.assert_array_equal(theirs, ours)
