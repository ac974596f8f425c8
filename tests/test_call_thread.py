"""Calls in a thread of their own."""

import gc
import subprocess
import sys
import threading
import weakref

import pytest

from compressor.call_thread import CallThread


def test_calls_are_made_in_order_in_one_thread():
    thread, seen = CallThread("test"), []
    calls = [thread.start(seen.append, number) for number in range(100)]
    assert thread.start(threading.current_thread).result().name == "test"
    assert all(call.done() for call in calls)
    assert seen == list(range(100))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_is_raised_where_the_result_would_be(error):
    def fail():
        raise error("why")

    thread = CallThread("test")
    call = thread.start(fail)
    with pytest.raises(error, match="why"):
        call.result()
    assert thread.start(len, "ab").result() == 2


def test_calls_that_have_not_begun_are_cancelled_and_the_one_that_has_is_awaited():
    thread, begun, go_on = CallThread("test"), threading.Event(), threading.Event()
    first = thread.start(lambda: begun.set() or go_on.wait(60))
    begun.wait(60)
    second = thread.start(pytest.fail)
    threading.Timer(0.2, go_on.set).start()
    thread.cancel()
    assert first.done()
    assert first.result()
    assert second.cancelled()
    assert thread.start(len, "ab").result() == 2


def test_it_ends_when_it_is_no_longer_used():
    call_thread = CallThread("test")
    thread = call_thread.start(threading.current_thread).result()
    del call_thread
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()


def test_it_ends_although_calls_are_cancelled_later():
    call_thread = CallThread("test")
    thread = call_thread.start(threading.current_thread).result()
    busy, go_on = threading.Event(), threading.Event()
    call_thread.start(lambda: busy.set() or go_on.wait(60))
    busy.wait(60)
    # Put there when the object is freed, which may happen before a caller cancels.
    call_thread._calls.put(None)
    threading.Timer(0.2, go_on.set).start()
    call_thread.cancel()
    thread.join(60)
    assert not thread.is_alive()


def test_an_error_is_freed_with_the_arguments_of_its_call():
    class Argument:
        pass

    def call(thread):
        argument = Argument()
        with pytest.raises(TypeError):
            thread.start(len, argument).result()
        return weakref.ref(argument)

    thread = CallThread("test")
    gc.disable()
    try:
        argument = call(thread)
        # The thread drops what it holds when it takes the next call.
        thread.start(len, "ab").result()
        assert argument() is None
    finally:
        gc.enable()


def test_calls_at_exit():
    code = """
import atexit
from compressor.call_thread import CallThread

# Functions that are registered first are called last.
atexit.register(lambda: print(thread.start(pow, 2, 10).result(timeout=20)))
thread = CallThread("test")
thread.start(len, "ab").result()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "1024\n", done.stderr
