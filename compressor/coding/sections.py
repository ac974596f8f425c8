"""The sections that hold the pixels of a picture: what the networks code, and what is stored exactly."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from compressor.coding.area import Area
from compressor.coding.effort import Effort, OnProgress, progress_of_part
from compressor.coding.exact_pixels import encode_exact, read_exact, verify_exact
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.quality_map import Lowering, levels_of, pack_map, read_map
from compressor.coding.screen_content import ScreenContent
from compressor.images.psnr import squared_error
from compressor.spec.file_format import EXACT, PICTURE, QUALITY_MAP
from compressor.spec.levels import Levels
from compressor.spec.quality import TOP_LEVEL

# If this share of the pixels is stored exactly, storing all of them is tried.
MIN_SHARE_FOR_WHOLE = 1 / 2


def encode_sections(
    coder: PictureCoder,
    image_uint8: NDArray[np.uint8],
    screen_content: ScreenContent | None,
    level: int,
    lowering: Lowering | None,
    effort: Effort,
    *,
    verify: bool,
    on_progress: OnProgress,
) -> dict[str, bytes]:
    """Encode a picture. Store its screen content exactly where that pays, and everything at the top level.

    Exact storage pays if it adds fewer bits than the error that it removes is worth. If at least half of the
    pixels are then stored exactly, and storing the whole picture takes no more bytes, it is stored as a
    whole, unless it has a quality map.

    Args:
        coder: of the picture section.
        image_uint8: (H, W, 3).
        screen_content: of the picture, in regions that are not lowered.
        level: quality level 0..396.
        lowering: of the regions of the quality map; None for no map.
        effort: how symbols are chosen.
        verify: whether to read the payloads again.
        on_progress: called after every step of a refinement.

    Returns:
        The payloads of the picture section and, where there are such, of the exact section and the quality
        map, by name.

    Raises:
        CorruptStreamError: with `verify`, if the payloads do not give back what was coded.
        OptionError: if the effort refines, and the model has no error gradient.
    """
    if level == TOP_LEVEL and lowering is None:
        everywhere = np.ones(image_uint8.shape[:2], bool)
        payload = encode_exact(image_uint8, everywhere)
        if verify:
            verify_exact(payload, image_uint8, everywhere)
        return {EXACT: payload, PICTURE: b""}

    height, width, _ = image_uint8.shape
    levels = levels_of(level, lowering, height, width, coder.runtime.block)
    quality_map = {} if lowering is None else {QUALITY_MAP: pack_map(lowering)}

    def encode(pixels: NDArray[np.uint8], part: int, parts: int) -> bytes:
        progress = progress_of_part(on_progress, part, parts)
        return coder.encode(pixels, levels, effort, verify=verify, on_progress=progress)

    if screen_content is None:
        return quality_map | {PICTURE: encode(image_uint8, 0, 1)}
    mask = screen_content.mask
    parts = 1 if mask.all() else 2
    everything = encode(image_uint8, 0, parts)
    rest = encode(screen_content.rest, 1, parts) if parts == 2 else b""
    added_bits = 8 * (len(screen_content.payload) + len(rest) - len(everything))
    if added_bits > 0:
        decoded = coder.decode(everything, height, width, levels)
        removed_error = squared_error(decoded, image_uint8)
        np.copyto(decoded, image_uint8, where=mask[..., None])
        removed_error -= squared_error(decoded, image_uint8)
        if added_bits >= coder.runtime.distortion_weight(level) * removed_error / 3:
            return quality_map | {PICTURE: everything}
    payload = screen_content.payload
    # The rest may be a plain background, which costs the networks more than its exact pixels.
    is_mostly_exact = lowering is None and mask.mean() >= MIN_SHARE_FOR_WHOLE
    if is_mostly_exact and len(screen_content.whole_payload) <= len(payload) + len(rest):
        payload, rest, mask = screen_content.whole_payload, b"", np.ones_like(mask)
    if verify:
        verify_exact(payload, image_uint8, mask)
    return quality_map | {EXACT: payload, PICTURE: rest}


def read_levels(
    coder: PictureCoder, sections: Mapping[str, bytes], height: int, width: int, level: int
) -> Levels:
    """Return the quality levels of a picture's latents, for `PictureCoder`.

    Args:
        coder: of the picture section.
        sections: payloads by name.
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        level: quality level 0..396 of the header.

    Raises:
        CorruptStreamError: if the quality map is not that of a picture of this size.
    """
    lowering = read_map(sections[QUALITY_MAP], height, width) if QUALITY_MAP in sections else None
    return levels_of(level, lowering, height, width, coder.runtime.block)


def decode_sections(
    coder: PictureCoder,
    sections: Mapping[str, bytes],
    height: int,
    width: int,
    level: int,
    area: Area,
    reduction: int,
    *,
    is_cut: bool,
) -> NDArray[np.uint8]:
    """Decode an area of a picture.

    Args:
        coder: of the picture section.
        sections: payloads by name.
        height: of the whole picture, in pixels.
        width: of the whole picture, in pixels.
        level: quality level 0..396.
        area: as it is returned, inside the picture.
        reduction: see `PictureCoder.decode`; 1 if there is an exact section.
        is_cut: whether the picture section is only the beginning of one.

    Returns:
        uint8 (h, w, 3) of the area.

    Raises:
        StreamError: if the payloads cannot have come from `encode_sections`.
    """
    levels = read_levels(coder, sections, height, width, level)
    if EXACT not in sections:
        return coder.decode(sections[PICTURE], height, width, levels, area, reduction, is_cut=is_cut)
    exact, mask = read_exact(sections[EXACT], height, width, area)
    if mask.all():
        return exact
    pixels = coder.decode(sections[PICTURE], height, width, levels, area, is_cut=is_cut)
    np.copyto(pixels, exact, where=mask[..., None])
    return pixels
