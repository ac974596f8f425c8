"""The command line of the evaluation: outputs, left-out files, errors."""

import csv
import json
import os
import shutil
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
    """Run `python -m eval run` on the small folder; return exit code, stdout and stderr."""

    def call(*extra):
        arguments = ["run", "--images", str(folder), "--out", str(tmp_path / "out"), "--quiet"]
        code = main([*arguments, "--cache", str(tmp_path / "cache"), *extra])
        return (code, *capsys.readouterr())

    return call


def test_run_writes_all_files(evaluate, tmp_path):
    code, out, err = evaluate("--codecs", "jpeg420", "webp", "--name", "mine")
    assert code == 0
    assert "PSNR (RGB) against jpeg420, 28 .. 40 dB" in out
    assert "| webp " in out
    assert "a.png: MS-SSIM needs 161 px" in err
    assert "SSIMULACRA 2 against jpeg420, 30 .. 90" in (tmp_path / "out" / "mine-bd.md").read_text()
    names = {path.name for path in (tmp_path / "out").iterdir()}
    expected = (
        "mine.csv",
        "mine.json",
        "mine-bd.csv",
        "mine-bd.md",
        "mine.html",
        "mine-psnr_rgb_db.png",
        "mine-ssim.png",
        "mine-ssimulacra2.png",
    )
    assert names >= set(expected)
    assert "mine-ms_ssim.png" not in names  # the pictures are too small for it
    rows = outputs.rows_from_csv((tmp_path / "out" / "mine.csv").read_text())
    stored = json.loads((tmp_path / "out" / "mine.json").read_text())
    assert len(rows) == len(stored["rows"]) == 2 * (12 + 10)
    for row, other in zip(rows, stored["rows"], strict=True):
        assert row["num_bytes"] == other["num_bytes"]
        assert row["psnr_rgb_db"] == pytest.approx(other["psnr_rgb_db"], rel=1e-6)


def test_unreadable_files_are_reported_and_skipped(evaluate, folder):
    (folder / "notes.txt").write_text("no picture")
    code, out, err = evaluate("--codecs", "jpeg420", "webp", "--no-html", "--qualities", "30", "60", "90")
    assert code == 1
    assert "warning: left out: notes.txt: the file is not a picture" in err
    assert "| webp " in out


def test_unusual_files_are_read_or_left_out_by_name(evaluate, folder):
    Image.new("F", (16, 16)).save(folder / "float.tif")
    Image.new("I;16", (16, 16), 9999).save(folder / "gray16.png")
    (folder / "link.png").symlink_to("nowhere.png")
    (folder / "x.png").mkdir()
    code, out, err = evaluate("--codecs", "jpeg420", "--no-html", "--qualities", "50")
    assert code == 1
    warnings = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert len([line for line in warnings if "left out" in line and "Butteraugli" not in line]) == 2
    assert "left out: float.tif: received a picture of mode F, expected 8 or 16 bits per channel" in err
    assert "link.png: a link to a file that does not exist" in err
    assert "warning: gray16.png: 16 bits per channel reduced to 8" in err
    assert "x.png" not in err
    assert "Traceback" not in err


def test_names_that_are_not_text_are_escaped(evaluate, folder, tmp_path):
    try:
        (folder / "a.png").rename(folder / os.fsdecode(b"\xff.png"))
        (folder / os.fsdecode(b"\xfe.png")).write_text("no picture")
    except (OSError, UnicodeError):
        pytest.skip("this file system allows no such names")
    code, _, err = evaluate("--codecs", "jpeg420", "--qualities", "50")
    assert code == 1
    assert r"left out: '\udcfe.png': the file is not a picture" in err
    rows = outputs.rows_from_csv((tmp_path / "out" / "report.csv").read_text(encoding="utf-8"))
    assert {row["image"] for row in rows} == {"b.png", r"'\udcff.png'"}
    assert r"&#x27;\udcfe.png&#x27;" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_output_names_that_are_not_text(evaluate, tmp_path):
    out, name = tmp_path / os.fsdecode(b"o\xff"), os.fsdecode(b"n\xff")
    code, text, _ = evaluate("--codecs", "jpeg420", "--qualities", "50", "--out", str(out), "--name", name)
    assert code == 0
    assert r"/o\udcff/n\udcff'.*" in text
    assert (out / f"{name}.html").exists()


def test_failures_without_a_report(evaluate, monkeypatch):
    monkeypatch.setattr("eval.codecs.PillowCodec.encode", lambda *_: 1 / 0)
    code, _, err = evaluate("--codecs", "jpeg420")
    assert code == 1
    assert err.count("failed: ") == 12
    assert err.endswith("error: no measurement succeeded: fix what the warnings report\n")


def test_a_folder_without_pictures_is_an_error(evaluate, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = evaluate("--images", str(tmp_path / "empty"))
    assert code == 1
    assert err == f"error: {tmp_path / 'empty'}: no pictures in this folder\n"


def test_missing_codec_fails_if_requested(evaluate, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    code, _, err = evaluate("--codecs", "jpeg420", "jxl", "--no-html", "--qualities", "50")
    assert code == 1
    assert "left out: jxl: install pillow-jxl-plugin" in err


def test_missing_butteraugli_is_left_out(evaluate, no_butteraugli, tmp_path):
    code, out, err = evaluate("--codecs", "jpeg420", "webp", "--qualities", "30", "60", "90")
    assert code == 0
    assert (
        "warning: left out: Butteraugli: install no_such_program (Debian and Ubuntu: libjxl-devtools)" in err
    )
    assert not (tmp_path / "out" / "report-butteraugli.png").exists()
    assert "Butteraugli 3-norm" not in (tmp_path / "out" / "report-bd.md").read_text()


@pytest.mark.skipif(not shutil.which("butteraugli_main"), reason="needs libjxl-devtools")
def test_butteraugli_is_measured_and_added_to_older_results(evaluate, monkeypatch, tmp_path):
    options = ("--codecs", "jpeg420", "webp", "--qualities", "30", "60", "90")
    with monkeypatch.context() as without:
        without.setattr("eval.butteraugli.PROGRAM", "no_such_program")
        evaluate(*options, "--no-html")
    before = outputs.rows_from_csv((tmp_path / "out" / "report.csv").read_text())
    evaluate(*options)
    after = outputs.rows_from_csv((tmp_path / "out" / "report.csv").read_text())
    assert {row["butteraugli"] for row in before} == {None}
    assert all(0 < row["butteraugli"] < 20 for row in after)
    # Nothing was encoded again.
    assert [row["encode_s"] for row in before] == [row["encode_s"] for row in after]
    assert (tmp_path / "out" / "report-butteraugli.png").exists()
    assert "Butteraugli 3-norm against jpeg420" in (tmp_path / "out" / "report-bd.md").read_text()


def test_no_bd_rates_without_the_reference(evaluate):
    code, _, err = evaluate("--codecs", "webp", "--no-html", "--qualities", "50")
    assert code == 0
    assert "no BD-rates: there are no results for the reference jpeg420" in err


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--images", "nowhere"], "error: nowhere: no such folder"),
        (["--codecs", "bpg"], "error: no codec named bpg"),
        (["--published", "nowhere.json"], "error: nowhere.json: No such file"),
        (
            ["--reference", "bpg", "--codecs", "webp", "--qualities", "50"],
            "error: received the reference bpg, expected one of flagship, ",
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


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--qualities", "0", "a number from 1 to 100"),
        ("-j", "0", "a whole number from 1"),
        ("--viewer-images", "-1", "a whole number from 0"),
        ("--viewer-bpp", "0", "a number of bits per pixel above 0 and below 100"),
        ("--viewer-mb", "nan", "a number above 0"),
    ],
)
def test_options_out_of_range(option, value, expected, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["run", "--images", "x", "--out", "y", option, value])
    assert stop.value.code == 2
    assert f"received {value!r}, expected {expected}" in capsys.readouterr().err.splitlines()[-1]


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
    assert not result["lossless"]
    assert main(["compare", str(original), str(original), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["psnr_rgb_db"], result["lossless"]) == (None, True)


def test_compare_reads_our_own_files(tmp_path, capsys):
    Image.new("RGB", (5, 3), (17, 17, 17)).save(tmp_path / "a.png")
    Image.new("RGB", (5, 3), (7, 7, 7)).save(tmp_path / "b.cmpr", quality=100)
    assert main(["compare", str(tmp_path / "a.png"), str(tmp_path / "b.cmpr")]) == 0
    assert "psnr_rgb_db  28.131" in capsys.readouterr().out  # 10 log10(255^2 / 10^2)


def test_compare_reports_errors(tmp_path, capsys):
    Image.new("RGB", (4, 3)).save(tmp_path / "a.png")
    Image.new("RGB", (5, 3)).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_text("text")
    cases = {
        "b.png": "a.png and b.png: sizes differ: 4x3 and 5x3",
        "c.png": "c.png: the file is not a picture",
        "d.png": "d.png: no such file",
    }
    for other, message in cases.items():
        assert main(["compare", str(tmp_path / "a.png"), str(tmp_path / other)]) == 1
        assert message in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "a.png"), str(tmp_path / "a.png")]) == 0
    assert "SSIM needs 11 px, SSIMULACRA 2 needs 8 px" in capsys.readouterr().out


def test_plot_reads_the_csv(results, tmp_path, capsys):
    rows = str(results)
    assert main(["plot", rows, "--out", str(tmp_path / "plots"), "--codecs", "jpeg420", "webp"]) == 0
    out = capsys.readouterr().out
    assert "| webp " in out
    assert "jpeg444" not in out
    with Image.open(tmp_path / "plots" / "report-psnr_rgb_db.png") as image:
        assert image.width > 500
        assert len(image.convert("RGB").getcolors(2**20)) > 20  # not an empty figure
    assert main(["plot", rows, "--out", str(tmp_path / "plots"), "--codecs", "webp"]) == 0
    # The table contains the reference, which is not drawn.
    assert "against jpeg420" in capsys.readouterr().out
    assert main(["plot", rows, "--out", str(tmp_path / "plots"), "--codecs", "bpg"]) == 1
    assert "no rows for bpg" in capsys.readouterr().err
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    assert main(["plot", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "plots")]) == 1
    assert "not a table of results" in capsys.readouterr().err


def test_plot_checks_rows_and_reference(results, tmp_path, capsys):
    damaged = tmp_path / "damaged.csv"
    assert main(["plot", str(results), "--out", str(tmp_path), "--reference", "typo"]) == 1
    assert "error: received the reference typo, expected one of flagship, " in capsys.readouterr().err
    damaged.write_text(results.read_text().replace(",50,", ",,"))
    assert main(["plot", str(damaged), "--out", str(tmp_path)]) == 1
    assert "error: not a table of results; expected the columns" in capsys.readouterr().err


def test_plot_averages_bd_rates_between_limits(results, tmp_path, capsys):
    command = ["plot", str(results), "--out", str(tmp_path / "plots"), "--limits"]
    assert main([*command, "ssimulacra2", "60", "80"]) == 0
    out = capsys.readouterr().out
    assert "SSIMULACRA 2 against jpeg420, 60 .. 80" in out
    assert "PSNR (RGB) against jpeg420, 28 .. 40 dB" in out
    for limits, message in (
        (("ssim2", "60", "90"), "received the metric ssim2, expected one of psnr_rgb_db"),
        (("ssimulacra2", "90", "60"), "received the limits 90 and 60, expected the lower one first"),
        (
            ("ssimulacra2", "low", "90"),
            "received --limits ssimulacra2 low 90, expected a metric and two numbers",
        ),
    ):
        assert main([*command, *limits]) == 1
        assert message in capsys.readouterr().err


def test_plot_reads_results_without_the_newer_metrics(results, tmp_path, capsys):
    rows = list(csv.DictReader(results.read_text().splitlines()))
    old = tmp_path / "old.csv"
    with old.open("w", newline="") as file:
        names = [name for name in rows[0] if name not in ("ssimulacra2", "butteraugli")]
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    assert outputs.rows_from_csv(old.read_text())[0]["ssimulacra2"] is None
    assert main(["plot", str(old), "--out", str(tmp_path / "plots")]) == 0
    assert "SSIMULACRA" not in capsys.readouterr().out
    assert (tmp_path / "plots" / "old-psnr_rgb_db.png").exists()
    assert not (tmp_path / "plots" / "old-ssimulacra2.png").exists()


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
    with pytest.raises(EvalError, match="has no rows"):
        outputs.rows_from_csv("image\n")


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize(("number", "least"), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGINT, 0)])
def test_ctrl_c_on_the_command_line(tmp_path, number, least):
    """A signal to real workers ends the run with one line and exit code 1, and finished files are kept.

    This also holds before the first file is finished, while a worker is still importing.
    """
    (tmp_path / "pictures").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "pictures" / "noise.png")
    command = [sys.executable, "-m", "eval", "run", "--images", str(tmp_path / "pictures"), "--no-html",
               "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "-j", "2",
               "--codecs", "jpeg420", "webp", "--qualities", *map(str, range(1, 101))]  # fmt: skip

    def done():
        return len(list((tmp_path / "cache").rglob("*.json")))

    # Children of a background shell ignore the signal; those of a terminal do not.
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
        os.killpg(process.pid, number)  # a terminal sends it to the workers too
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "those that succeeded are kept" in err
    assert least <= done() < 200
    assert list((tmp_path / "cache").rglob("*.tmp")) == []
    assert group_is_gone(process.pid)


def has_worker(group: int) -> bool:
    lines = subprocess.run(["ps", "-A", "-ww", "-o", "pgid=,args="], capture_output=True, text=True).stdout
    return any(line.split()[0] == str(group) and "spawn_main" in line for line in lines.splitlines())


def group_is_gone(group: int) -> bool:
    """Return whether all workers have ended; Python's resource tracker takes a moment."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
