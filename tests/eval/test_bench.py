import json
import sys

import pytest

from eval import bench, codecs
from eval.cli import main


def test_bench_prints_ratios_and_the_machine(tmp_path, capsys):
    file = tmp_path / "bench.json"
    assert main(["bench", "--codecs", "jpeg420", "webp", "--rounds", "2", "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert "processor: " in out
    results = json.loads(file.read_text())["results"]
    for line in results.values():
        assert line["bpp"] == pytest.approx(1, rel=0.15)
        assert line["decode"] > 0
        # A fresh Python with Pillow needs a while and some memory, but neither minutes nor gigabytes.
        assert 0.03 < line["cold_encode_s"] < 30
        assert 8 < line["cold_decode_peak_mb"] < 100
    ratio = results["webp"]["encode"] / results["jpeg420"]["encode"]
    assert ratio > 1
    webp = next(line for line in out.splitlines() if line.startswith("| webp"))
    assert f" {ratio:.2g} " in webp


def test_codecs_take_turns(numbers_codec, photo):
    order = []

    class Noted(type(numbers_codec())):
        def decode(self, data):
            order.append(self.name)
            return super().decode(data)

    chosen = [Noted(name, name, ".num", qualities=(10, 90), log=([],)) for name in "AB"]
    bench.warm_times(chosen, [photo(20, 20)], 1.0, rounds=3)
    assert "".join(order) == "AB" + "ABABAB"  # once to warm up, then in turns


def test_one_failing_codec_is_left_out(numbers_codec, photo, capsys):
    bad = numbers_codec(fail_at=1)
    good = codecs.select(["jpeg420"])[0][0]
    assert list(bench.warm_times([bad, good], [photo(20, 20)], 4.0, rounds=1)) == ["jpeg420"]
    assert "left out: numbers failed: ValueError: the codec says no" in capsys.readouterr().err


def test_our_codec_is_started_by_its_command_line(tmp_path):
    codec = codecs.LearnedCodec("flagship-e9", "Ours", ".cmpr", {"effort": 9})
    command = bench._cold_command(codec, "encode", tmp_path / "a.png", tmp_path / "a.cmpr", 33.5)
    assert command[1:4] == ["-m", "compressor", "encode"]
    assert command[-4:] == ["-q", "33.5", "--effort", "9"]


def test_a_cold_start_that_fails_says_why():
    from eval.errors import EvalError

    with pytest.raises(EvalError, match="NameError: name 'oops' is not defined"):
        bench._timed([sys.executable, "-c", "oops"])
    seconds, peak_mb = bench._timed([sys.executable, "-S", "-c", "x = bytearray(80 * 2**20)"])
    assert 0 < seconds < 30
    assert 80 < peak_mb < 130
