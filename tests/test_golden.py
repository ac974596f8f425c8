"""Streams of every shipped model, made once: they decode to the same symbols for ever."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import compressor
from compressor.errors import CompressorError
from compressor.model_files import SHELF
from scripts.make_golden import symbol_digest

GOLDEN = Path(__file__).parent / "golden"
STREAMS = sorted(GOLDEN.glob("*.cmpr"))


def test_there_are_golden_streams_of_every_shipped_model():
    assert SHELF.ids
    for model in SHELF.ids:
        assert any(path.name.startswith(model) for path in STREAMS), model


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_golden_stream(path):
    stream, expected = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())
    assert symbol_digest(stream) == expected["symbols_sha256"]
    decoded, pinned = compressor.decode(stream), Image.open(path.with_suffix(".png"))
    assert (decoded.mode, decoded.size) == (pinned.mode, pinned.size)
    # Means and pixels are floats: engines may round the other way.
    assert np.abs(np.asarray(decoded, int) - np.asarray(pinned, int)).max() <= 1


@pytest.mark.parametrize("path", STREAMS[:1], ids=lambda p: p.stem)
def test_every_truncation_and_random_flips_give_a_typed_error(path):
    stream = path.read_bytes()
    for end in range(len(stream)):
        with pytest.raises(CompressorError):
            compressor.decode(stream[:end])
    chance = random.Random(0)
    for _ in range(1000):
        damaged = bytearray(stream)
        damaged[chance.randrange(len(stream))] ^= chance.randrange(1, 256)
        with pytest.raises(CompressorError):
            compressor.decode(bytes(damaged))
