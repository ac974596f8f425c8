"""Pillow's limit of pixels while it is replaced."""

import subprocess
import sys

import pytest

FORK_WHILE_A_THREAD_HAS_REPLACED_THE_LIMIT = """
import os
import threading
from PIL import Image
from compressor.images.pillow_limit import limit_of_pillow

replaced, finish, limit = threading.Event(), threading.Event(), Image.MAX_IMAGE_PIXELS

def wait():
    with limit_of_pillow(5000):
        replaced.set()
        finish.wait(30)

thread = threading.Thread(target=wait)
thread.start()
replaced.wait(30)
child = os.fork()
if not child:
    os._exit(7 if Image.MAX_IMAGE_PIXELS == limit else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), Image.MAX_IMAGE_PIXELS)
finish.set()
thread.join()
print(Image.MAX_IMAGE_PIXELS == limit)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_has_the_original_limit():
    command = [sys.executable, "-c", FORK_WHILE_A_THREAD_HAS_REPLACED_THE_LIMIT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "7 2500\nTrue\n", done.stderr
