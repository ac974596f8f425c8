"""Sessions of ONNX Runtime, and their errors."""

from collections.abc import Callable, Mapping
from typing import Any

import onnxruntime

# Parts of messages that mean out of memory: from ONNX Runtime's allocator, from C++, and from threads that
# cannot be started.
_OUT_OF_MEMORY = ("Failed to allocate memory", "bad_alloc", "PosixThread")


def session_options(threads: int | None) -> Any:
    """Return the options that all sessions share.

    Args:
        threads: number of threads; None for one per core.
    """
    options = onnxruntime.SessionOptions()
    # Its errors are raised too.
    options.log_severity_level = 4
    # A plan of the memory is kept for each shape of inputs. Parts of pictures have many shapes, and the plans
    # take up to a quarter of all memory.
    options.enable_mem_pattern = False
    if threads is not None:
        options.intra_op_num_threads = threads
    return options


def new_session(graph: bytes, options: Any) -> Any:
    """Return a session on the CPU.

    Raises:
        MemoryError: if memory runs out.
    """
    # Without a fallback: it prints lines of its own, and tries the same again.
    providers = ["CPUExecutionProvider"]
    return _or_memory_error(
        onnxruntime.InferenceSession, graph, options, providers=providers, enable_fallback=0
    )


def first_output(session: Any, feeds: Mapping[str, Any]) -> Any:
    """Run a session, and return its first output.

    Args:
        session: from `new_session`.
        feeds: arrays by the names of the inputs.

    Raises:
        MemoryError: if memory runs out.
    """
    return _or_memory_error(session.run, None, feeds)[0]


def _or_memory_error(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function of ONNX Runtime, which has no type of error for memory that runs out."""
    try:
        return function(*arguments, **options)
    except Exception as error:
        if any(cause in str(error) for cause in _OUT_OF_MEMORY):
            raise MemoryError from error
        raise
