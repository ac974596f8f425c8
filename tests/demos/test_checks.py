"""Checks of arguments."""

import numpy as np
import pytest

from demos.checks import require_kernel_fits, require_not_negative, require_odd, require_positive
from demos.errors import ArgumentError


@pytest.mark.parametrize("value", [0, -1, 2.0, "3", True, None])
def test_require_positive(value):
    with pytest.raises(ArgumentError, match=r"size must be a positive integer, received"):
        require_positive(size=value)


def test_smallest_values_are_accepted():
    require_positive(size=1)
    require_not_negative(padding=0)
    require_odd(size=np.int64(3))
    require_kernel_fits(np.ones((3, 4)), np.ones((3, 4)))


def test_require_not_negative():
    with pytest.raises(ArgumentError, match="padding must be an integer of 0 or more, received -1"):
        require_not_negative(padding=-1)


@pytest.mark.parametrize("value", [2, 4, 0, -3])
def test_require_odd(value):
    with pytest.raises(ArgumentError, match="size must be"):
        require_odd(size=value)


@pytest.mark.parametrize(
    ("image", "kernel", "message"),
    [
        ((3, 3), (4, 1), "kernel 4x1 is larger than the image 3x3"),
        ((3, 3), (1, 4), "kernel 1x4 is larger"),
        ((3, 3), (0, 3), "kernel must be a non-empty"),
        ((3, 0), (1, 1), "image must be a non-empty"),
        ((3, 3, 3), (1, 1), "image must be a non-empty 2-D"),
    ],
)
def test_require_kernel_fits(image, kernel, message):
    with pytest.raises(ArgumentError, match=message):
        require_kernel_fits(np.ones(image), np.ones(kernel))
