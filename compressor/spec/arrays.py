"""Types of arrays that many modules exchange, padding at the bottom and the right, and stacking."""

from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

_Number = TypeVar("_Number", bound=np.generic)

Floats = NDArray[np.float32]
# Whole numbers that the entropy coder writes, and which table it uses for each.
Symbols = NDArray[np.int32]
Indices = NDArray[np.uint8]


def extended(
    values: NDArray[_Number], rows: int, columns: int, mode: Literal["constant", "edge"]
) -> NDArray[_Number]:
    """Add rows at the bottom and columns at the right of an array (H, W, ...).

    Args:
        values: returned itself, not a copy, if there is nothing to add.
        rows: number of rows to add.
        columns: number of columns to add.
        mode: "constant" adds zeros; "edge" repeats the last row and column.

    Returns:
        (H + rows, W + columns, ...).

    Example:
        >>> extended(np.array([[1, 2]]), 1, 2, "edge").tolist()
        [[1, 2, 2, 2], [1, 2, 2, 2]]
    """
    if rows == columns == 0:
        return values
    return np.pad(values, [(0, rows), (0, columns), *[(0, 0)] * (values.ndim - 2)], mode=mode)


def stacked(values: Sequence[NDArray[_Number]]) -> NDArray[_Number]:
    """Stack arrays of the same shape along a new first axis.

    A single array is not copied: the result is a view of it.

    Example:
        >>> stacked([np.zeros(3), np.zeros(3)]).shape
        (2, 3)
    """
    return values[0][None] if len(values) == 1 else np.stack(values)
