"""The transfer function of sRGB.

Reference: IEC 61966-2-1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Values up to the knee follow a straight line, those above a power law.
KNEE, LINE_SLOPE, SHIFT, SLOPE, EXPONENT = 0.04045, 12.92, 0.055, 1.055, 2.4


def linear(values: NDArray[Any]) -> NDArray[Any]:
    """Convert sRGB to linear RGB, both floats 0..1.

    Example:
        >>> round(float(linear(np.array(0.5))), 3)
        0.214
    """
    high = ((values + SHIFT) / SLOPE) ** EXPONENT
    return np.where(values <= KNEE, values / LINE_SLOPE, high)


def linear_derivative(values: NDArray[Any]) -> NDArray[Any]:
    """Return the derivative of `linear`."""
    high = EXPONENT / SLOPE * ((values + SHIFT) / SLOPE) ** (EXPONENT - 1)
    return np.where(values <= KNEE, 1 / LINE_SLOPE, high)
