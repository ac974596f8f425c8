"""Measurements, their cache, and runs that are interrupted."""

import json
import math
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compressor.images.psnr import psnr_db
from eval.codecs import PillowCodec, select
from eval.errors import InterruptedRunError
from eval.images import find_pictures, load_rgb
from eval.measure import COLUMNS, Cache, measure
from eval.memory import peak_memory
from eval.metrics import METRICS, usable_metrics
from eval.runner import plan, qualities_of, run


def run_quietly(folder, codec_list, cache, qualities=None, jobs=1):
    pictures, _ = find_pictures(folder)
    return run(plan(pictures, codec_list, qualities), Cache(cache), jobs, quiet=True)


def test_row_describes_the_file(folder, tmp_path, photo):
    (jpeg,), _ = select(["jpeg420"])
    rows, failures = run_quietly(folder, [jpeg], tmp_path / "cache", [75])
    assert failures == []
    assert [row["image"] for row in rows] == ["a.png", "b.png"]
    row = rows[0]
    assert tuple(row) == COLUMNS
    data = jpeg.encode(photo(48, 64), 75)
    assert row["num_bytes"] == len(data)
    assert row["bpp"] == 8 * len(data) / (48 * 64)
    assert row["psnr_rgb_db"] == pytest.approx(psnr_db(photo(48, 64), jpeg.decode(data)))
    assert 0 < row["encode_s"] < 5
    assert not row["lossless"]
    [file] = [path for path in (tmp_path / "cache").rglob("*.jpg") if path.stat().st_size == len(data)]
    assert file.read_bytes() == data


def test_second_run_measures_only_new_tasks(folder, tmp_path, numbers_codec):
    codec = numbers_codec()
    first, _ = run_quietly(folder, [codec], tmp_path / "cache")
    assert codec.log[0] == [10, 50, 90, 10, 50, 90]
    second, _ = run_quietly(folder, [codec], tmp_path / "cache", [10, 50, 70, 90])
    assert codec.log[0][6:] == [70, 70]
    assert [row for row in second if row["quality"] != 70] == first


def test_cache_key_has_pixels_version_and_settings(folder, tmp_path, numbers_codec):
    codec = numbers_codec()
    run_quietly(folder, [codec], tmp_path / "cache", [50])
    (folder / "a.png").rename(folder / "renamed.png")
    rows, _ = run_quietly(folder, [codec], tmp_path / "cache", [50])
    assert len(codec.log[0]) == 2
    assert [row["image"] for row in rows] == ["b.png", "renamed.png"]
    for other in (numbers_codec(number="2"), numbers_codec(options={"effort": 1})):
        run_quietly(folder, [other], tmp_path / "cache", [50])
        assert len(other.log[0]) == 2
    Image.fromarray(np.asarray(Image.open(folder / "b.png")) ^ 1).save(folder / "b.png")
    run_quietly(folder, [codec], tmp_path / "cache", [50])
    assert len(codec.log[0]) == 3


@pytest.mark.parametrize("damage", ["row cut", "row gone", "file gone", "file cut"])
def test_damaged_cache_entry_is_replaced(folder, tmp_path, numbers_codec, damage):
    codec = numbers_codec()
    run_quietly(folder, [codec], tmp_path / "cache", [50])
    path = next((tmp_path / "cache").rglob("*.json" if damage.startswith("row") else "*.num"))
    if damage.endswith("gone"):
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-5])
    rows, failures = run_quietly(folder, [codec], tmp_path / "cache", [50])
    assert (len(rows), failures) == (2, [])
    assert len(codec.log[0]) == 3


def test_cached_row_is_completed_with_a_new_metric(folder, tmp_path, numbers_codec, monkeypatch):
    """Nothing is encoded again, so older results keep their times."""
    codec = numbers_codec()
    older = tuple(metric for metric in METRICS if metric.name != "ssimulacra2")
    with monkeypatch.context() as before:
        before.setattr("eval.metrics.METRICS", older)
        [first, _], _ = run_quietly(folder, [codec], tmp_path / "cache", [50])
    assert first["ssimulacra2"] is None
    [second, _], failures = run_quietly(folder, [codec], tmp_path / "cache", [50])
    assert failures == []
    assert len(codec.log[0]) == 2
    assert second["ssimulacra2"] < 100
    assert {**second, "ssimulacra2": None} == first
    stored = [json.loads(path.read_text()) for path in (tmp_path / "cache").rglob("*.json")]
    assert all(metric.name in row for row in stored for metric in usable_metrics()[0])


def test_infinite_psnr_survives_the_cache(folder, tmp_path, numbers_codec):
    codec = numbers_codec()
    rows, _ = run_quietly(folder, [codec], tmp_path / "cache", [100])
    again, _ = run_quietly(folder, [codec], tmp_path / "cache", [100])
    assert len(codec.log[0]) == 2
    assert rows == again
    assert rows[0]["psnr_rgb_db"] == rows[0]["psnr_y_db"] == math.inf
    assert rows[0]["lossless"]


def test_one_pixel_picture(tmp_path):
    Image.new("RGB", (1, 1), (10, 200, 30)).save(tmp_path / "dot.png")
    (webp,), _ = select(["webp"])
    [row], failures = run_quietly(tmp_path, [webp], tmp_path / "cache", [80])
    assert failures == []
    assert row["bpp"] == 8 * row["num_bytes"]
    assert row["ssim"] is None
    assert row["ms_ssim"] is None
    assert row["note"].startswith("MS-SSIM needs 161 px, SSIM needs 11 px, ")


class Panic(BaseException):
    """Exception like the panics of Rust libraries."""


@pytest.mark.parametrize("error", [ValueError, Panic])
def test_failing_file_is_reported_and_the_rest_is_measured(folder, tmp_path, numbers_codec, error):
    codec = numbers_codec(fail_at=2, error=error)
    rows, failures = run_quietly(folder, [codec], tmp_path / "cache")
    assert failures == [f"a.png, numbers, quality 50: {error.__name__}: codec failed"]
    assert len(rows) == 5
    rows, failures = run_quietly(folder, [codec], tmp_path / "cache")  # failures are retried
    assert (len(rows), failures) == (6, [])


def test_changed_size_is_reported(folder, tmp_path, numbers_codec):
    class Shrinking(type(numbers_codec())):
        def decode(self, data):
            return super().decode(data)[1:]

    codec = Shrinking("shrinking", "Shrinking", ".num", log=([],))
    _, failures = run_quietly(folder, [codec], tmp_path / "cache", [50])
    assert failures[0] == "a.png, shrinking, quality 50: sizes differ: 64x48 and 64x47"


def test_ctrl_c_keeps_finished_rows(folder, tmp_path, numbers_codec):
    codec = numbers_codec(fail_at=4, error=KeyboardInterrupt)
    with pytest.raises(InterruptedRunError, match="stopped after 3 of 6 files"):
        run_quietly(folder, [codec], tmp_path / "cache")
    rows, failures = run_quietly(folder, [codec], tmp_path / "cache")
    assert (len(rows), failures) == (6, [])
    assert len(codec.log[0]) == 4 + 3


def test_parallel_rows_equal_serial_ones(folder, tmp_path):
    chosen, _ = select(["jpeg420", "webp"])
    timing = {"encode_s", "decode_s", "peak_mb"}
    results = []
    for jobs in (1, 2):
        rows, failures = run_quietly(folder, chosen, tmp_path / str(jobs), [30, 80], jobs)
        assert failures == []
        results.append([{key: row[key] for key in row if key not in timing} for row in rows])
    assert len(results[0]) == 8
    assert results[0] == results[1]


class Dying(PillowCodec):
    """Codec that kills its own process at quality 50."""

    def encode(self, image_uint8, quality):
        if quality == 50:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(image_uint8, quality)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_worker_that_dies_costs_one_measurement(folder, tmp_path):
    codec = Dying("dying", "Dying", ".webp", format="WEBP", feature="webp")
    rows, failures = run_quietly(folder, [codec], tmp_path / "cache", [40, 50, 60], jobs=2)
    assert [row["quality"] for row in rows] == [40, 60] * 2
    assert sorted(failures) == [
        f"{name}.png, dying, quality 50: the process at work on it ended with signal 9" for name in "ab"
    ]


def test_no_temporary_files_remain(folder, tmp_path, numbers_codec):
    run_quietly(folder, [numbers_codec(fail_at=3)], tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("*.tmp")) == []


def test_peak_memory_sees_an_array():
    with peak_memory() as small:
        pass
    if small["mb"] is None:
        pytest.skip("this system does not report peak memory")
    with peak_memory() as large:
        np.ones(64 * 2**20, dtype=np.uint8).sum()
    assert small["mb"] < 16
    assert 60 < large["mb"] < 100


def test_file_on_disk_is_decoded(folder, tmp_path, numbers_codec, monkeypatch):
    """Bytes that change on their way to the disk must change the result."""
    codec = numbers_codec()
    [task, _] = plan(find_pictures(folder)[0], [codec], [100])

    def spoil(path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            data[:3] + bytes([data[3] ^ 255]) + data[4:] + b"!!" if path.suffix == ".num" else data
        )

    monkeypatch.setattr("eval.measure.write_atomically", spoil)
    row = measure(task, Cache(tmp_path))
    assert not row["lossless"]
    assert row["num_bytes"] == len(codec.encode(load_rgb(folder / "a.png"), 100)) + 2


def test_qualities_are_tested_once_each_and_whole_where_the_codec_needs_that():
    jpeg, ours = select(["jpeg420", "flagship"])[0]
    assert qualities_of(jpeg, [50.4, 50.0, 70.0]) == [50, 70]
    assert qualities_of(ours, [50.25, 50.0, 50.25]) == [50.25, 50.0]
    assert qualities_of(jpeg, None) == list(jpeg.qualities)
