"""Errors and warnings of the evaluation. Each is one line that tells the user what to do."""

import sys
from collections.abc import Iterable

from compressor.errors import CompressorError, one_line


class EvalError(CompressorError):
    """Base of all errors that the user can fix; the command line prints them without a traceback."""


class PictureError(EvalError):
    """A file is not a picture, or not one that can be compared."""


class SizeMismatchError(EvalError):
    """Two pictures differ in size."""


class CodecUnavailableError(EvalError):
    """The library of a codec is not installed or does not work."""


class MetricUnavailableError(EvalError):
    """The program that computes a metric is not installed."""


class InterruptedRunError(EvalError):
    """The run was stopped by Ctrl-C; finished results are in the cache."""


def warn(line: str) -> None:
    """Print a warning on the standard error output."""
    print(f"warning: {line}", file=sys.stderr)


def warn_left_out(lines: Iterable[str]) -> None:
    """Print a warning for each thing that is left out: what it is, and why."""
    for line in lines:
        warn(f"left out: {line}")


def described(error: BaseException) -> str:
    """Format an exception as one line. Other types than EvalError are named.

    Example:
        >>> described(ValueError("bad\\nvalue"))
        'ValueError: bad value'
    """
    name, text = type(error).__name__, one_line(error)
    return text if isinstance(error, EvalError) or text == name else f"{name}: {text}"
