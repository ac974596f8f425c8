"""The files of a run: logs, validation, provenance, curves."""

import csv
import shutil
import tomllib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import compressor
from compressor.weights.files import ModelFiles
from training.__main__ import main
from training.photos import load_photos
from training.plot import rate_curves, read_columns
from training.run_folder import append_row, git_commit
from training.start import read_model
from training.validation import QUALITIES, validate
from training.watch import Speed


@pytest.fixture(scope="module")
def run(photos, small_run, tmp_path_factory):
    """Return the folder of a finished run with validation."""
    folder, held_out = tmp_path_factory.mktemp("watched"), tmp_path_factory.mktemp("held-out")
    Image.open(photos / "0.png").crop((0, 0, 70, 50)).save(held_out / "a.png")
    watch = ["--validation", str(held_out), "--validate-every", "4", "--metric", "ms-ssim"]
    assert main(["--data", str(photos), "--out", str(folder), *small_run, *watch]) == 0
    return folder


def test_log(run):
    log = read_columns(run / "log.csv")
    assert log["step"] == [2, 4]
    assert {"loss", "bpp", "psnr_db", "images_per_s"} <= log.keys()
    assert min(log["images_per_s"]) > 0


@pytest.mark.usefixtures("eager")
def test_speed_is_printed_once(photos, small_run, tmp_path, capfd):
    assert main(["--data", str(photos), "--out", str(tmp_path), *small_run]) == 0
    lines = [line for line in capfd.readouterr().out.splitlines() if "input pipeline" in line]
    assert len(lines) == 1
    assert "training" in lines[0]


def test_the_first_step_does_not_count_for_the_speed(monkeypatch):
    clock, speed = [0.0], Speed(SimpleNamespace(batch=8, workers=1))
    monkeypatch.setattr("training.watch.pipeline_speed", lambda crops: 1.0)
    monkeypatch.setattr("training.watch.time.perf_counter", lambda: clock[0])
    speed.on_train_begin()
    speed.on_epoch_begin(0)
    for seconds, images_per_s in ((80, 0.1), (2, 4), (2, 4), (4, 3)):
        clock[0] += seconds
        logs = {}
        speed.on_train_batch_end(0, logs)
        assert logs["images_per_s"] == images_per_s


def test_validation_measures_real_streams(run):
    rows = read_columns(run / "validation.csv")
    assert rows["step"] == [4] * 5
    assert rows["quality"] == list(QUALITIES)
    # An untrained model spends more bits and comes closer as quality rises.
    assert rows["bpp"] == sorted(rows["bpp"])
    # Whole streams of one 70x50 picture: a whole number of bytes.
    num_bytes = np.array(rows["bpp"]) * 70 * 50 / 8
    np.testing.assert_allclose(num_bytes, np.rint(num_bytes), atol=0.01)


def test_validation_exports_for_the_metric_of_the_run(run, tmp_path, monkeypatch):
    found = set()

    def measured(weights, photos, quality):
        found.add(ModelFiles(weights).manifest["metric"])
        return 1.0, 30.0

    monkeypatch.setattr("training.validation.measure", measured)
    validate(shutil.copytree(run, tmp_path / "run"), [])
    assert found == {"ms-ssim"}


def test_provenance(run, photos):
    found = tomllib.loads((run / "provenance.toml").read_text())
    assert found["compressor"] == compressor.__version__
    assert found["data_sha256"] == load_photos(str(photos), 64).sha256
    assert found["git_commit"] == git_commit()
    assert tomllib.loads((run / "settings.toml").read_text())["metric"] == "ms-ssim"


def test_commit_outside_a_checkout_is_empty(tmp_path):
    assert git_commit(tmp_path) == ""


def test_curves_are_drawn(run, tmp_path):
    assert main(["plot", str(run), "--out", str(tmp_path / "curves.png")]) == 0
    assert Image.open(tmp_path / "curves.png").size == (1320, 960)


def test_plot_without_a_run_is_an_error(tmp_path, capsys):
    assert main(["plot", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_rate_curves_are_sorted_by_step_and_rate():
    columns = {"step": [4.0, 4.0, 8.0], "bpp": [2.0, 1.0, 3.0], "psnr_db": [31.0, 30.0, 32.0]}
    assert rate_curves(columns) == {4: [(1.0, 30.0), (2.0, 31.0)], 8: [(3.0, 32.0)]}
    assert rate_curves({}) == {}


def test_rows_keep_to_the_header_of_an_older_file(tmp_path):
    path = tmp_path / "log.csv"
    append_row(path, {"step": 1, "loss": 2})
    append_row(path, {"loss": 4, "step": 3, "images_per_s": 9})
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [["step", "loss"], ["1", "2"], ["3", "4"]]


def test_a_row_that_was_cut_off_is_replaced(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,0.5\n2,0.")
    append_row(path, {"step": 2, "loss": 0.4})
    assert path.read_text() == "step,loss\n1,0.5\n2,0.4\n"


@pytest.mark.usefixtures("eager")
def test_a_run_starts_from_an_exported_model(run, photos, small_run, tmp_path, capsys):
    assert main(["export", str(run), "--out", str(tmp_path / "model"), "--count", "2"]) == 0
    exported = read_model(tmp_path / "model")
    for ours, theirs in zip(exported.weights, read_model(run).weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
    start = ["--data", str(photos), *small_run, "--init", str(tmp_path / "model"), "--learning-rate", "1e-12"]
    assert main([*start, "--out", str(tmp_path / "second")]) == 0
    second = read_model(tmp_path / "second")
    # The worth of errors is not trained, but measured again at the start.
    for ours, theirs in zip(second.trainable_variables, exported.trainable_variables, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert np.abs(second.log_worth.values - exported.log_worth.values).max() > 0.1
    assert main([*start, "--model", "flagship", "--out", str(tmp_path / "third")]) == 1
    assert "not a flagship" in capsys.readouterr().err
