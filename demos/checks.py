"""Checks of arguments, and shapes as text."""

import numpy as np

from demos.errors import ArgumentError


def require_positive(**values: int) -> None:
    """Check that every keyword argument is an integer of at least 1.

    Raises:
        ArgumentError: an argument is not such an integer.
    """
    _require_integers(1, "a positive integer", values)


def require_not_negative(**values: int) -> None:
    """Check that every keyword argument is an integer of at least 0.

    Raises:
        ArgumentError: an argument is not such an integer.
    """
    _require_integers(0, "an integer of 0 or more", values)


def _require_integers(minimum: int, expected: str, values: dict[str, int]) -> None:
    """Raise an ArgumentError unless all values are integers of at least `minimum`."""
    for name, value in values.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < minimum:
            raise ArgumentError(f"{name} must be {expected}, received {value!r}")


def require_odd(**values: int) -> None:
    """Check that every keyword argument is a positive odd integer, as kernels with a centre need.

    Raises:
        ArgumentError: an argument is not such an integer.
    """
    require_positive(**values)
    for name, value in values.items():
        if value % 2 == 0:
            raise ArgumentError(f"{name} must be odd so that the kernel has a centre, received {value}")


def require_kernel_fits(image: np.ndarray, kernel: np.ndarray) -> None:
    """Check that both are non-empty 2-D arrays and that the kernel is not larger than the image.

    Raises:
        ArgumentError: an array is empty or not 2-D, or the kernel is too large.
    """
    for name, array in (("image", image), ("kernel", kernel)):
        if np.ndim(array) != 2 or 0 in np.shape(array):
            raise ArgumentError(f"{name} must be a non-empty 2-D array, received shape {np.shape(array)}")
    if any(k > n for k, n in zip(np.shape(kernel), np.shape(image), strict=True)):
        raise ArgumentError(f"kernel {shape(kernel)} is larger than the image {shape(image)}")


def shape(array) -> str:
    """Format the shape of an array or tensor.

    Example:
        >>> shape(np.zeros((1, 28, 28, 16)))
        '1x28x28x16'
    """
    return "x".join(str(n) for n in array.shape)
