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
    odd = [(0, height % 2), (0, width % 2), *((0, 0) for _ in channels)]
    even = np.pad(image, odd, mode="edge")
    blocks = even.reshape((height + 1) // 2, 2, (width + 1) // 2, 2, *channels)
    means: NDArray[np.floating] = blocks.mean(axis=(1, 3))
    return means
