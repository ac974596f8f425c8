"""Work in processes: those that die, that do not start, and signals."""

import errno
import os
import signal
import threading
import time
from multiprocessing.context import SpawnProcess

import pytest

from compressor.cli import workers
from compressor.cli.main import main
from compressor.cli.workers import WorkerDiedError, run_in_processes


def crash_on_odd(number):
    if number % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return 10 * number


def sleep_and_tidy_up(path):
    with open(path, "w"):
        try:
            time.sleep(60)
        finally:
            os.unlink(path)


def test_a_process_that_dies_takes_one_item_with_it():
    results = dict(run_in_processes(crash_on_odd, [0, 1, 2, 4], 2))
    assert isinstance(results.pop(1), WorkerDiedError)
    assert results == {0: 0, 2: 20, 4: 40}


def fail_to_start(monkeypatch, after):
    """Make every process after the first `after` fail to start."""
    start, started = workers._start, []

    def failing(function):
        if len(started) >= after:
            raise OSError(errno.EMFILE, "Too many open files")
        started.append(function)
        return start(function)

    monkeypatch.setattr(workers, "_start", failing)


def test_processes_that_could_be_started_do_all_the_work(monkeypatch):
    fail_to_start(monkeypatch, 1)
    results = dict(run_in_processes(crash_on_odd, [0, 2, 4], 8))
    assert results == {0: 0, 2: 20, 4: 40}


def test_no_process_can_be_started(folder, monkeypatch, capsys, picture):
    picture("a.png")
    picture("b.png")
    fail_to_start(monkeypatch, 0)
    assert main(["encode", "a.png", "b.png", "-j", "2"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "a worker process cannot be started ([Errno 24] Too many open files): leave out -j" in lines[0]
    assert "encoded 0 of 2 files" in lines[-1]


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("fails", [False, True])
def test_signals_wait_until_a_process_has_started(monkeypatch, number, fails):
    """The signal goes to another thread, since a signal mask of the main thread would not hold it back."""
    start, started = SpawnProcess.start, []

    def interrupted_start(process):
        signal.pthread_kill(bystander.ident, number)
        time.sleep(0.2)  # without protection, the exception is raised here
        if fails:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        start(process)
        started.append(process)

    monkeypatch.setattr(SpawnProcess, "start", interrupted_start)
    leave = threading.Event()
    bystander = threading.Thread(target=leave.wait)
    bystander.start()
    previous = {
        each: signal.signal(each, signal.default_int_handler) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with pytest.raises(KeyboardInterrupt):
            list(run_in_processes(crash_on_odd, [0], 1))
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
        leave.set()
        bystander.join()
    assert [process.is_alive() for process in started] == ([] if fails else [False])


def test_processes_tidy_up_when_the_caller_stops(tmp_path):
    path = tmp_path / "temporary"
    running = run_in_processes(sleep_and_tidy_up, [str(path)], 1)

    def interrupt(*_):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        # The item never ends; once its file is there, we are interrupted.
        pid = os.fork()
        if not pid:
            while not path.exists():
                time.sleep(0.05)
            os.kill(os.getppid(), signal.SIGALRM)
            os._exit(0)
        with pytest.raises(KeyboardInterrupt):
            next(running)
        os.waitpid(pid, 0)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert not path.exists()
