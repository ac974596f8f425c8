"""Run a function on many items in several processes, even if processes die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, NoReturn, TypeVar, cast

from compressor.errors import OptionError, one_line

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

# The exact networks use the linear algebra library of NumPy; each process has one core for all it does.
_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_SECONDS_TO_STOP = 5


class WorkerDiedError(Exception):
    """The process that worked on the item ended without a result."""


def run_in_processes(
    function: Callable[[Item], Outcome], items: Sequence[Item], num_processes: int
) -> Iterator[tuple[Item, Outcome | WorkerDiedError]]:
    """Yield items with their results, as they come.

    A process that dies takes its item with it, and another takes its place. If the caller stops early, by
    Ctrl-C or otherwise, the processes are stopped so that they can tidy up; if the caller itself is killed,
    they end by themselves. If no more processes can be started, those that are running do all the work.

    Args:
        function: is pickled, and so are items and results.
        items: what to run it on.
        num_processes: at most so many at a time, from 1.

    Raises:
        OptionError: if no process can be started.
    """
    waiting = deque(items)
    busy: dict[Connection, tuple[SpawnProcess, Item]] = {}
    processes: list[SpawnProcess] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < num_processes:
                try:
                    process, pipe = _start(function)
                except OSError as error:
                    if busy:
                        num_processes = len(busy)
                        break
                    raise OptionError(
                        f"a worker process cannot be started ({one_line(error)}): leave out -j"
                    ) from error
                processes.append(process)
                _give(pipe, process, waiting.popleft(), busy)
            for ready in wait(list(busy)):
                pipe = cast(Connection, ready)
                process, item = busy.pop(pipe)
                outcome = _take(pipe, process)
                if waiting and not isinstance(outcome, WorkerDiedError):
                    _give(pipe, process, waiting.popleft(), busy)
                else:
                    pipe.close()
                yield item, outcome
    finally:
        _stop(processes, [process for process, _ in busy.values()])


def _start(function: Callable[[Any], Any]) -> tuple[SpawnProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, function), daemon=True)
    with _SigintHeld():
        process.start()
    # Only the process holds the other end now, so that the pipe ends when the process does.
    theirs.close()
    return process, ours


def _give(
    pipe: Connection, process: SpawnProcess, item: Item, busy: dict[Connection, tuple[SpawnProcess, Item]]
) -> None:
    try:
        pipe.send(item)
    except OSError:
        # It has died meanwhile; so the pipe tells whoever reads from it.
        pass
    busy[pipe] = process, item


def _take(pipe: Connection, process: SpawnProcess) -> Any:
    try:
        return pipe.recv()
    except (EOFError, OSError):
        process.join(_SECONDS_TO_STOP)
        code = process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"status {code}"
        return WorkerDiedError(f"the process at work on it ended with {how}")


def _stop(processes: list[SpawnProcess], busy: list[SpawnProcess]) -> None:
    for process in busy:
        process.terminate()
    for process in processes:
        process.join(_SECONDS_TO_STOP)
        if process.is_alive():
            process.kill()
            process.join()


class _SigintHeld:
    """Hold back SIGINT while a process is started, which inherits the mask and so ignores Ctrl-C."""

    def __enter__(self) -> None:
        if sys.platform != "win32":
            from multiprocessing import resource_tracker

            # Its own start would lift the mask.
            resource_tracker.ensure_running()
            self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32":
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def _work(pipe: Connection, function: Callable[[Any], Any]) -> None:
    """Run in a worker process: handle items until the pipe is closed."""
    # On Windows, processes do not inherit a signal mask.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # An exception, unlike the signal itself, lets the function tidy up.
    signal.signal(signal.SIGTERM, _exit)
    # NumPy is not imported before the function is called.
    for name in _THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
    warnings.simplefilter("ignore")
    while True:
        try:
            pipe.send(function(pipe.recv()))
        except (EOFError, OSError):
            return


def _exit(*_: object) -> NoReturn:
    raise SystemExit(0)
