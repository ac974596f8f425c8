"""Run a function on many items in several processes, even if processes die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, NoReturn, TypeVar, cast

from compressor.errors import OptionError, one_line

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

# Libraries for linear algebra start threads; each process has one core for all it does.
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
        num_processes: maximum number of processes, at least 1.

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
                    with _signals_held():
                        process, pipe = _start(function)
                        processes.append(process)
                        busy[pipe] = process, waiting.popleft()
                except OSError as error:
                    if busy:
                        num_processes = len(busy)
                        break
                    raise OptionError(
                        f"a worker process cannot be started ({one_line(error)}): leave out -j"
                    ) from error
                _send(pipe, busy[pipe][1])
            for ready in wait(list(busy)):
                pipe = cast(Connection, ready)
                process, item = busy[pipe]
                outcome = _take(pipe, process)
                if waiting and not isinstance(outcome, WorkerDiedError):
                    busy[pipe] = process, waiting.popleft()
                    _send(pipe, busy[pipe][1])
                else:
                    del busy[pipe]
                    pipe.close()
                yield item, outcome
    finally:
        _stop(processes, [process for process, _ in busy.values()])


def _start(function: Callable[[Any], Any]) -> tuple[SpawnProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, function), daemon=True)
    process.start()
    # Only the process holds the other end now, so that the pipe ends when the process does.
    theirs.close()
    return process, ours


def _send(pipe: Connection, item: Any) -> None:
    try:
        pipe.send(item)
    except OSError:
        # The process has died. Reading from the pipe will report it.
        pass


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


@contextmanager
def _signals_held() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until a process has started.

    Otherwise, an exception could interrupt the start and leave a process that cannot read all of its data and
    prints a traceback. A signal mask is not enough: another thread may receive the signal, and Python still
    runs the handler in the main thread.
    """
    held: list[int] = []

    def raise_held() -> None:
        for number in held:
            signal.raise_signal(number)

    with ExitStack() as at_end:
        # Runs last, even if the process could not be started.
        at_end.callback(raise_held)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.signal(number, lambda number, _: held.append(number))
                at_end.callback(signal.signal, number, handler)
        with _sigint_masked():
            yield


@contextmanager
def _sigint_masked() -> Iterator[None]:
    """Block SIGINT, so that a process started meanwhile inherits the mask and ignores Ctrl-C."""
    if sys.platform == "win32":
        yield
        return
    from multiprocessing import resource_tracker

    # Starting the resource tracker unblocks SIGINT, so start it first.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


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
