"""Pictures in and out, through Pillow. The only place where float pixels are rounded and clipped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from compressor.bitstream.header import DEFAULT_MAX_PIXELS, check_num_pixels
from compressor.errors import CompressorError, CorruptStreamError, ImageInputError, LimitError
from compressor.image_modes import Storage, to_coded_mode
from compressor.metadata import Metadata, orientation_of, parse_strip, read_metadata, reset_orientation

if TYPE_CHECKING:
    # NumPy takes longer to import than all else here; "info" and Image.open do without it.
    import numpy as np
    import numpy.typing as npt

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class LoadedPicture:
    """A picture that is ready to be coded.

    Attributes:
        image: upright pixels, of mode L, LA, RGB or RGBA.
        metadata: what is carried along.
        notes: one sentence for each thing that was reduced or left out.
    """

    image: Image.Image
    metadata: Metadata
    notes: tuple[str, ...]


def open_picture(data: bytes, *, max_pixels: int | None = DEFAULT_MAX_PIXELS) -> Image.Image:
    """Open a picture file of any format that Pillow reads; its pixels are not loaded yet.

    Pillow's own limit on pixels is replaced for the time of the call, for the whole process.

    Args:
        data: the file's bytes.
        max_pixels: the largest width x height allowed, or None for no limit.

    Raises:
        ImageInputError: if the bytes are not a picture, or damaged at their beginning.
        LimitError: if the picture is larger than the limit.
    """
    pillow_limit = Image.MAX_IMAGE_PIXELS
    # Pillow warns at its limit and refuses at twice that.
    Image.MAX_IMAGE_PIXELS = None if max_pixels is None else (max_pixels + 1) // 2
    try:
        image = Image.open(BytesIO(data))
        check_num_pixels(image.width, image.height, max_pixels)
    except UnidentifiedImageError as error:
        raise ImageInputError(
            "the file is not a picture in a format that Pillow reads, or is damaged: convert it to PNG first"
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(error) from error
    except CompressorError:
        raise
    except Exception as error:
        raise _unreadable(error) from error
    finally:
        Image.MAX_IMAGE_PIXELS = pillow_limit
    return image


def load_picture(
    image: Image.Image | npt.NDArray[np.uint8], *, strip: str | Iterable[str] = ()
) -> LoadedPicture:
    """Bring a picture into the form that is coded.

    Palettes are expanded, 16 bits a channel reduced to 8, other colour spaces converted to sRGB, and the
    orientation of EXIF (or XMP) is baked into the pixels and reset.

    Args:
        image: a Pillow image of any mode but F and 32-bit I; or a uint8 array of 0..255 with shape (H, W),
            (H, W, 1), (H, W, 2) for gray and alpha, (H, W, 3) or (H, W, 4).
        strip: metadata to leave out: one or several of "all", "exif", "icc", "xmp".

    Raises:
        ImageInputError: if the picture cannot be read, or its type, shape or mode is not supported.
        LimitError: if Pillow refuses it for its size.
        OptionError: if `strip` names something else.
    """
    stripped = parse_strip(strip)
    source = image if isinstance(image, Image.Image) else _from_array(image)
    if min(source.size) < 1:
        raise ImageInputError(f"received a picture of {source.width}x{source.height}, expected at least 1x1")
    storage = Storage.of(source)
    _load(source)
    notes = _animation_notes(source)
    metadata = read_metadata(source)
    try:
        pixels, mode_notes, is_icc_valid = to_coded_mode(source, storage)
    except CompressorError:
        raise
    except Exception as error:
        raise _unreadable(error) from error
    if not is_icc_valid:
        metadata = metadata.stripped(frozenset({"icc"}))
    orientation = orientation_of(metadata)
    if orientation != 1:
        pixels = pixels.transpose(_UPRIGHT[orientation])
        metadata = reset_orientation(metadata)
    return LoadedPicture(pixels, metadata.stripped(stripped), notes + mode_notes)


def to_uint8(images: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Round and clip pixels.

    Args:
        images: floats, 0..1 where they are inside the range, any shape. NaN becomes 0.

    Returns:
        uint8, 0..255, of the same shape; halves are rounded to even.
    """
    import numpy as np

    scaled: npt.NDArray[np.floating[Any]] = np.multiply(images, 255)
    np.rint(scaled, out=scaled)
    # Unlike clip, fmax and fmin never return NaN beside a number.
    np.fmax(scaled, 0, out=scaled)
    np.fmin(scaled, 255, out=scaled)
    return scaled.astype(np.uint8)


def colour_array(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the colours of a picture of mode L, LA, RGB or RGBA as an array (H, W, 3), gray replicated."""
    import numpy as np

    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def colour_image(image_uint8: npt.NDArray[np.uint8], *, gray: bool) -> Image.Image:
    """Make a picture of mode RGB, or L with the rounded mean of the channels, from an array (H, W, 3)."""
    import numpy as np

    if not gray:
        return Image.fromarray(image_uint8)
    # A third is never halfway between two integers, so this is the nearest one.
    total = image_uint8.sum(axis=2, dtype=np.uint16)
    return Image.fromarray(((total + 1) // 3).astype(np.uint8))


def encode_alpha(image: Image.Image) -> bytes:
    """Write the alpha channel of a picture: as its one value where it is constant, else as a gray PNG."""
    alpha = image.getchannel("A")
    lowest, highest = alpha.getextrema()
    if lowest == highest:
        return alpha.crop((0, 0, 1, 1)).tobytes()
    buffer = BytesIO()
    alpha.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def decode_alpha(payload: bytes, width: int, height: int) -> Image.Image:
    """Read what `encode_alpha` wrote, as a picture of mode L.

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
        if alpha.mode == "L" and alpha.size == (width, height):
            alpha.load()
            # A plain picture, without the file's own metadata.
            return alpha.copy()
        found = f"{alpha.mode} {alpha.width}x{alpha.height}"
    except Exception as error:
        raise CorruptStreamError(
            f"the alpha section cannot be read ({_one_line(error)}): get the file again"
        ) from error
    raise CorruptStreamError(f"the alpha section is {found}, expected L {width}x{height}: get the file again")


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except Image.DecompressionBombError as error:
        raise _too_large(error) from error
    except Exception as error:
        # Pillow's readers raise many types on damaged files.
        raise _unreadable(error) from error


def _too_large(error: Exception) -> LimitError:
    return LimitError(
        f"the picture is too large ({_one_line(error)}): raise the limit (--max-pixels, or "
        "PIL.Image.MAX_IMAGE_PIXELS) if you trust where it comes from"
    )


def _unreadable(error: Exception) -> ImageInputError:
    return ImageInputError(f"the picture cannot be read ({_one_line(error)}): check or convert the file")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _animation_notes(image: Image.Image) -> tuple[str, ...]:
    try:
        is_animated = getattr(image, "is_animated", False)
        return (f"several frames: only frame {image.tell() + 1} is kept",) if is_animated else ()
    except Exception:
        # Counting frames reads on in the file, where it may be damaged; the frame at hand is not.
        return ()


def _from_array(array: Any) -> Image.Image:
    import numpy as np

    if not hasattr(array, "__array__"):
        raise ImageInputError(
            f"received {type(array).__name__}, expected a PIL image or a uint8 array: "
            "open files with PIL.Image.open"
        )
    pixels = np.asarray(array)
    if pixels.dtype != np.uint8:
        raise ImageInputError(
            f"received an array of {pixels.dtype}, expected uint8: scale to 0..255 and convert with astype"
        )
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim != 2 and (pixels.ndim != 3 or pixels.shape[2] not in (2, 3, 4)):
        raise ImageInputError(
            f"received an array of shape {pixels.shape}, expected (H, W) or (H, W, C) with 1 to 4 channels"
        )
    if 0 in pixels.shape:
        raise ImageInputError(f"received an array of shape {pixels.shape}, expected at least 1x1 pixels")
    return Image.fromarray(np.ascontiguousarray(pixels))
