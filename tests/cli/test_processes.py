"""The command line in a process of its own: pipes, terminals, Ctrl-C."""

import os
import pstats
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import compressor
from compressor.cli.main import main


def test_pipes(folder, run_process, picture):
    image = picture("photo.png", mode="LA")
    data = run_process("encode", "-", input=(folder / "photo.png").read_bytes())
    assert (data.returncode, data.stderr.count(b"\n")) == (0, 1)
    decoded = run_process("decode", "-", "-o", "-", "--quiet", input=data.stdout)
    assert (decoded.returncode, decoded.stderr) == (0, b"")
    (folder / "decoded.png").write_bytes(decoded.stdout)
    assert Image.open("decoded.png").tobytes() == image.tobytes()
    info = run_process("info", "-", input=data.stdout)
    assert info.stdout.startswith(b"-: 12x9 LA")


@pytest.mark.parametrize("command", ["encode", "decode"])
def test_the_standard_input_is_no_output(folder, run_process, picture, encoded, command):
    picture("photo.png")
    if command == "decode":
        encoded("photo.cmpr")
        os.replace("photo.cmpr", "photo.png")
    before = (folder / "photo.png").read_bytes()
    force = ["--force"] if command == "encode" else []
    with open("photo.png", "rb") as file:
        done = run_process(command, "-", *force, "-o", "photo.png", stdin=file)
    assert done.returncode == 1
    assert b"is an input" in done.stderr
    assert (folder / "photo.png").read_bytes() == before


def test_failures_in_a_process(folder, run_process):
    missing = run_process("decode", "missing.cmpr")
    assert (missing.returncode, missing.stdout, missing.stderr.count(b"\n")) == (1, b"", 1)
    usage = run_process("decode")
    assert (usage.returncode, usage.stdout, usage.stderr.count(b"\n")) == (2, b"", 1)
    empty = run_process("info", "-")
    assert (empty.returncode, empty.stderr.count(b"\n")) == (1, 1)


def test_a_reader_that_goes_away(folder, run_process, encoded):
    encoded("photo.cmpr")
    read_end, write_end = os.pipe()
    os.close(read_end)
    for arguments in (["info", "photo.cmpr"], ["decode", "photo.cmpr", "-o", "-"]):
        run = run_process(*arguments, stdout=write_end)
        assert (run.returncode, run.stderr) == (1, b"")
    os.close(write_end)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_output_that_is_full(folder, run_process, encoded):
    encoded("photo.cmpr")
    for arguments in (
        ["info", "photo.cmpr"],
        ["info", "--json", "photo.cmpr"],
        ["decode", "photo.cmpr", "-o", "-"],
    ):
        with open("/dev/full", "wb") as full:
            run = run_process(*arguments, stdout=full)
        assert run.returncode == 1
        assert run.stderr.count(b"\n") <= 1
        assert b"Traceback" not in run.stderr


def test_a_profiler_keeps_its_result(folder, encoded):
    encoded("photo.cmpr")
    root = Path(compressor.__file__).parents[1]
    command = [sys.executable, "-m", "cProfile", "-o", "result", "-m", "compressor", "info", "photo.cmpr"]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True)
    assert pstats.Stats("result").total_calls > 1000


def test_names_that_the_terminal_cannot_show(folder, run_process, picture):
    picture("写真.png")
    main(["encode", "写真.png", "--quiet"])
    run = run_process("info", "写真.cmpr", env={"PYTHONIOENCODING": "ascii"})
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.startswith(rb"\u5199\u771f.cmpr: 12x9")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_while_waiting_for_input(folder, start_process, number):
    os.mkfifo("slow.png")
    # Jobs that a shell has put into the background inherit that Ctrl-C is ignored, and tests may be one.
    options = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    with start_process("encode", "slow.png", stderr=subprocess.PIPE, **options) as process:
        # Opening the pipe waits until the process opens its other end, to read from it.
        with open("slow.png", "wb"):
            time.sleep(0.05)
            process.send_signal(number)
            _, message = process.communicate(timeout=10)
    assert (process.returncode, message) == (130, b"")
    assert os.listdir() == ["slow.png"]
