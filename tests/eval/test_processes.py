"""Codecs timed as processes."""

import sys

import numpy as np
import pytest
from PIL import Image

from eval import codecs
from eval.errors import EvalError
from eval.processes import decode_command, encode_command, our_command, timed


def test_our_command_line(tmp_path):
    codec = codecs.LearnedCodec("flagship-e9", "Ours", ".cmpr", {"effort": 9})
    command = encode_command(codec, 33.5, [tmp_path / "a.png"], tmp_path)
    assert command[1:5] == ["-m", "compressor", "encode", str(tmp_path / "a.png")]
    assert command[-4:] == ["-q", "33.5", "--effort", "9"]
    assert "-j" not in command
    assert "-j" in our_command("decode", [tmp_path / "a.cmpr", tmp_path / "b.cmpr"], tmp_path)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", ["flagship", "jpeg444"])
def test_commands_round_trip(tmp_path, name, count):
    codec = codecs.select([name])[0][0]
    image = np.full((24, 40, 3), (30, 120, 200), np.uint8)
    sources = [tmp_path / f"{number}.png" for number in range(count)]
    for source in sources:
        Image.fromarray(image).save(source)
    target = tmp_path / "out"
    target.mkdir()
    timed(encode_command(codec, 90, sources, target))
    files = sorted(target.iterdir())
    assert [file.name for file in files] == [f"{number}{codec.suffix}" for number in range(count)]
    timed(decode_command(codec, files, target))
    for source in sources:
        decoded = np.asarray(Image.open(target / source.name)).astype(int)
        assert np.abs(decoded - image).max() < 8


def test_failing_process_raises_its_last_line():
    with pytest.raises(EvalError, match="NameError: name 'oops' is not defined"):
        timed([sys.executable, "-c", "oops"])
    seconds, peak_mb = timed([sys.executable, "-S", "-c", "x = bytearray(80 * 2**20)"])
    assert 0 < seconds < 30
    assert 80 < peak_mb < 130
