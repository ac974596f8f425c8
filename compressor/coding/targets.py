"""Encode a picture to a target: a size of the file, or a fidelity of the decoded picture."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from compressor.bitstream.container import read_container
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.rate_control import Fidelity, encode_to_target
from compressor.coding.screen_content import ScreenContent
from compressor.coding.sections import decode_sections
from compressor.errors import OptionError
from compressor.images.arrays import colour_array, colour_image
from compressor.images.pixels import Pixels
from compressor.images.psnr import squared_error
from compressor.images.ssimulacra2 import MIN_PX
from compressor.options import Target
from compressor.spec.file_format import PICTURE, Flags


def meet_target(
    target: Target,
    coder: PictureCoder,
    pixels: Pixels,
    screen_content: ScreenContent | None,
    encode_at: Callable[[int, ScreenContent | None], bytes],
    *,
    may_be_lossless: bool,
) -> bytes:
    """Encode a picture at the quality that meets a target best.

    Args:
        target: the target; see `Target`.
        coder: decodes the trials.
        pixels: the picture.
        screen_content: screen content of the picture; None if it has none.
        encode_at: level 0..396, and the screen content to store exactly where that pays -> the whole file.
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

    def encode(exact: ScreenContent | None) -> bytes:
        return encode_to_target(
            target,
            height * width,
            lambda level: encode_at(level, exact),
            fidelity_of,
            # For some pictures with screen content, the lossless file is the smallest.
            try_top=screen_content is not None and may_be_lossless,
        )

    if screen_content is None or target.is_fidelity:
        return encode(screen_content)
    # Exact screen content takes a fixed number of bytes, which may not fit or leave too little for the rest.
    streams = []
    for exact in (screen_content, None):
        try:
            stream = encode(exact)
        except OptionError as error:
            unmet = error
            continue
        if not read_container(stream).sections[PICTURE]:
            # Nothing is better than a picture without loss.
            return stream
        streams.append(stream)
    if not streams:
        raise unmet
    if len(streams) == 1:
        return streams[0]
    return min(streams, key=error_of)


def _colours(coder: PictureCoder, stream: bytes) -> NDArray[np.uint8]:
    """Return the colours (H, W, 3) to which a new stream is decoded."""
    container = read_container(stream)
    gray = Flags.GRAY in container.header.flags
    return colour_array(colour_image(decode_sections(coder, container), gray=gray))
