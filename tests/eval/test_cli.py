import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval import outputs
from eval.cli import main
from eval.errors import EvalError
from eval.runner import run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def evaluate(folder, tmp_path, capsys):
    """Runs `run` on the small folder; returns the exit code and the two streams."""

    def call(*extra):
        arguments = ["run", "--images", str(folder), "--out", str(tmp_path / "out"), "--quiet"]
        code = main([*arguments, "--cache", str(tmp_path / "cache"), *extra])
        return (code, *capsys.readouterr())

    return call


def test_run_writes_everything(evaluate, tmp_path, folder):
    code, out, err = evaluate("--codecs", "jpeg420", "webp", "--name", "mine")
    assert code == 0
    assert "PSNR (RGB) against jpeg420, 28 .. 40 dB" in out
    assert "| webp " in out
    assert "a.png: MS-SSIM needs 161 px" in err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    expected = (
        "mine.csv",
        "mine.json",
        "mine-bd.csv",
        "mine-bd.md",
        "mine.html",
        "mine-psnr_rgb_db.png",
        "mine-ssim.png",
    )
    assert names >= set(expected)
    assert "mine-ms_ssim.png" not in names  # the pictures are too small for it
    rows = outputs.rows_from_csv((tmp_path / "out" / "mine.csv").read_text())
    stored = json.loads((tmp_path / "out" / "mine.json").read_text())
    assert len(rows) == len(stored["rows"]) == 2 * (12 + 10)
    for row, other in zip(rows, stored["rows"], strict=True):
        assert row["num_bytes"] == other["num_bytes"]
        assert row["psnr_rgb_db"] == pytest.approx(other["psnr_rgb_db"], rel=1e-6)


def test_problems_are_said_and_the_rest_goes_on(evaluate, folder):
    (folder / "notes.txt").write_text("no picture")
    code, out, err = evaluate("--codecs", "jpeg420", "webp", "--no-html", "--qualities", "30", "60", "90")
    assert code == 1
    assert "warning: left out: notes.txt: not a picture" in err
    assert "| webp " in out


def test_an_asked_for_codec_that_is_missing_fails(evaluate, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    code, _, err = evaluate("--codecs", "jpeg420", "jxl", "--no-html", "--qualities", "50")
    assert code == 1
    assert "left out: jxl: install pillow-jxl-plugin" in err


def test_without_the_reference_there_is_no_bd(evaluate):
    code, _, err = evaluate("--codecs", "webp", "--no-html", "--qualities", "50")
    assert code == 0
    assert "no BD-rates: the reference jpeg420 is not among the results" in err


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--images", "nowhere"], "error: nowhere: no such folder"),
        (["--codecs", "bpg"], "error: no codec named bpg"),
        (["--published", "nowhere.json"], "error: nowhere.json: No such file"),
        (
            ["--reference", "bpg", "--codecs", "webp", "--qualities", "50"],
            "error: no codec named bpg to take",
        ),
    ],
)
def test_errors_are_one_line(evaluate, extra, message):
    code, _, err = evaluate(*extra)
    assert code == 1
    assert message in err
    assert len([line for line in err.splitlines() if line.startswith("error")]) == 1


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["run"], ["run", "--images", "x", "--out", "y", "--qualities", "0"],
     ["run", "--images", "x", "--out", "y", "-j", "0"], ["bench", "--bpp", "0"], ["compare", "a"]],
)  # fmt: skip
def test_usage_errors(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_compare(tmp_path, photo, capsys):
    original, copy = tmp_path / "a.png", tmp_path / "b.jpg"
    Image.fromarray(photo(170, 180)).save(original)
    Image.fromarray(photo(170, 180)).save(copy, quality=50)
    assert main(["compare", str(original), str(copy), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["bpp"] == 8 * copy.stat().st_size / (170 * 180)
    assert 20 < result["psnr_rgb_db"] < 50
    assert 0.5 < result["ms_ssim"] < 1
    assert main(["compare", str(original), str(original)]) == 0
    assert "psnr_rgb_db  inf" in capsys.readouterr().out


def test_compare_reads_our_own_files(tmp_path, capsys, fake_compressor):
    Image.new("RGB", (5, 3), (17, 17, 17)).save(tmp_path / "a.png")
    (tmp_path / "b.cmpr").write_bytes(bytes([3, 5]))  # the stand-in decodes it to gray 7
    assert main(["compare", str(tmp_path / "a.png"), str(tmp_path / "b.cmpr")]) == 0
    assert "psnr_rgb_db  28.131" in capsys.readouterr().out  # 10 log10(255^2 / 10^2)


def test_compare_says_what_is_wrong(tmp_path, capsys):
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png")
    Image.new("RGB", (5, 3)).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_text("text")
    for other, message in [("b.png", "a.png and b.png: sizes differ: 4x3 and 5x3"),
                           ("c.png", "c.png: not a picture"), ("d.png", "d.png: no such file")]:  # fmt: skip
        assert main(["compare", str(tmp_path / "a.png"), str(tmp_path / other)]) == 1
        assert message in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "a.png"), str(tmp_path / "a.png")]) == 0
    assert "MS-SSIM needs 161 px; the shorter side has 3" in capsys.readouterr().out


def test_plot_draws_from_the_csv(evaluate, tmp_path, capsys):
    evaluate("--codecs", "jpeg420", "webp", "jpeg444", "--no-html", "--qualities", "20", "50", "80", "95")
    csv = str(tmp_path / "out" / "report.csv")
    assert main(["plot", csv, "--out", str(tmp_path / "plots"), "--codecs", "jpeg420", "webp"]) == 0
    out = capsys.readouterr().out
    assert "| webp " in out
    assert "jpeg444" not in out
    with Image.open(tmp_path / "plots" / "report-psnr_rgb_db.png") as image:
        assert image.width > 500
        assert len(image.convert("RGB").getcolors(2**20)) > 20  # not an empty page
    assert main(["plot", csv, "--out", str(tmp_path / "plots"), "--codecs", "bpg"]) == 1
    assert "no rows of bpg" in capsys.readouterr().err
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    assert main(["plot", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "plots")]) == 1
    assert "not a table of results" in capsys.readouterr().err


def test_csv_round_trip_keeps_infinity_and_absence(folder, tmp_path, numbers_codec):
    from eval.images import find_pictures
    from eval.measure import Cache
    from eval.runner import plan

    tasks = plan(find_pictures(folder)[0], [numbers_codec()], [50, 100])
    rows, _ = run(tasks, Cache(tmp_path), quiet=True)
    again = outputs.rows_from_csv(outputs.rows_to_csv(rows))
    assert again[1]["psnr_rgb_db"] == float("inf")
    assert again[0]["ms_ssim"] is None
    assert again[0]["lossless"] is False
    with pytest.raises(EvalError, match="no rows"):
        outputs.rows_from_csv("image\n")


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize(("number", "least"), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGINT, 0)])
def test_ctrl_c_on_the_command_line(tmp_path, number, least):
    """A real signal to real workers: one line, exit code 1, what was done is kept, nothing half-written.

    Also where no file is done yet, and the first worker is still being imported.
    """
    (tmp_path / "pictures").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "pictures" / "noise.png")
    command = [sys.executable, "-m", "eval", "run", "--images", str(tmp_path / "pictures"), "--no-html",
               "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "-j", "2",
               "--codecs", "jpeg420", "webp", "--qualities", *map(str, range(1, 101))]  # fmt: skip

    def done():
        return len(list((tmp_path / "cache").rglob("*.json")))

    # A background shell starts its children with the signal ignored; a terminal does not.
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    while not (done() if least else has_worker(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does: to the workers too
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "they are kept" in err
    assert least <= done() < 200
    assert list((tmp_path / "cache").rglob("*.tmp")) == []
    assert group_is_gone(process.pid)


def has_worker(group: int) -> bool:
    lines = subprocess.run(["ps", "-A", "-ww", "-o", "pgid=,args="], capture_output=True, text=True).stdout
    return any(line.split()[0] == str(group) and "spawn_main" in line for line in lines.splitlines())


def group_is_gone(group: int) -> bool:
    """No worker is left behind; Python's own resource tracker takes a moment to go."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
