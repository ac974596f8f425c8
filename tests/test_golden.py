"""Streams of every shipped model, made once: they always decode to the same symbols."""

import json
import random
from pathlib import Path

import pytest
from PIL import Image

import compressor
from compressor.errors import CompressorError
from compressor.weights.files import shipped_models
from scripts.symbols import digest_of_stream
from tests.samples import assert_same_pixels

GOLDEN = Path(__file__).parent / "golden"
STREAMS = sorted(GOLDEN.glob("*.cmpr"))


@pytest.mark.parametrize("model", shipped_models())
def test_there_are_golden_streams_of_every_shipped_model(model):
    streams = sorted(GOLDEN.glob(f"{model}-*.cmpr"))
    assert streams
    for path in streams:
        assert compressor.read_info(path.read_bytes()).model_id == shipped_models()[model], path


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_golden_stream(path):
    stream, expected = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())
    assert digest_of_stream(stream) == expected["symbols_sha256"]
    decoded, pinned = compressor.decode(stream), Image.open(path.with_suffix(".png"))
    assert (decoded.mode, decoded.size) == (pinned.mode, pinned.size)
    assert_same_pixels(decoded, pinned, path.stem.rpartition("-")[0])


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
