"""Filling of hidden pixels with a smooth continuation of the visible ones."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter, ImageStat

from compressor.images.arrays import colour_array

# Hidden pixels continue visible ones that are at most this many rows and columns away from a hidden one.
REACH = 2
# They do so over about 2**LEVELS pixels. Farther away they have one colour, which takes next to no bits.
LEVELS = 4


def with_holes_filled(
    image: Image.Image, levels: int | None = None, far: str | tuple[int, ...] = "gray"
) -> Image.Image:
    """Fill the transparent pixels of an RGBA picture from the others, over ever larger distances.

    Args:
        image: the picture.
        levels: number of times that the distance doubles; None for as many as needed.
        far: colour of pixels that are still transparent after that.

    Example:
        >>> image = Image.new("RGBA", (8, 8), "white")
        >>> image.putpixel((3, 3), (0, 0, 0, 0))
        >>> with_holes_filled(image).convert("RGB").getpixel((3, 3))
        (255, 255, 255)
    """
    alpha = image.getchannel("A").point([0] + [255] * 255)
    if alpha.getextrema() == (255, 255) or image.size == (1, 1) or levels == 0:
        return Image.composite(image, Image.new("RGBA", image.size, far), alpha)
    opaque = image.copy()
    opaque.putalpha(alpha)
    smaller = with_holes_filled(opaque.reduce(2), None if levels is None else levels - 1, far)
    return Image.composite(image, smaller.resize(image.size, Image.Resampling.BILINEAR), alpha)


def filled_colours(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the colours (H, W, 3) of a picture, with a smooth continuation of the others where alpha is 0.

    Black would make an edge beside visible pixels, which takes bits and causes visible ringing.

    Args:
        image: a picture of mode LA or RGBA.
    """
    hidden = image.getchannel("A").point([255] + [0] * 255)
    near = hidden.filter(ImageFilter.BoxBlur(REACH)).point([0] + [255] * 255)
    beside, colours = ImageChops.subtract(near, hidden), image.convert("RGB")
    if not beside.getbbox():
        # Nothing is visible, or nothing is hidden.
        return colour_array(colours)
    far = (*map(round, ImageStat.Stat(colours, beside).mean), 255)
    sources = colours.convert("RGBA")
    sources.putalpha(beside)
    return colour_array(
        Image.composite(with_holes_filled(sources, LEVELS, far).convert("RGB"), colours, hidden)
    )
