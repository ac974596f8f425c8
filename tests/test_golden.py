"""Streams of every shipped model, made once: they always decode to the same symbols."""

import json
from pathlib import Path

import pytest
from PIL import Image

import compressor
from compressor.weights.shipped import shipped_models
from scripts.make_golden import CASES, digests
from tests.samples import assert_same_pixels

GOLDEN = Path(__file__).parent / "golden"
STREAMS = sorted(GOLDEN.glob("*.cmpr"))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("model", shipped_models())
def test_every_shipped_model_has_a_golden_stream_of_every_case(model, case):
    stream = (GOLDEN / f"{model}-{case}.cmpr").read_bytes()
    assert compressor.read_info(stream).model_id == shipped_models()[model]


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_golden_stream(path):
    stream, expected = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())
    assert digests(stream) == expected
    decoded, pinned = compressor.decode(stream), Image.open(path.with_suffix(".png"))
    assert (decoded.mode, decoded.size) == (pinned.mode, pinned.size)
    assert_same_pixels(decoded, pinned, path.stem.rpartition("-")[0])
