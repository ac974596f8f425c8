"""The image pyramid that the multi-scale metrics share."""

import numpy as np
from numpy.typing import NDArray


def halve(image: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the means of 2x2 blocks, repeating the last row or column of an odd side.

    Args:
        image: (H, W) or (H, W, C), any float type, any range.

    Returns:
        (ceil(H / 2), ceil(W / 2)) or the same with C channels, of the same type.

    Example:
        >>> halve(np.array([[0.0, 4.0, 8.0]]))
        array([[2., 8.]])
    """
    height, width, *channels = image.shape
    if height % 2 or width % 2:
        odd = [(0, height % 2), (0, width % 2), *((0, 0) for _ in channels)]
        image = np.pad(image, odd, mode="edge")
    # Several times as fast as a mean over two axes.
    means = image[::2, ::2] + image[::2, 1::2]
    means += image[1::2, ::2]
    means += image[1::2, 1::2]
    means /= 4
    return means
