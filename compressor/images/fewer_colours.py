"""Pictures with fewer colours."""

import numpy as np
import numpy.typing as npt
from PIL import Image

# This share of the colours is that of the commonest ones, which do not change: backgrounds stay exact.
SHARE_OF_COMMONEST = 1 / 4


def with_fewer_colours(
    image_uint8: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], number: int
) -> npt.NDArray[np.uint8]:
    """Limit the number of colours of some pixels.

    The commonest colours stay as they are; the others are replaced by means of similar ones.

    Args:
        image_uint8: (H, W, 3).
        mask: (H, W), True for the pixels; the others stay as they are.
        number: largest number of their colours, at least 4, at most 256.

    Returns:
        (H, W, 3); `image_uint8` itself if the pixels have no more than `number` colours.

    Reference: Heckbert, "Color image quantization for frame buffer display", SIGGRAPH 1982, and k-means; both
    are Pillow's.

    Example:
        >>> image = np.arange(90, dtype=np.uint8).reshape(5, 6, 3)
        >>> changed = with_fewer_colours(image, np.ones((5, 6), bool), 8)
        >>> len(np.unique(changed.reshape(-1, 3), axis=0)) <= 8
        True
    """
    pixels = image_uint8[mask]
    red, green, blue = pixels.astype(np.uint32).T
    _, colour, counts = np.unique(red << 16 | green << 8 | blue, return_inverse=True, return_counts=True)
    if len(counts) <= number:
        return image_uint8
    num_commonest = int(number * SHARE_OF_COMMONEST)
    is_rare = np.ones(len(counts), bool)
    is_rare[np.argpartition(-counts, num_commonest)[:num_commonest]] = False
    rare = is_rare[colour]
    reduced = Image.fromarray(pixels[rare][None]).quantize(
        number - num_commonest, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE
    )
    pixels[rare] = np.asarray(reduced.convert("RGB"))[0]
    changed = image_uint8.copy()
    changed[mask] = pixels
    return changed
