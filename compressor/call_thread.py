"""A thread that makes calls, one after another."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")
_Call = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class CallThread:
    """A thread that makes calls, one after another.

    When this object is freed, the thread makes the calls that are queued, and ends.

    Unlike a `ThreadPoolExecutor`, it accepts calls after the main thread has ended. If this object still
    exists when the process exits, the process waits for the queued calls.

    Args:
        name: name of the thread.

    Example:
        >>> thread = CallThread("example")
        >>> thread.start(pow, 2, 10).result()
        1024
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = Thread(target=_make_calls, args=(self._calls,), name=name, daemon=True)
        self._thread.start()
        # Not at exit: functions that run then may still make calls.
        weakref.finalize(self, self._calls.put, None).atexit = False
        _call_threads.add(self)

    def start(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Queue a call, and return its future. Calls are made in the order in which they are queued."""
        future: Future[Result] = Future()
        self._calls.put((future, function, arguments))
        return future

    def cancel(self) -> None:
        """Cancel the calls that have not begun."""
        with suppress(Empty):
            while call := self._calls.get_nowait():
                call[0].cancel()
            # None, which ends the thread, is not a call: put it back.
            self._calls.put(None)

    def finish(self) -> None:
        """Wait until all queued calls have been made or cancelled."""
        # After a fork, the thread does not exist in the new process, and waiting for it would never end.
        if self._thread.is_alive():
            self.start(_do_nothing).result()


def _do_nothing() -> None:
    pass


_call_threads: weakref.WeakSet[CallThread] = weakref.WeakSet()


@atexit.register
def _finish_all() -> None:
    # A daemon thread that returns from compiled code while Python shuts down can abort the process.
    for thread in list(_call_threads):
        thread.finish()


def _make_calls(calls: SimpleQueue[_Call | None]) -> None:
    while call := calls.get():
        _make(*call)
        # While it waits for the next one, the thread must not keep the last one's results alive.
        del call


def _make(future: Future[Any], function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        result = function(*arguments)
    except BaseException as error:
        future.set_exception(error)
        # The error holds this frame: without a cycle, it is freed as soon as the caller drops it.
        del future, arguments
    else:
        future.set_result(result)
