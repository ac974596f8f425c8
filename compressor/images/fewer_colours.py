"""Pictures with fewer colours."""

import numpy as np
import numpy.typing as npt
from PIL import Image

# Share of the palette for the commonest colours, which do not change, so that backgrounds stay exact.
SHARE_OF_COMMONEST = 1 / 4
# K-means stops when about this share of the pixels moves to another colour. It is skipped if there are more
# different colours than this, because it takes minutes for noise.
MIN_SHARE_OF_CHANGES = 1 / 500
MAX_COLOURS_FOR_KMEANS = 1 << 16


def with_fewer_colours(
    image_uint8: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], number: int
) -> npt.NDArray[np.uint8]:
    """Limit the number of colours of some pixels.

    The commonest colours stay as they are; the others are replaced by averages of similar colours.

    Args:
        image_uint8: (H, W, 3).
        mask: (H, W), True for the pixels to change.
        number: largest number of colours of these pixels, at least 4, at most 256.

    Returns:
        (H, W, 3); `image_uint8` itself if the pixels have no more than `number` colours.

    Reference: Heckbert, "Color image quantization for frame buffer display", SIGGRAPH 1982, followed by
    k-means, both as implemented in Pillow.

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
    uses_kmeans = len(counts) <= MAX_COLOURS_FOR_KMEANS
    reduced = Image.fromarray(pixels[rare][None]).quantize(
        number - num_commonest,
        Image.Quantize.MEDIANCUT,
        kmeans=1 + int(MIN_SHARE_OF_CHANGES * np.count_nonzero(rare)) if uses_kmeans else 0,
        dither=Image.Dither.NONE,
    )
    pixels[rare] = np.asarray(reduced.convert("RGB"))[0]
    changed = image_uint8.copy()
    changed[mask] = pixels
    return changed
