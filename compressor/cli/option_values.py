"""Values of options on the command line: text to value, or a one-line error."""

import argparse
import math
from collections.abc import Callable
from typing import TypeVar

from compressor.coding.effort import MAX_EFFORT, MIN_EFFORT
from compressor.coding.region import parse_region
from compressor.errors import OptionError
from compressor.spec.quality import MAX_QUALITY, MIN_QUALITY

Number = TypeVar("Number", int, float)


def checked(kind: type[Number], accepts: Callable[[Number], bool], expected: str) -> Callable[[str], Number]:
    """Return an argparse type that reads a number and refuses those out of range.

    Args:
        kind: int or float.
        accepts: whether a number is in the range.
        expected: the range, for the message of the error.
    """

    def read(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            pass
        else:
            if accepts(value):
                return value
        raise argparse.ArgumentTypeError(f"received {text!r}, expected {expected}")

    return read


effort = checked(
    int, lambda value: MIN_EFFORT <= value <= MAX_EFFORT, f"a whole number from {MIN_EFFORT} to {MAX_EFFORT}"
)
number = checked(float, lambda value: 0 < value < math.inf, "a number above 0")
quality = checked(float, lambda value: MIN_QUALITY <= value <= MAX_QUALITY, "a number from 1 to 100")
count = checked(int, lambda value: value >= 0, "a whole number from 0")
positive = checked(int, lambda value: value >= 1, "a whole number from 1")
# The range that NumPy and Keras both accept.
seed = checked(int, lambda value: 0 <= value < 2**32, "a whole number from 0 to 4294967295")


def size(text: str) -> int:
    """Bytes, at least 1: 50000, 200k, 1.5M."""
    unit = {"k": 1_000, "K": 1_000, "m": 1_000_000, "M": 1_000_000}.get(text[-1:], 1)
    try:
        num_bytes = float(text if unit == 1 else text[:-1]) * unit
    except ValueError:
        num_bytes = math.nan
    if not 1 <= num_bytes < math.inf:
        raise argparse.ArgumentTypeError(
            f"received {text!r}, expected a number of bytes, such as 50000, 200k or 1.5M"
        )
    return int(num_bytes)


def region(text: str) -> tuple[int, ...]:
    """X,Y,W,H in pixels."""
    try:
        return parse_region(text)
    except OptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
