"""Locks in forked processes."""

import subprocess
import sys

import pytest

FORK_WITH_THE_LOCK_HELD = """
import os
from compressor.locks import ForkSafeLock

lock = ForkSafeLock()
with lock:
    child = os.fork()
    if not child:
        with lock:
            os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_lock_is_free_after_a_fork():
    command = [sys.executable, "-c", FORK_WITH_THE_LOCK_HELD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.stdout == "7\n", done.stderr
