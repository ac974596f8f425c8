"""Pictures of any kind that Pillow reads, brought into the form that is coded."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from compressor.bitstream.limits import DEFAULT_MAX_PIXELS, check_num_pixels
from compressor.errors import CompressorError, ImageInputError, LimitError, one_line
from compressor.images.alpha import clear_hidden
from compressor.images.colour import colour_notes, read_header
from compressor.images.left_out import left_out_notes
from compressor.images.metadata import Metadata, is_profile_for, parse_strip, read_metadata
from compressor.images.modes import Storage, to_coded_mode
from compressor.images.pillow_limit import limit_of_pillow

if TYPE_CHECKING:
    # NumPy takes longer to import than all else here; "info" and Image.open do without it.
    import numpy as np
    import numpy.typing as npt

_NOTE_ALL_HIDDEN = "alpha is 0 everywhere, so all colours become black: keep them with --keep-hidden"

# Formats that Pillow recognises but cannot read. It can read WMF on Windows only.
_RECOGNISED_FORMATS = {"BUFR", "GRIB", "HDF5", "MPEG"} | (set() if os.name == "nt" else {"WMF"})

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

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
        keeps_hidden: whether pixels whose alpha is 0 keep their colours. Otherwise, they are black.
    """

    image: Image.Image
    metadata: Metadata
    notes: tuple[str, ...]
    keeps_hidden: bool


def readable_extensions() -> set[str]:
    """Return the extensions of the formats that Pillow reads, in lower case and with a dot."""
    extensions = Image.registered_extensions()
    formats = set(Image.OPEN) - _RECOGNISED_FORMATS
    return {name for name, format_ in extensions.items() if format_ in formats}


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
    if data.startswith(_PNG_MAGIC):
        _check_png(data)
    with _typed_errors(), limit_of_pillow(max_pixels):
        try:
            image = Image.open(BytesIO(data))
        except UnidentifiedImageError as error:
            raise ImageInputError(
                "the file is not a picture in a format that Pillow reads, or is damaged: convert it to PNG "
                "first"
            ) from error
    check_num_pixels(image.width, image.height, max_pixels)
    return image


@contextmanager
def _typed_errors() -> Iterator[None]:
    """Turn errors of Pillow into typed ones: its readers raise many types on damaged files."""
    try:
        yield
    except (CompressorError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise LimitError(
            f"the picture is too large ({one_line(error)}): raise the limit (--max-pixels, or "
            "PIL.Image.MAX_IMAGE_PIXELS) if you trust where it comes from"
        ) from error
    except Exception as error:
        raise ImageInputError(
            f"the picture cannot be read ({one_line(error)}): check or convert the file"
        ) from error


def _check_png(data: bytes) -> None:
    """Check the CRCs of a PNG file's IDAT chunks, which Pillow skips."""
    offset = len(_PNG_MAGIC)
    while offset + 8 <= len(data):
        end = offset + 8 + int.from_bytes(data[offset : offset + 4], "big")
        name = data[offset + 4 : offset + 8]
        if name == b"IEND":
            return
        if name == b"IDAT" and end + 4 <= len(data):
            found = zlib.crc32(memoryview(data)[offset + 4 : end])
            if found != int.from_bytes(data[end : end + 4], "big"):
                raise ImageInputError(
                    "the picture is damaged (a checksum of its pixels is wrong): get the file again"
                )
        offset = end + 4


def load_picture(
    image: Image.Image | npt.NDArray[np.uint8],
    *,
    strip: str | Iterable[str] = (),
    metadata: Metadata | None = None,
    keep_hidden: bool = False,
) -> LoadedPicture:
    """Bring a picture into the form that is coded.

    Palettes are expanded, 16 bits per channel reduced to 8, other colour spaces converted to sRGB, and the
    orientation of EXIF (or XMP) is baked into the pixels and reset. Pixels that alpha hides entirely
    become black.

    Args:
        image: a Pillow image of any mode but F and 32-bit I; or a uint8 array of 0..255 with shape (H, W),
            (H, W, 1), (H, W, 2) for gray and alpha, (H, W, 3) or (H, W, 4).
        strip: metadata to leave out: one or several of "all", "exif", "icc", "xmp".
        metadata: what describes the picture, instead of its own metadata.
        keep_hidden: whether to keep the colours of pixels whose alpha is 0. Nobody sees them, and they may
            take more bytes than the visible ones.

    Raises:
        ImageInputError: if the picture cannot be read, or its type, shape or mode is not supported.
        LimitError: if Pillow refuses it for its size.
        OptionError: if `strip` names something else.
    """
    stripped = parse_strip(strip)
    source = image if isinstance(image, Image.Image) else _from_array(image)
    if min(source.size) < 1:
        raise ImageInputError(f"received a picture of {source.width}x{source.height}, expected at least 1x1")
    header = read_header(source)
    storage = Storage.of(source, header)
    with _typed_errors():
        source.load()
    notes = (*_animation_notes(source), *colour_notes(source, header))
    if stripped != parse_strip("all"):
        notes += left_out_notes(source)
    if metadata is None:
        metadata = read_metadata(source)
    with _typed_errors():
        pixels, mode_notes, is_icc_valid = to_coded_mode(source, storage, metadata.icc)
    if not is_icc_valid:
        metadata = metadata.stripped(frozenset({"icc"}))
    elif not is_profile_for(metadata.icc, pixels.mode):
        metadata = metadata.stripped(frozenset({"icc"}))
        notes += (f"left out: a gray ICC profile, which is not for {pixels.mode} pixels",)
    if not keep_hidden:
        cleared = clear_hidden(pixels)
        is_hidden = cleared.mode in ("LA", "RGBA") and cleared.getchannel("A").getextrema() == (0, 0)
        if is_hidden and cleared.tobytes() != pixels.tobytes():
            notes += (_NOTE_ALL_HIDDEN,)
        pixels = cleared
    if (orientation := metadata.orientation) != 1:
        pixels = pixels.transpose(_UPRIGHT[orientation])
        metadata = metadata.upright()
    return LoadedPicture(pixels, metadata.stripped(stripped), notes + mode_notes, keep_hidden)


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
