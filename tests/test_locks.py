"""Locks in forked processes, and properties that need none."""

import subprocess
import sys
import threading

import pytest

from compressor.locks import CachedProperty

FORK_WITH_THE_LOCK_HELD = """
import os
from compressor.locks import ForkSafeLock

lock = ForkSafeLock()
with lock.current:
    child = os.fork()
    if not child:
        with lock.current:
            os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_lock_is_free_after_a_fork():
    command = [sys.executable, "-c", FORK_WITH_THE_LOCK_HELD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.stdout == "7\n", done.stderr


def test_cached_properties_of_two_instances_do_not_wait_for_each_other():
    started, finish = threading.Event(), threading.Event()

    class Slow:
        waits = False

        @CachedProperty
        def value(self):
            started.set()
            return finish.wait(30) if self.waits else "computed"

    slow, other = Slow(), Slow()
    slow.waits = True
    thread = threading.Thread(target=lambda: slow.value)
    thread.start()
    started.wait()
    result = []
    other_thread = threading.Thread(target=lambda: result.append(other.value), daemon=True)
    other_thread.start()
    other_thread.join(5)
    finish.set()
    thread.join()
    assert result == ["computed"]


def test_a_property_is_computed_once():
    class Counter:
        calls = 0

        @CachedProperty
        def value(self):
            self.calls += 1
            return self.calls

    assert isinstance(Counter.value, CachedProperty)
    counter = Counter()
    assert (counter.value, counter.value, Counter().value) == (1, 1, 1)
