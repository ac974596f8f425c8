"""The sections that hold the pixels of a picture: what the networks code, and what is stored exactly."""

import numpy as np
from numpy.typing import NDArray

from compressor.bitstream.container import Container
from compressor.coding.area import Area
from compressor.coding.effort import Effort
from compressor.coding.exact_pixels import encode_exact, read_exact, verify_exact
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.progress import OnProgress, progress_of_part
from compressor.coding.quality_map import Lowering, levels_of, pack_map, read_map
from compressor.coding.screen_content import ScreenContent
from compressor.images.lossless import quick_num_bytes
from compressor.images.pixels import Pixels
from compressor.images.psnr import squared_error
from compressor.locks import CachedProperty
from compressor.spec.file_format import EXACT, PICTURE, QUALITY_MAP
from compressor.spec.levels import Levels
from compressor.spec.quality import HIGHEST_SEEN_LEVEL, TOP_LEVEL

# If this share of the pixels is stored exactly, storing all of them is tried.
MIN_SHARE_FOR_WHOLE = 1 / 2
# The size of a PNG file is estimated from the first eight of every 128 rows.
SAMPLE_ROWS, SAMPLE_STRIDE = 8, 128
# If a picture at a fine level takes more than this share of the bytes of a PNG file, storing it without loss
# may take fewer, as it often does for gray pictures.
MIN_SHARE_OF_PNG = 0.4
# A picture is plain if a PNG file takes at most this share of the bytes of its pixels; photographs take more.
# A WebP file is often much smaller still, so storing plain pictures without loss is tried as well.
MAX_SHARE_OF_PLAIN = 1 / 4


class SectionEncoder:
    """Encodes a picture at any level, to the sections that hold its pixels.

    Payloads of the whole picture are kept by level, because a target size is searched for twice: with screen
    content that is stored exactly, and without.

    Args:
        coder: coder of the picture section.
        pixels: the picture.
        lowering: lowering of the regions of the quality map; None for no map.
        effort: how symbols are chosen.
        verify: whether to read the payloads again.
        on_progress: called after every step of a refinement.
    """

    def __init__(
        self,
        coder: PictureCoder,
        pixels: Pixels,
        lowering: Lowering | None,
        effort: Effort,
        *,
        verify: bool,
        on_progress: OnProgress,
    ) -> None:
        self._coder, self._lowering = coder, lowering
        self._image_uint8, self._lossless_uint8 = pixels.image_uint8, pixels.lossless_uint8
        self._effort, self._verify, self._on_progress = effort, verify, on_progress
        self._quality_map = {} if lowering is None else {QUALITY_MAP: pack_map(lowering)}
        # Payloads of the whole picture, coded by the networks, by level.
        self._pictures: dict[int, bytes] = {}

    def encode(self, level: int, screen_content: ScreenContent | None) -> dict[str, bytes]:
        """Encode the picture. Store its screen content exactly where that pays.

        Exact storage pays if it adds fewer bits than the error that it removes is worth. If at least half of
        the pixels are then stored exactly, and storing the whole picture takes no more bytes, it is stored as
        a whole, unless it has a quality map. Plain pictures, and any picture at a fine level, are also stored
        as a whole if that takes no more bytes, which is only tried if it is likely. At the top level, the
        picture always is.

        Args:
            level: quality level 0..396; with a quality map, not the top level.
            screen_content: screen content of the picture, in regions that are not lowered; None to store
                nothing exactly.

        Returns:
            The payloads of the picture section and, where there are such, of the exact section and the
            quality map, by name.

        Raises:
            CorruptStreamError: with `verify`, if the payloads do not give back what was coded.
            WeightsError: if the effort moves latents, and the model lacks the gradients.
        """
        if level == TOP_LEVEL:
            return {EXACT: self._whole, PICTURE: b""}
        payloads = self._payloads(level, screen_content)
        if self._lowering is None and self._is_smaller_without_loss(level, sum(map(len, payloads.values()))):
            return {EXACT: self._whole, PICTURE: b""}
        return payloads

    def _is_smaller_without_loss(self, level: int, num_bytes: int) -> bool:
        """Return whether storing the picture without loss takes no more bytes; only tried if likely."""
        is_large = level > HIGHEST_SEEN_LEVEL and num_bytes > MIN_SHARE_OF_PNG * self._png_num_bytes
        return (self._is_plain or is_large) and len(self._whole) <= num_bytes

    def _payloads(self, level: int, screen_content: ScreenContent | None) -> dict[str, bytes]:
        """Encode the picture, and store its screen content, or all of it, exactly where that pays."""
        if screen_content is None:
            return self._quality_map | {PICTURE: self._picture(level, 1)}
        mask = screen_content.mask
        is_whole = bool(mask.all())
        everything = self._picture(level, 1 if is_whole else 2)
        rest = b"" if is_whole else self._code(screen_content.rest, level, 1, 2)
        payload = self._whole if is_whole else screen_content.payload
        added_bits = 8 * (len(payload) + len(rest) - len(everything))
        if added_bits > 0 and not self._pays(added_bits, level, everything, mask):
            return self._quality_map | {PICTURE: everything}
        # The rest may be a plain background, which costs the networks more than its exact pixels.
        is_mostly_exact = self._lowering is None and mask.mean() >= MIN_SHARE_FOR_WHOLE
        if is_mostly_exact and len(self._whole) <= len(payload) + len(rest):
            return {EXACT: self._whole, PICTURE: b""}
        if self._verify and not is_whole:
            verify_exact(payload, self._image_uint8, mask)
        return self._quality_map | {EXACT: payload, PICTURE: rest}

    @CachedProperty
    def _sample(self) -> NDArray[np.uint8]:
        """Some rows of the picture."""
        tops = range(0, len(self._lossless_uint8), SAMPLE_STRIDE)
        return np.concatenate([self._lossless_uint8[top : top + SAMPLE_ROWS] for top in tops])

    @CachedProperty
    def _png_num_bytes(self) -> float:
        """About how many bytes a PNG file takes."""
        return quick_num_bytes(self._sample) * len(self._lossless_uint8) / len(self._sample)

    @CachedProperty
    def _is_plain(self) -> bool:
        """Whether a PNG file takes far fewer bytes than the raw pixels (one byte each in gray pictures)."""
        is_gray = np.array_equal(self._sample, np.broadcast_to(self._sample[..., :1], self._sample.shape))
        num_bytes = self._lossless_uint8.nbytes / (3 if is_gray else 1)
        return bool(self._png_num_bytes <= MAX_SHARE_OF_PLAIN * num_bytes)

    @CachedProperty
    def _whole(self) -> bytes:
        """The payload of the exact section that stores the whole picture."""
        everywhere = np.ones(self._lossless_uint8.shape[:2], bool)
        payload = encode_exact(self._lossless_uint8, everywhere)
        if self._verify:
            verify_exact(payload, self._lossless_uint8, everywhere)
        return payload

    def _picture(self, level: int, parts: int) -> bytes:
        """Return the payload of the whole picture, the first of `parts` to be coded."""
        if level not in self._pictures:
            self._pictures[level] = self._code(self._image_uint8, level, 0, parts)
        return self._pictures[level]

    def _code(self, pixels: NDArray[np.uint8], level: int, part: int, parts: int) -> bytes:
        progress = progress_of_part(self._on_progress, part, parts)
        return self._coder.encode(
            pixels, self._levels(level), self._effort, verify=self._verify, on_progress=progress
        )

    def _levels(self, level: int) -> Levels:
        height, width, _ = self._image_uint8.shape
        return levels_of(level, self._lowering, height, width, self._coder.runtime.block)

    def _pays(self, added_bits: int, level: int, everything: bytes, mask: NDArray[np.bool_]) -> bool:
        """Return whether the error that exact pixels remove is worth more than the bits that they add."""
        height, width, _ = self._image_uint8.shape
        decoded = self._coder.decode(everything, height, width, self._levels(level))
        removed_error = squared_error(decoded, self._image_uint8)
        np.copyto(decoded, self._image_uint8, where=mask[..., None])
        removed_error -= squared_error(decoded, self._image_uint8)
        return bool(added_bits < self._coder.runtime.distortion_weight(level) * removed_error / 3)


def read_levels(coder: PictureCoder, container: Container) -> Levels:
    """Return the quality levels of a picture's latents, for `PictureCoder`.

    Args:
        coder: coder of the picture section.
        container: the stream.

    Raises:
        CorruptStreamError: if the quality map is not that of a picture of this size.
    """
    header, sections = container.header, container.sections
    size = header.height, header.width
    lowering = read_map(sections[QUALITY_MAP], *size) if QUALITY_MAP in sections else None
    return levels_of(header.level, lowering, *size, coder.runtime.block)


def decode_sections(
    coder: PictureCoder,
    container: Container,
    area: Area | None = None,
    reduction: int = 1,
    *,
    is_cut: bool = False,
) -> NDArray[np.uint8]:
    """Decode the colours of a picture, or an area of it.

    Args:
        coder: coder of the picture section.
        container: the stream.
        area: as it is returned, inside the picture; None for all of it.
        reduction: see `PictureCoder.decode`; 1 if there is an exact section.
        is_cut: whether the picture section is only the beginning of one.

    Returns:
        uint8 (h, w, 3) of the area.

    Raises:
        StreamError: if the payloads cannot have come from `SectionEncoder`.
    """
    header, sections = container.header, container.sections
    size = header.height, header.width
    levels = read_levels(coder, container)
    if EXACT not in sections:
        return coder.decode(sections[PICTURE], *size, levels, area, reduction, is_cut=is_cut)
    exact, mask = read_exact(sections[EXACT], *size, area or Area(0, 0, *size))
    if mask.all():
        return exact
    pixels = coder.decode(sections[PICTURE], *size, levels, area, is_cut=is_cut)
    np.copyto(pixels, exact, where=mask[..., None])
    return pixels
