"""`python -m demos`: commands, exit codes, one-line errors."""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from demos.__main__ import main
from demos.registry import NAMES


def test_list_is_complete_and_light():
    code = (
        "import sys; from demos.__main__ import main; code = main(['list']);"
        "heavy = {'keras', 'tensorflow', 'matplotlib', 'scipy', 'skimage'} & set(sys.modules);"
        "sys.exit(code or (str(heavy) if heavy else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(NAMES)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["run"],
        ["run", "no_such_demo"],
        ["run", "convolve", "--seed", "x"],
        ["run", "convolve", "--seed", "-1"],
        ["run", "convolve", "--seed", str(2**32)],
        ["gallery", "--image"],
        ["list", "more"],
    ],
)
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"plain text"])
def test_bad_picture_exits_with_1(tmp_path, capsys, content):
    path = tmp_path / "x.png"
    if content is not None:
        path.write_bytes(content)
    assert main(["run", "convolve", "--image", str(path), "--out", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "x.png: " in error
    assert error.count("\n") == 1


def test_errors_have_no_traceback(tmp_path):
    command = [
        sys.executable,
        "-m",
        "demos",
        "run",
        "kernels",
        "--image",
        str(tmp_path),
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_picture_smaller_than_the_kernel(tmp_path, capsys):
    path = tmp_path / "tiny.png"
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(path)
    assert main(["run", "convolve", "--image", str(path), "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "error: kernel 3x3 is larger than the image 2x2\n"


@pytest.mark.parametrize("name", ["conv2d", "deconvolution", "fractional_stride"])
def test_a_black_picture(tmp_path, capsys, name):
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    assert main(["run", name, "--image", str(tmp_path / "black.png"), "--out", str(tmp_path)]) == 0
    assert "[not for this picture]" in capsys.readouterr().out


def test_an_output_folder_whose_name_is_not_text(tmp_path, capsys):
    assert main(["run", "transpose_by_hand", "--out", str(tmp_path / os.fsdecode(b"o\xff"))]) == 0
    assert r"/o\udcff/transpose_by_hand.png'" in capsys.readouterr().out


def test_output_folder_is_a_file(tmp_path, capsys):
    blocker = tmp_path / "file"
    blocker.touch()
    assert main(["run", "transpose_by_hand", "--out", str(blocker)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_missing_extra_is_named(tmp_path, capsys, monkeypatch):
    def missing(*_):
        raise ModuleNotFoundError("No module named 'keras'", name="keras")

    monkeypatch.setattr("demos.__main__.run_demo", missing)
    assert main(["run", "convolve", "--out", str(tmp_path)]) == 1
    assert "keras is not installed; the demos need: pip install" in capsys.readouterr().err


@pytest.mark.parametrize("backend", ["unknown", "torch"])
def test_a_backend_that_cannot_be_imported(backend, tmp_path):
    if find_spec(backend):
        pytest.skip(f"{backend} is installed")
    done = subprocess.run(
        [sys.executable, "-m", "demos", "run", "arithmetic", "--out", str(tmp_path)],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: Keras cannot be imported (")
    assert line.endswith("set KERAS_BACKEND=tensorflow")


def test_run_prints_and_draws(tmp_path, capsys):
    assert main(["run", "transpose_by_hand", "--out", str(tmp_path / "new")]) == 0
    output = capsys.readouterr().out
    assert "[[18.0, 21.0], [30.0, 33.0]]" in output
    with Image.open(tmp_path / "new" / "transpose_by_hand.png") as figure:
        assert np.asarray(figure.convert("L")).std() > 5


def test_output_depends_on_the_seed(tmp_path, capsys):
    printed = []
    for seed in ("3", "3", "4"):
        main(["run", "transpose_by_hand", "--out", str(tmp_path), "--seed", seed])
        printed.append([line for line in capsys.readouterr().out.splitlines() if "<Ax, y>" in line])
    assert printed[0] == printed[1] != printed[2]


def test_another_backend_is_refused(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    assert main(["run", "arithmetic", "--out", str(tmp_path)]) == 1
    assert "received the Keras backend jax, expected tensorflow" in capsys.readouterr().err
