"""The part of a picture that a decoder is asked for."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from compressor.coding.area import Area
from compressor.errors import OptionError


def parse_region(text: str) -> tuple[int, ...]:
    """Read "X,Y,W,H".

    Raises:
        OptionError: if it is something else.
    """
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise _malformed(text) from None
    _check_form(values, text)
    return values


def region_area(region: Sequence[int], width: int, height: int) -> Area:
    """Find a region in a picture.

    Args:
        region: x, y, width and height in pixels; x and y from 0 at the top left, width and height at least 1.
        width: the picture's columns.
        height: the picture's rows.

    Raises:
        OptionError: if it is no region, or not wholly inside the picture.
    """
    try:
        values = tuple(operator.index(value) for value in region)
    except TypeError:
        raise _malformed(region) from None
    _check_form(values, region)
    x, y, region_width, region_height = values
    if x + region_width > width or y + region_height > height:
        raise OptionError(
            f"received the region {x},{y},{region_width},{region_height}, expected one inside the picture, "
            f"which is {width}x{height}"
        )
    return Area(y, x, y + region_height, x + region_width)


def _check_form(values: tuple[int, ...], received: object) -> None:
    if len(values) != 4 or min(values[:2]) < 0 or min(values[2:]) < 1:
        raise _malformed(received)


def _malformed(received: object) -> OptionError:
    return OptionError(
        f"received the region {received!r}, expected X,Y,W,H: four whole numbers of pixels, X and Y at least "
        "0, W and H at least 1"
    )
