"""The alpha channel as the bytes of its section, without loss."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from compressor.errors import CorruptStreamError, one_line

# Bit depth and colour type in a PNG header, and their values for 8-bit gray.
_DEPTH_AND_COLOURS, _GRAY_8_BITS = slice(24, 26), bytes([8, 0])


def clear_hidden(image: Image.Image) -> Image.Image:
    """Return a picture of mode L, LA, RGB or RGBA with black pixels where its alpha is 0.

    Hidden colours cost bytes, and nobody sees them.
    """
    if image.mode not in ("LA", "RGBA"):
        return image
    cleared = image.copy()
    cleared.paste((0,) * len(image.getbands()), mask=image.getchannel("A").point([255] + [0] * 255))
    return cleared


def encode_alpha(image: Image.Image) -> bytes:
    """Encode the alpha channel of a picture: as its one value where it is constant, else as a gray PNG."""
    alpha = image.getchannel("A")
    lowest, highest = alpha.getextrema()
    if lowest == highest:
        return alpha.crop((0, 0, 1, 1)).tobytes()
    buffer = BytesIO()
    alpha.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def verify_alpha(payload: bytes, image: Image.Image) -> None:
    """Read a payload of `encode_alpha` again.

    Raises:
        CorruptStreamError: if it does not reproduce the alpha channel.
    """
    if decode_alpha(payload, *image.size).tobytes() != image.getchannel("A").tobytes():
        raise CorruptStreamError("the alpha section does not reproduce the alpha channel: encode it again")


def decode_alpha(payload: bytes, width: int, height: int) -> Image.Image:
    """Decode the alpha section to a picture of mode L.

    Args:
        payload: one byte, or a PNG.
        width: the width that it must have.
        height: the height that it must have.

    Raises:
        CorruptStreamError: if it is longer than a byte and not a gray PNG of that size.
    """
    if len(payload) == 1:
        return Image.new("L", (width, height), payload[0])

    from PIL.PngImagePlugin import PngImageFile

    try:
        # Not through Image.open: the size is already checked against our own limit.
        alpha = PngImageFile(BytesIO(payload))
        # Pillow also gives mode L to fewer than 8 bits.
        is_plain = payload[_DEPTH_AND_COLOURS] == _GRAY_8_BITS and not alpha.is_animated
        if is_plain and alpha.size == (width, height):
            alpha.load()
            return alpha
        found = f"a PNG of {alpha.width}x{alpha.height} and mode {alpha.mode}"
    except MemoryError:
        raise
    except Exception as error:
        raise CorruptStreamError(
            f"the alpha section cannot be read ({one_line(error)}): get the file again"
        ) from error
    raise CorruptStreamError(
        f"the alpha section is {found}, expected one frame of 8-bit gray, {width}x{height}: "
        "get the file again"
    )
