"""Disks that are full or locked, processes that are killed or race: no file is lost or left half-written."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import compressor
from tests.samples import noise

ROOT = Path(__file__).parents[2]

# In a name space of its own: the mount ends with the process, and no other process sees it.
ON_A_DISK_OF_ITS_OWN = """
mount -t tmpfs -o "$1" tmpfs disk || exit 77
"$2" -m compressor encode photo.png -q 100 -o disk/photo.cmpr
echo "exit $?"
ls -A disk
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Enter an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def photo(height, width):
    return Image.fromarray(noise(height, width, 3))


def open_when_read(name, process):
    """Open a named pipe as soon as the process has opened its other end."""
    while process.poll() is None:
        try:
            return os.fdopen(os.open(name, os.O_WRONLY | os.O_NONBLOCK), "wb")
        except OSError:
            time.sleep(0.01)
    raise AssertionError("the process has ended before it has read its input")


def assert_one_line(message, match):
    assert message.count(b"\n") == 1, message
    assert b"Traceback" not in message
    assert match in message


@pytest.mark.skipif(shutil.which("unshare") is None, reason="there is no unshare here")
@pytest.mark.parametrize(
    ("mount", "message"), [("size=4k", b"No space left on device"), ("ro", b"Read-only file system")]
)
def test_a_full_or_read_only_disk(folder, mount, message):
    photo(128, 128).save("photo.png")
    os.mkdir("disk")
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", ON_A_DISK_OF_ITS_OWN, "sh", mount]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, sys.executable], capture_output=True, timeout=60, env=environment)
    if b"exit" not in done.stdout:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
    assert done.stdout == b"exit 1\n"
    assert_one_line(done.stderr, message)


def test_a_file_that_may_not_grow(folder, run_process):
    photo(20, 20).save("photo.png")
    (folder / "photo.cmpr").write_text("precious")
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))}
    # Python's own cache of bytecode would be cut off too, and break every later start.
    done = run_process("encode", "photo.png", env={"PYTHONDONTWRITEBYTECODE": "1"}, **limit)
    assert done.returncode == 1
    assert_one_line(done.stderr, b"File too large")
    assert (folder / "photo.cmpr").read_text() == "precious"
    assert sorted(os.listdir()) == ["photo.cmpr", "photo.png"]


@pytest.mark.skipif(not os.path.isdir("/sys/kernel"), reason="there is no /sys here")
def test_a_folder_that_is_not_writable(folder, run_process):
    photo(4, 4).save("photo.png")
    done = run_process("encode", "photo.png", "-o", "/sys/kernel/photo.cmpr")
    assert (done.returncode, done.stdout) == (1, b"")
    assert_one_line(done.stderr, b"cannot read or write")


@pytest.mark.parametrize(
    ("moment", "options", "old"),
    [("replace", [], "precious"), ("link", ["--no-overwrite"], None)],
)
def test_a_process_that_is_killed(folder, run_process, moment, options, old):
    """Between the temporary file and its name; the next run of the folder tidies up."""
    os.makedirs("in")
    os.makedirs("out")
    photo(9, 12).save("in/photo.png")
    if old:
        (folder / "out" / "photo.cmpr").write_text(old)
    (folder / "sitecustomize.py").write_text(f"import os; os.{moment} = lambda *_: os.kill(os.getpid(), 9)")
    environment = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = ("encode", "in/photo.png", "-o", "out/photo.cmpr", *options)
    assert run_process(*command, env=environment).returncode == -signal.SIGKILL
    path = folder / "out" / "photo.cmpr"
    assert (path.read_text() if path.exists() else None) == old
    assert len(os.listdir("out")) == 1 + bool(old)

    assert run_process("encode", "in", "-o", "out", "-r").returncode == 0
    assert os.listdir("out") == ["photo.cmpr"]
    assert compressor.read_info(path.read_bytes()).width == 12


@pytest.mark.parametrize(("options", "codes"), [([], [0, 0]), (["--no-overwrite"], [0, 1])])
def test_two_processes_with_the_same_output(folder, start_process, options, codes):
    """Both wait for their input, from pipes, when both have found that there is no output yet."""
    pictures = {"a.png": photo(60, 80), "b.png": photo(80, 60)}
    for name in pictures:
        os.mkfifo(name)
    processes = [
        start_process("encode", name, "-o", "out.cmpr", "--quiet", *options, stderr=subprocess.PIPE)
        for name in pictures
    ]
    pipes = [open_when_read(name, process) for name, process in zip(pictures, processes, strict=True)]
    for pipe, image in zip(pipes, pictures.values(), strict=True):
        with pipe:
            image.save(pipe, "PNG")
    messages = [process.communicate(timeout=30)[1] for process in processes]
    assert sorted(process.returncode for process in processes) == codes
    assert sum(message.count(b"\n") for message in messages) == sum(codes)
    assert compressor.read_info((folder / "out.cmpr").read_bytes()).width in (60, 80)
    assert sorted(os.listdir()) == ["a.png", "b.png", "out.cmpr"]
