"""Peak memory of a piece of code, on Linux."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")


def _status_mb(field: str) -> float:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(field)


@contextmanager
def peak_memory() -> Iterator[dict]:
    """Measure the peak of the resident memory added inside a `with` block.

    The process's high-water mark is reset first, and glibc returns free memory to the system, which would
    otherwise hide the needs of this block.

    Yields:
        A dictionary whose `"mb"` is set on exit, in MB; None if the system does not report it.
    """
    result: dict = {"mb": None}
    try:
        # On Windows, CDLL(None) raises a TypeError.
        ctypes.CDLL(None).malloc_trim(0)
        _CLEAR_REFS.write_text("5")
        before_mb = _status_mb("VmRSS:")
    except (OSError, AttributeError, KeyError, TypeError):
        yield result  # not Linux, not glibc, or not allowed
        return
    yield result
    result["mb"] = max(0.0, _status_mb("VmHWM:") - before_mb)
