"""The sections that hold the pixels of a picture."""

import numpy as np
from numpy.typing import NDArray

from compressor.coding.effort import Effort, OnProgress, progress_of_part
from compressor.coding.exact_pixels import verify_exact
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.screen_content import ScreenContent
from compressor.images.psnr import squared_error
from compressor.spec.file_format import EXACT, PICTURE


def encode_sections(
    coder: PictureCoder,
    image_uint8: NDArray[np.uint8],
    screen_content: ScreenContent | None,
    level: int,
    effort: Effort,
    *,
    verify: bool,
    on_progress: OnProgress,
) -> dict[str, bytes]:
    """Encode a picture, and store its screen content exactly where that pays.

    It pays if the bits that it adds are fewer than what the error that it removes is worth.

    Args:
        coder: of the picture section.
        image_uint8: (H, W, 3).
        screen_content: of the picture.
        level: quality level 0..396.
        effort: how symbols are chosen.
        verify: whether to read the payloads again.
        on_progress: called after every step of a refinement.

    Returns:
        The payloads of the picture section and, where it pays, of the exact section, by name.

    Raises:
        CorruptStreamError: with `verify`, if the payloads do not give back what was coded.
        OptionError: if the effort refines, and the model has no error gradient.
    """
    if screen_content is None:
        return {PICTURE: coder.encode(image_uint8, level, effort, verify=verify, on_progress=on_progress)}
    everything, rest = (
        coder.encode(pixels, level, effort, verify=verify, on_progress=progress_of_part(on_progress, part, 2))
        for part, pixels in enumerate((image_uint8, screen_content.rest))
    )
    added_bits = 8 * (len(screen_content.payload) + len(rest) - len(everything))
    height, width, _ = image_uint8.shape
    decoded = coder.decode(everything, height, width, level)
    removed_error = squared_error(decoded, image_uint8)
    np.copyto(decoded, image_uint8, where=screen_content.mask[..., None])
    removed_error -= squared_error(decoded, image_uint8)
    if added_bits >= coder.runtime.distortion_weight(level) * removed_error / 3:
        return {PICTURE: everything}
    if verify:
        verify_exact(screen_content.payload, image_uint8, screen_content.mask)
    return {EXACT: screen_content.payload, PICTURE: rest}
