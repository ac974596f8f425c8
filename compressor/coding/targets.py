"""Encode a picture to a target: a size of the file, or a fidelity of the decoded picture."""

from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compressor.bitstream.container import read_container
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.rate_control import Fidelity, encode_to_target
from compressor.coding.sections import decode_sections
from compressor.errors import OptionError
from compressor.images.arrays import colour_array, colour_image
from compressor.images.pixels import Pixels
from compressor.images.psnr import squared_error
from compressor.images.ssimulacra2 import MIN_PX
from compressor.options import Target
from compressor.spec.file_format import Flags
from compressor.spec.quality import TOP_LEVEL


class EncodeAt(Protocol):
    """Encodes a picture at a level 0..396."""

    def __call__(self, level: int, *, stores: bool) -> bytes:
        """Return the whole file; `stores` says whether to store screen content where that pays."""
        ...


def meet_target(
    target: Target,
    coder: PictureCoder,
    pixels: Pixels,
    encode_at: EncodeAt,
    *,
    has_screen_content: bool,
    may_be_lossless: bool,
) -> bytes:
    """Encode a picture at the quality that meets a target best.

    Args:
        target: the target; see `Target`.
        coder: decodes the trials.
        pixels: the picture.
        encode_at: returns the whole file.
        has_screen_content: whether the picture has screen content that may be stored.
        may_be_lossless: whether the top level stores the picture without loss.

    Returns:
        The file.

    Raises:
        OptionError: if no level meets the target, or the picture is too small for its metric.
    """
    height, width, _ = pixels.image_uint8.shape
    if target.ssimulacra2 is not None and min(height, width) < MIN_PX:
        raise OptionError(
            f"received a picture of {width}x{height} pixels, expected at least "
            f"{MIN_PX}x{MIN_PX} for a target of SSIMULACRA 2: give a quality"
        )

    def fidelity_of(fidelity: Fidelity, stream: bytes) -> float:
        return fidelity.measure(pixels, _colours(coder, stream))

    def error_of(stream: bytes) -> int:
        return squared_error(pixels.with_hidden(_colours(coder, stream)), pixels.image_uint8)

    def encode(*, stores: bool) -> bytes:
        return encode_to_target(
            target,
            height * width,
            partial(encode_at, stores=stores),
            fidelity_of,
            # For some pictures with screen content, the lossless file is the smallest.
            try_top=has_screen_content and may_be_lossless,
        )

    if not has_screen_content:
        return encode(stores=True)
    # Stored screen content may be better than a target asks for, or leave too few bytes for the rest.
    streams = []
    for stores in (True, False):
        try:
            stream = encode(stores=stores)
        except OptionError as error:
            unmet = error
            continue
        if not target.is_fidelity and read_container(stream).header.level == TOP_LEVEL:
            # Nothing is better than a picture without loss.
            return stream
        streams.append(stream)
    if not streams:
        raise unmet
    if len(streams) == 1:
        return streams[0]
    return min(streams, key=len if target.is_fidelity else error_of)


def _colours(coder: PictureCoder, stream: bytes) -> NDArray[np.uint8]:
    """Return the colours (H, W, 3) to which a new stream is decoded."""
    container = read_container(stream)
    gray = Flags.GRAY in container.header.flags
    return colour_array(colour_image(decode_sections(coder, container), gray=gray))
