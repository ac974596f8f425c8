"""The benchmark of speed."""

import json

import pytest

from eval import bench, codecs
from eval.cli import main


def test_bench_prints_ratios_and_the_machine(tmp_path, capsys):
    file = tmp_path / "bench.json"
    arguments = ["--codecs", "webp", "jpeg420", "--rounds", "2", "--batch", "3", "--json", str(file)]
    assert main(["bench", *arguments]) == 0
    out = capsys.readouterr().out
    assert "processor: " in out
    results = json.loads(file.read_text())["results"]
    for line in results.values():
        assert line["bpp"] == pytest.approx(1, rel=0.15)
        assert line["decode"] > 0
        # Starting Python with Pillow takes some time and memory, but neither minutes nor gigabytes.
        assert 0.03 < line["cold_encode_s"] < 30
        assert 8 < line["cold_decode_peak_mb"] < 100
        # A batch starts Python only once.
        assert line["batch_decode_images_per_s"] > 1 / line["cold_decode_s"]
    ratio = results["webp"]["encode"] / results["jpeg420"]["encode"]
    assert ratio > 1
    row = next(line for line in out.splitlines() if line.startswith("| encode, warm"))
    assert f" {ratio:.2g} " in row


def test_a_model_whose_name_is_not_text(tmp_path):
    (tmp_path / "manifest.json").write_text('{"model_id": 0, "name": "o\\udcff", "files": {}}')
    assert codecs.own_model(tmp_path).name == r"'o\udcff'"


def test_bench_without_processes(capsys):
    assert main(["bench", "--codecs", "webp", "jpeg420", "--rounds", "1", "--no-cold"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| decode, whole")]
    assert rows[0].count("| - ") == 3


def test_codecs_alternate(numbers_codec, photo):
    order = []

    class Logging(type(numbers_codec())):
        def decode(self, data):
            order.append(self.name)
            return super().decode(data)

    chosen = [Logging(name, name, ".num", qualities=(10, 90), log=([],)) for name in "AB"]
    qualities = {"A": [50.0], "B": [50.0]}
    bench.warm_times(chosen, [photo(20, 20)], qualities, rounds=3)
    assert "".join(order) == "ABABAB"


def test_other_codecs_are_not_timed_as_processes(numbers_codec, photo, capsys):
    assert bench.process_times([numbers_codec()], photo(20, 20), {"numbers": [50.0]}, batch=1) == {}
    assert "numbers was not timed as a process: it has no command line" in capsys.readouterr().err


def test_failing_codec_is_left_out(numbers_codec, photo, capsys):
    bad = numbers_codec(fail_at=1)
    good = codecs.select(["jpeg420"])[0][0]
    assert list(bench.matched_qualities([bad, good], [photo(20, 20)], 4.0)) == ["jpeg420"]
    assert "left out: numbers failed: ValueError: codec failed" in capsys.readouterr().err


def test_a_file_that_is_left_out_is_a_failure(folder, capsys):
    (folder / "damaged.png").write_bytes(b"no picture")
    arguments = ["--codecs", "jpeg420", "--rounds", "1", "--no-cold", "--images", str(folder)]
    assert main(["bench", *arguments]) == 1
    assert "left out: damaged.png" in capsys.readouterr().err


def test_a_model_that_fails_is_a_failure(numbers_codec, monkeypatch, capsys):
    bad, good = numbers_codec(fail_at=1), codecs.select(["jpeg420"])[0][0]
    monkeypatch.setattr("eval.codecs.select", lambda *_: ([bad, good], []))
    assert main(["bench", "--codecs", "jpeg420", "--rounds", "1", "--no-cold"]) == 1
    assert "left out: numbers failed" in capsys.readouterr().err
