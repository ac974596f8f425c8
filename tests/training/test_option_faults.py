"""Options of the training command line that are out of range or contradict each other."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from training.__main__ import main
from training.devices import place
from training.errors import TrainingError
from training.plot import plot_run, read_columns
from training.settings import Settings

ROOT = Path(__file__).parents[2]
RUN = ["run", "--data", "absent"]
FILTER = ["filter", "absent", "--data", "absent", "--out", "out"]
EXPORT = ["export", "absent"]


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--steps", "-5", "a whole number from 1"),
        ("--steps", "0", "a whole number from 1"),
        ("--batch", "0", "a whole number from 1"),
        ("--batch", "many", "a whole number from 1"),
        ("--crop", "0", "a multiple of 64"),
        ("--crop", "100", "a multiple of 64"),
        ("--learning-rate", "nan", "a number above 0"),
        ("--seed", "-1", "a whole number from 0"),
    ],
)
@pytest.mark.parametrize("command", [RUN, FILTER], ids=["run", "filter"])
def test_out_of_range_in_run_and_filter(command, option, value, expected, capsys):
    assert_wrong_usage(command, option, value, expected, capsys)


@pytest.mark.parametrize(
    ("command", "option", "value", "expected"),
    [
        (RUN, "--checkpoint-every", "0", "a whole number from 1"),
        (RUN, "--validate-every", "0", "a whole number from 1"),
        (RUN, "--crops-per-photo", "0", "a whole number from 1"),
        (RUN, "--mse-share", "2", "a share from 0 to 1"),
        (RUN, "--butteraugli-share", "-1", "a share from 0 to 1"),
        (RUN, "--tail", "0", "a share above 0, at most 1"),
        (RUN, "--minutes", "0", "a number above 0"),
        (RUN, "--memory-gb", "-1", "a number from 0"),
        (RUN, "--devices", "0", "a whole number from 1"),
        (RUN, "--host", "-1", "a whole number from 0"),
        (RUN, "--coordinator", "localhost", "HOST:PORT"),
        (RUN, "--coordinator", ":1234", "HOST:PORT"),
        (RUN, "--coordinator", "localhost:65536", "HOST:PORT"),
        (RUN, "--quick-moves", "9", "a whole number from 0 to 8"),
        (FILTER, "--decoded", "0", "a whole number from 1"),
        (FILTER, "--blocks", "0", "a whole number from 1"),
        (EXPORT, "--count", "0", "a whole number from 1"),
        (EXPORT, "--id", "256", "a whole number from 0 to 255"),
    ],
)
def test_out_of_range(command, option, value, expected, capsys):
    assert_wrong_usage(command, option, value, expected, capsys)


@pytest.mark.parametrize("options", [["--hosts", "4"], ["--host", "1"]])
def test_hosts_need_a_coordinator(options, capsys):
    assert main([*RUN, *options]) == 1
    assert "error: received --hosts or --host without --coordinator" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hosts", "1", "--host", "1"], "received --host 1 and --hosts 1, expected a host below"),
        (["--hosts", "2", "--devices", "2"], "received --devices 2 and --coordinator, expected one of them"),
    ],
)
def test_hosts_that_contradict_each_other(options, message, capsys):
    assert main([*RUN, "--coordinator", "localhost:1", *options]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")


def assert_wrong_usage(command, option, value, expected, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, option, value])
    assert stop.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: received {value!r}, expected {expected}" in last


def test_crops_per_photo_that_do_not_divide_the_batch(tmp_path, capsys):
    command = [*RUN, "--out", str(tmp_path / "run"), "--precision", "float32"]
    assert main([*command, "--batch", "8", "--crops-per-photo", "3"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: received --batch 8 and --crops-per-photo 3, expected")
    assert "give --batch 9" in line
    assert not (tmp_path / "run").exists()


def test_shares_beyond_the_whole(tmp_path, capsys):
    command = [*RUN, "--out", str(tmp_path / "run"), "--precision", "float32"]
    assert main([*command, "--mse-share", "0.5", "--butteraugli-share", "0.6"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: received --mse-share 0.5 and --butteraugli-share 0.6, expected a sum")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--stage", "entropy"],
        ["--eight-bits", "--init", "trained"],
        ["--quick-moves", "2", "--init", "trained"],
    ],
)
def test_options_of_the_flagship_with_another_model(options, tmp_path, capsys):
    command = [*RUN, "--out", str(tmp_path / "run"), "--precision", "float32", "--model", "cnn", *options]
    assert main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "error: received --stage entropy, --eight-bits or --quick-moves with --model cnn, "
    )


def test_a_folder_without_a_model(tmp_path, capsys):
    assert main(["macs", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "manifest.json" in line


def test_a_file_in_place_of_the_run_folder(tmp_path, capsys):
    (tmp_path / "run").write_text("a file")
    assert main([*RUN, "--out", str(tmp_path / "run"), "--precision", "float32"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert str(tmp_path / "run") in line


def test_a_damaged_checkpoint(tmp_path, capsys):
    (tmp_path / "checkpoint.keras").write_bytes(b"PK\3\4 and nothing more")
    Settings(data="").save(tmp_path / "settings.toml")
    assert main(["export", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'checkpoint.keras'} cannot be read as a checkpoint (")


def test_a_run_without_settings(tmp_path, capsys):
    (tmp_path / "checkpoint.keras").touch()
    assert main(["export", str(tmp_path)]) == 1
    assert "holds no settings.toml; give the --out folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["unknown = 1\n", "steps = ", "steps = 1\nsteps = 2\n", "data = 5\n", "data = 'x'\nsteps = 4.5\n"]
)
def test_damaged_settings(text, tmp_path, capsys):
    (tmp_path / "checkpoint.keras").touch()
    (tmp_path / "settings.toml").write_text(text)
    for command in (["export", str(tmp_path)], [*RUN, "--out", str(tmp_path)]):
        assert main(command) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {tmp_path / 'settings.toml'} cannot be read as settings (")


@pytest.mark.parametrize("row", ["x,0.5", "200"])
def test_a_damaged_log(row, tmp_path):
    (tmp_path / "log.csv").write_text(f"step,loss\n100,0.5\n{row}\n")
    with pytest.raises(TrainingError, match=r"log\.csv is damaged"):
        read_columns(tmp_path / "log.csv")


def test_a_damaged_validation_log(tmp_path):
    (tmp_path / "log.csv").write_text("step,rd_loss,bpp,psnr_db\n100,1,0.5,30\n")
    (tmp_path / "validation.csv").write_text("step,quality,psnr_db\n100,50,30\n")
    with pytest.raises(TrainingError, match="columns step, quality, psnr_db, expected step, bpp, psnr_db"):
        plot_run(tmp_path)


@pytest.mark.parametrize("name", ["curves", "curves.txt"])
def test_a_plot_is_a_png(name, tmp_path, capsys):
    (tmp_path / "log.csv").write_text("step,rd_loss,bpp,psnr_db\n100,1,0.5,30\n")
    assert main(["plot", str(tmp_path), "--out", str(tmp_path / name)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("expected the extension .png: rename it")
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("command", [RUN, FILTER], ids=["run", "filter"])
def test_a_backend_that_cannot_train(command, capsys, monkeypatch):
    monkeypatch.setattr("keras.backend.backend", lambda: "numpy")
    assert main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "error: received the Keras backend numpy, expected tensorflow or jax: set KERAS_BACKEND"


def run_on(backend, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "training", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("backend", ["unknown", "torch"])
@pytest.mark.parametrize("command", [RUN, EXPORT], ids=["run", "export"])
def test_a_backend_that_cannot_be_imported(command, backend):
    if find_spec(backend):
        pytest.skip(f"{backend} is installed")
    done = run_on(backend, *command)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the Keras backend cannot be imported (")
    assert line.endswith("set KERAS_BACKEND to tensorflow or jax")


def test_a_plot_needs_no_keras(tmp_path):
    (tmp_path / "log.csv").write_text("step,rd_loss,bpp,psnr_db\n100,1,0.5,30\n")
    done = run_on("unknown", "plot", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "curves.png").exists()


@pytest.mark.parametrize("rest", ["200", "200,", "200,-", "200,0.49"])
def test_a_row_of_a_log_that_is_cut_off_is_left_out(rest, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("step,loss\n100,0.5\n" + rest)
    assert read_columns(log) == {"step": [100.0], "loss": [0.5]}


@pytest.mark.parametrize(
    ("batch", "group", "fits"), [(8, 1, True), (8, 4, True), (8, 8, False), (12, 4, False)]
)
def test_crops_of_a_photograph_stay_on_one_device(batch, group, fits, monkeypatch):
    monkeypatch.setattr(
        "tensorflow.config.list_logical_devices", lambda _: [SimpleNamespace(name=n) for n in "ab"]
    )
    monkeypatch.setattr("tensorflow.distribute.MirroredStrategy", lambda names: SimpleNamespace(scope=None))
    if fits:
        assert place(2, batch, group=group).replicas == 2
    else:
        with pytest.raises(TrainingError, match=f"give a multiple of {2 * group}"):
            place(2, batch, group=group)


def test_several_hosts_have_no_time_limit(tmp_path, capsys):
    hosts = ["--coordinator", "localhost:1", "--hosts", "2", "--steps", "10", "--minutes", "1"]
    command = [*RUN, "--out", str(tmp_path / "run"), "--precision", "float32", *hosts]
    assert main(command) == 1
    assert "error: received --minutes with several hosts" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--eight-bits"], ["--quick-moves", "1"]])
def test_options_that_need_trained_weights(options, tmp_path, capsys):
    command = [*RUN, "--out", str(tmp_path / "run"), "--precision", "float32", *options]
    assert main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: received --eight-bits or --quick-moves without --init, expected trained")


def test_quick_moves_need_the_squared_error(tmp_path, capsys):
    options = ["--quick-moves", "1", "--init", "trained", "--metric", "ssimulacra2"]
    assert main([*RUN, "--out", str(tmp_path / "run"), "--precision", "float32", *options]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: received --metric ssimulacra2 for a model with quick moves, expected mse")


def test_a_filter_of_a_model_with_quick_moves_needs_the_squared_error(tmp_path, capsys):
    weights = str(ROOT / "compressor" / "weights" / "flagship-psnr")
    command = ["filter", weights, "--data", "missing", "--out", str(tmp_path / "run"), "--metric", "ms-ssim"]
    assert main(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: received --metric ms-ssim for a model with quick moves, expected mse")


def test_settings_survive_any_name(tmp_path):
    settings = Settings(data='a "b" \\\n\t\u00e9\x7f\udce9', learning_rate=1e-5)
    settings.save(tmp_path / "settings.toml")
    assert Settings.load(tmp_path / "settings.toml") == settings
