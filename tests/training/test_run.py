"""Runs: schedule, stop and resume, export, and use of what was exported."""

import csv
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

import compressor
from compressor.errors import UnsupportedStreamError
from compressor.models.registry import build_model
from training.__main__ import main
from training.conditions import Conditions
from training.errors import TrainingError
from training.export import count_symbols
from training.export_run import export_run
from training.photos import decode_photo, load_photos
from training.run import steps_that_fit, train
from training.run_folder import claimed
from training.schedule import WarmConstantCosine
from training.settings import Settings
from training.watch import Speed

ROOT = Path(__file__).parents[2]


def settings_for(photos, **changes):
    options = {"model": "cnn", "steps": 6, "batch": 2, "crop": 64, "checkpoint_every": 2}
    return Settings(data=str(photos), **options | changes)


def rows(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_schedule_warms_up_holds_and_falls_to_zero():
    schedule = WarmConstantCosine(1e-3, 1000, warm_up=100, tail=0.5)
    got = [float(schedule(step)) for step in (0, 49, 99, 499, 750, 1000)]
    np.testing.assert_allclose(got, [1e-5, 5e-4, 1e-3, 1e-3, 5e-4, 0], atol=1e-7)
    again = WarmConstantCosine.from_config(schedule.get_config())
    assert float(again(49)) == got[1]


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(photos, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    settings = settings_for(photos)
    train(whole, settings)
    train(parts, settings, Conditions(minutes=0))
    assert [row["step"] for row in rows(parts)] == ["2"]
    train(parts, settings)
    assert [row["step"] for row in rows(parts)] == ["2", "4", "6"]
    # The last part of the stopped run needs its weights, its optimizer and its random state.
    losses = [[float(row["loss"]) for row in rows(folder)] for folder in (whole, parts)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.usefixtures("eager")
def test_the_schedule_of_a_run_without_steps_fits_its_time(photos, tmp_path, monkeypatch):
    rates = []
    monkeypatch.setattr(
        Speed,
        "on_epoch_end",
        lambda self, epoch, logs: rates.append(float(self.model.optimizer.learning_rate)),
    )
    monkeypatch.setattr("training.run.steps_that_fit", lambda *_: 8)
    settings = settings_for(photos, steps=0, tail=0.5)
    model = train(tmp_path, settings, Conditions(minutes=60))
    schedule = WarmConstantCosine(settings.learning_rate, 8, tail=0.5)
    np.testing.assert_allclose(rates, [float(schedule(step)) for step in (2, 4, 6, 8)], rtol=1e-5)
    assert Settings.load(tmp_path / "settings.toml").steps == 8
    # Resumed without a limit, it keeps its length.
    assert int(train(tmp_path, settings).optimizer.iterations) == int(model.optimizer.iterations) == 8


@pytest.mark.usefixtures("eager")
def test_a_run_without_steps_learns_like_one_of_the_same_length(photos, tmp_path, monkeypatch):
    """The end of the first part replaces the weights by their averages, which must not be trained on."""
    monkeypatch.setattr("training.run.steps_that_fit", lambda *_: 6)
    for steps in (0, 6):
        train(tmp_path / str(steps), settings_for(photos, steps=steps, tail=0.3), Conditions(minutes=60))
    losses = [[float(row["loss"]) for row in rows(tmp_path / name)] for name in "06"]
    np.testing.assert_allclose(*losses, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="needs jax (the test extra)")
def test_a_run_without_steps_goes_on_after_its_first_epoch_on_jax(photos, tmp_path):
    command = [sys.executable, "-m", "training", "--data", str(photos), "--out", str(tmp_path / "run")]
    command += "--model cnn --batch 2 --crop 64 --checkpoint-every 2 --minutes 0.01".split()
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [row["step"] for row in rows(tmp_path / "run")] == ["2", "4"]


def test_steps_that_fit_are_whole_epochs(monkeypatch):
    monkeypatch.setattr("training.run.time.time", lambda: 1000.0)
    assert steps_that_fit(100, 100, 10.0, 1060.0) == 700
    assert steps_that_fit(250, 250, 25.0, 1074.0) == 750
    # The time is up: one more epoch ends the run as it should end.
    assert steps_that_fit(100, 100, 10.0, 900.0) == 200


def test_the_time_of_an_epoch_includes_what_follows_its_steps(monkeypatch):
    clock = SimpleNamespace(perf_counter=iter([0.0, 2.0, 4.0, 5.0, 12.0]).__next__)
    monkeypatch.setattr("training.watch.time", clock)
    speed = Speed(SimpleNamespace(batch=8, workers=1))
    speed.input_speed = 1.0
    speed.on_epoch_begin(0)
    for batch in range(2):
        speed.on_train_batch_end(batch)
    speed.on_epoch_end(0)
    # Two seconds a step, then seven for the checkpoint.
    assert speed.epoch_s(10) == 27


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(("steps", "expected"), [(6, 6), (0, 4)])
def test_a_run_that_was_stopped_before_its_length_was_known(photos, tmp_path, monkeypatch, steps, expected):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.run.steps_that_fit", stop)
    monkeypatch.setattr(Settings, "steps", 4)  # the default
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, settings_for(photos, steps=0), Conditions(minutes=60))
    assert Settings.load(tmp_path / "settings.toml").steps == 0
    train(tmp_path, settings_for(photos, steps=steps))
    assert int(rows(tmp_path)[-1]["step"]) == expected
    assert Settings.load(tmp_path / "settings.toml").steps == expected


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(("steps", "every", "expected"), [(3, 250, (3, 3)), (5, 2, (6, 2)), (4, 2, (4, 2))])
def test_a_run_has_whole_epochs(photos, tmp_path, steps, every, expected):
    train(tmp_path, settings_for(photos, steps=steps, checkpoint_every=every))
    stored = Settings.load(tmp_path / "settings.toml")
    assert (stored.steps, stored.checkpoint_every) == expected
    assert int(rows(tmp_path)[-1]["step"]) == stored.steps
    # The same options, or none for the length, resume it.
    for again in (steps, 0):
        train(tmp_path, settings_for(photos, steps=again, checkpoint_every=every))


@pytest.mark.usefixtures("eager")
def test_one_process_trains_in_a_folder(photos, tmp_path):
    settings = settings_for(photos, steps=2)
    with claimed(tmp_path), pytest.raises(TrainingError, match="another process is training in"):
        train(tmp_path, settings)
    train(tmp_path, settings)
    assert len(rows(tmp_path)) == 1


@pytest.mark.usefixtures("eager")
def test_other_settings_are_refused(photos, tmp_path):
    train(tmp_path, settings_for(photos), Conditions(minutes=0))
    with pytest.raises(TrainingError, match=r"other settings \(batch: it has \d, received 3\)"):
        train(tmp_path, settings_for(photos, batch=3))


@pytest.mark.usefixtures("eager")
def test_init_starts_from_the_averaged_weights(photos, tmp_path):
    train(tmp_path / "first", settings_for(photos))
    init = str(tmp_path / "first" / "checkpoint.keras")
    second = settings_for(photos, init=init, steps=2, learning_rate=1e-12)
    train(tmp_path / "second", second)
    a, b = (keras.saving.load_model(tmp_path / name / "checkpoint.keras") for name in ("first", "second"))
    a.optimizer.finalize_variable_values(a.trainable_variables)
    for ours, theirs in zip(a.trainable_variables, b.trainable_variables, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=1e-6)


def test_an_exported_cnn_encodes_and_decodes(photos, tmp_path, random_pictures):
    train(tmp_path / "run", settings_for(photos, steps=2))
    check_export(tmp_path, random_pictures)


@pytest.mark.usefixtures("eager")
def test_an_exported_flagship_encodes_and_decodes(
    photos, tmp_path, random_pictures, tiny_options, monkeypatch
):
    monkeypatch.setattr("training.start.build_model", partial(build_model, **tiny_options["flagship"]))
    train(tmp_path / "run", settings_for(photos, model="flagship", steps=2))
    check_export(tmp_path, random_pictures)


def check_export(tmp_path, random_pictures):
    """Export the folder "run"; streams of the exported model need its weights."""
    assert main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "model"), "--count", "4"]) == 0
    image = np.rint(255 * random_pictures(1, 50, 70)[0]).astype(np.uint8)
    runtime = compressor.Runtime(weights=tmp_path / "model")
    stream = compressor.encode(image, 60, runtime=runtime)
    assert compressor.decode(stream, runtime=runtime).size == (70, 50)
    with pytest.raises(UnsupportedStreamError, match="weights"):
        compressor.decode(stream)


def test_a_killed_run_leaves_a_checkpoint_that_loads(photos, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "training", "--data", str(photos), "--out", str(run), "--model", "cnn"]
    command += ["--batch", "2", "--crop", "64", "--steps", "100000", "--checkpoint-every", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.time() + 120
        while not ((run / "log.csv").exists() and len(rows(run)) >= 3) and time.time() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    before = len(rows(run))
    assert before >= 3
    model = keras.saving.load_model(run / "checkpoint.keras")
    assert int(model.optimizer.iterations) >= before - 1


def test_temporary_files_of_a_killed_run_are_removed(tmp_path):
    child = subprocess.run(
        [sys.executable, "-c", "from compressor.atomic import atomic_path as a; print(a('x').__enter__())"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    left = tmp_path / Path(child.stdout.strip()).name
    left.touch()
    with claimed(tmp_path):
        assert not left.exists()


@pytest.mark.usefixtures("eager")
def test_an_export_names_the_data_that_the_run_has_seen(photos, tmp_path):
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(photos, data)
    train(run, settings_for(data, steps=2))
    seen = load_photos(str(data), 64).sha256
    shutil.copy(next(data.iterdir()), data / "one-more.png")
    with pytest.warns(UserWarning, match="has changed since the run"):
        train(run, settings_for(data, steps=2))
    export_run(run, pictures=2)
    manifest = json.loads((run / "export" / "manifest.json").read_text())
    assert manifest["provenance"]["data_sha256"] == seen != load_photos(str(data), 64).sha256


@pytest.mark.usefixtures("eager")
def test_large_pictures_are_counted_in_their_middle(photos, tmp_path, monkeypatch):
    train(tmp_path, settings_for(photos, steps=2))
    counted = []

    def count(folder, images, levels):
        counted.extend(images)
        return count_symbols(folder, images, levels)

    monkeypatch.setattr("training.export_run.MAX_PICTURE_PX", 64)
    monkeypatch.setattr("training.export_run.count_symbols", count)
    export_run(tmp_path, pictures=3)
    assert [image.shape for image in counted] == [(64, 64, 3)] * 3


@pytest.mark.usefixtures("eager")
def test_an_export_decodes_only_the_pictures_that_it_uses(photos, tmp_path, monkeypatch):
    data, run, decoded, counted = tmp_path / "data", tmp_path / "run", [], []
    shutil.copytree(photos, data)
    train(run, settings_for(data, steps=2))

    def decode(file):
        decoded.append(file)
        return decode_photo(file)

    def count(folder, images, levels):
        counted.extend(images)
        return count_symbols(folder, images, levels)

    monkeypatch.setattr("training.export_run.decode_photo", decode)
    monkeypatch.setattr("training.export_run.count_symbols", count)
    export_run(run, pictures=3)
    names = {path.read_bytes(): path.name for path in data.iterdir()}
    assert [names[file] for file in decoded] == ["0.png", "2.png", "4.png"]
    # The next ones replace a damaged and a small picture.
    (data / "0.png").write_bytes(b"damaged")
    Image.new("RGB", (63, 200)).save(data / "2.png")
    decoded.clear()
    counted.clear()
    export_run(run, pictures=2)
    assert len(decoded) == 3
    expected = [np.asarray(Image.open(data / name)) for name in ("1.png", "3.png")]
    np.testing.assert_array_equal(counted, expected)
    for path in data.iterdir():
        path.write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="no image of at least 64x64 pixels can be read"):
        export_run(run, pictures=2)


@pytest.mark.usefixtures("eager")
def test_a_folder_whose_name_is_not_text(photos, tmp_path, capsys):
    train(tmp_path / os.fsdecode(b"o\xff"), settings_for(photos, steps=2))
    assert r"/o\udcff'" in capsys.readouterr().out


def test_errors_are_one_line(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "absent"), "--out", str(tmp_path / "run")]) == 1
    assert main(["export", str(tmp_path / "absent")]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.startswith("error: ") for line in lines] == [True, True]
