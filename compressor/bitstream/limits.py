"""The limit on pixels, checked before anything is allocated."""

from compressor.errors import LimitError

# Pillow refuses larger pictures, as possible decompression bombs.
DEFAULT_MAX_PIXELS = 178_956_970
# Pixels are coded in blocks: a picture one pixel high costs as much as one of a block's height. That is no
# danger below a megapixel.
_BLOCK = 16
_HARMLESS_NUM_PIXELS = 1 << 20


def check_num_pixels(width: int, height: int, max_pixels: int | None) -> None:
    """Compare the size of a picture with the limit in force.

    Args:
        width: columns of pixels.
        height: rows of pixels.
        max_pixels: the largest width x height allowed; None for no limit. Sides below 16 count as 16 if
            that makes more than a megapixel.

    Raises:
        LimitError: if the picture is larger.

    Example:
        >>> check_num_pixels(4000, 3000, DEFAULT_MAX_PIXELS)
    """
    if max_pixels is None:
        return
    coded = max(width, _BLOCK) * max(height, _BLOCK)
    if width * height > max_pixels or coded > max(max_pixels, _HARMLESS_NUM_PIXELS):
        how = "" if width * height > max_pixels else f", with each side counted as at least {_BLOCK}"
        raise LimitError(
            f"the picture has {width}x{height} = {width * height} pixels, expected at most {max_pixels}"
            f"{how}: raise max_pixels (--max-pixels) if you trust the source"
        )
