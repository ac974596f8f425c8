"""Values of options on the command line: text to value, or a one-line error."""

import argparse
import math

from compressor.coding.effort import MAX_EFFORT, MIN_EFFORT
from compressor.coding.region import parse_region
from compressor.errors import OptionError
from compressor.spec.quality import quality_to_level


def quality(text: str) -> float:
    """A quality, 1 to 100."""
    try:
        value = float(text)
        quality_to_level(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"received {text!r}, expected a number from 1 to 100") from None
    return value


def effort(text: str) -> int:
    """An effort, 1 to 9."""
    if not text.isdecimal() or not MIN_EFFORT <= int(text) <= MAX_EFFORT:
        raise argparse.ArgumentTypeError(
            f"received {text!r}, expected a whole number from {MIN_EFFORT} to {MAX_EFFORT}"
        )
    return int(text)


def number(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"received {text!r}, expected a number above 0")
    return value


def size(text: str) -> int:
    """Bytes, at least 1: 50000, 200k, 1.5M."""
    unit = {"k": 1_000, "K": 1_000, "m": 1_000_000, "M": 1_000_000}.get(text[-1:], 1)
    try:
        num_bytes = float(text if unit == 1 else text[:-1]) * unit
        return int(num_bytes) if num_bytes >= 1 else int("")
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"received {text!r}, expected a number of bytes, such as 50000, 200k or 1.5M"
        ) from None


def region(text: str) -> tuple[int, ...]:
    """X,Y,W,H in pixels."""
    try:
        return parse_region(text)
    except OptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def positive(text: str) -> int:
    """A whole number, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"received {text!r}, expected a whole number from 1")
    return int(text)
