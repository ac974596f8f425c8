"""Arrays that reuse the memory of freed ones cause no page faults."""

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource

import numpy as np

from compressor.coding.freed_memory import keep_freed_memory


def page_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        [np.ones(1 << 20, np.uint8) for _ in range(12)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


page_faults()
before = page_faults()
keep_freed_memory()
page_faults()
print(before, page_faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="concerns the allocator of glibc")
def test_freed_memory_is_used_again():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    before, after = map(int, run.stdout.split())
    assert 10 * after < before
