"""The cores of this CPU, and the features that decide which engine and number format is fastest."""

import os
from functools import cache
from pathlib import Path

# Flags of CPUs that multiply bfloat16 numbers.
BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})


@cache
def cpu_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the features of the CPU, as Linux names them; empty where the system does not list them."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split() for line in lines if line.startswith(("flags", "Features"))), ()))


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bfloat16() -> bool:
    """Return whether this CPU multiplies bfloat16 numbers; others emulate them, which is slower."""
    return not BFLOAT16_FLAGS.isdisjoint(cpu_flags())
