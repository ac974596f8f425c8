"""A thread that makes calls, one after another."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread, current_thread
from typing import Any, TypeVar

Result = TypeVar("Result")
_Call = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class CallThread:
    """A thread that makes calls, one after another.

    When this object is freed, the thread makes the calls that are queued, and ends.

    Unlike a `ThreadPoolExecutor`, it accepts calls after the main thread has ended.

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

    def start(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Queue a call, and return its future. Calls are made in the order in which they are queued."""
        future: Future[Result] = Future()
        self._calls.put((future, function, arguments))
        return future

    def cancel(self) -> None:
        """Cancel the calls that have not begun, and wait for the one that is being made."""
        with suppress(Empty):
            while call := self._calls.get_nowait():
                call[0].cancel()
            # None, which ends the thread, is not a call: put it back.
            self._calls.put(None)
        # The garbage collector may close what uses this thread while it makes a call.
        if current_thread() is not self._thread:
            last = self.start(_do_nothing)
            # The thread may end before it makes this call, and another thread may cancel it.
            while self._thread.is_alive() and not last.done():
                wait([last], timeout=0.1)


def _do_nothing() -> None:
    pass


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
