"""The sections that hold the pixels of a picture: what the networks code, and what is stored."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compressor.bitstream.container import Container
from compressor.coding.area import Area
from compressor.coding.effort import Effort
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.picture_error import PictureError
from compressor.coding.progress import OnProgress, progress_of_part
from compressor.coding.quality_map import Lowering, levels_of, pack_map, read_map
from compressor.coding.screen_content import ScreenContent
from compressor.coding.stored_pixels import StoredPixels
from compressor.coding.stored_section import read_stored
from compressor.images.lossless import quick_num_bytes
from compressor.images.pixels import Pixels
from compressor.locks import CachedProperty
from compressor.spec.file_format import PICTURE, QUALITY_MAP, STORED
from compressor.spec.levels import Levels
from compressor.spec.quality import HIGHEST_SEEN_LEVEL, TOP_LEVEL

# If at least this share of the pixels is screen content, the whole picture may be stored.
MIN_SHARE_FOR_WHOLE = 3 / 4
# The size of a PNG file is estimated from the first eight of every 128 rows.
SAMPLE_ROWS, SAMPLE_STRIDE = 8, 128
# If a picture at a fine level takes more than this share of the bytes of a PNG file, storing it without loss
# may take fewer, as it often does for gray pictures.
MIN_SHARE_OF_PNG = 0.4
# A picture is plain if a PNG file takes at most this share of the bytes of its pixels; photographs take more.
# A WebP file is often much smaller still, so storing plain pictures without loss is tried as well.
MAX_SHARE_OF_PLAIN = 1 / 4


class Encoded(NamedTuple):
    """A picture at a level.

    Attributes:
        level: the level that the header names: `TOP_LEVEL` if all pixels are stored without loss.
        payloads: payloads of the picture section and, where present, of the stored section and the
            quality map, by name.
    """

    level: int
    payloads: dict[str, bytes]

    @property
    def num_bytes(self) -> int:
        """Size of all payloads."""
        return sum(map(len, self.payloads.values()))


class SectionEncoder:
    """Encodes a picture at any level, to the sections that hold its pixels.

    Payloads of the whole picture are kept by level, because a target is searched for twice: with and without
    stored screen content.

    Args:
        coder: coder of the picture section.
        pixels: the picture.
        screen_content: screen content of the picture, in regions that are not lowered; None for none.
        lowering: lowering of the regions of the quality map; None for no map.
        effort: how symbols are chosen.
        verify: whether to read the payloads again.
        on_progress: called after every step of a refinement.
    """

    def __init__(
        self,
        coder: PictureCoder,
        pixels: Pixels,
        screen_content: ScreenContent | None,
        lowering: Lowering | None,
        effort: Effort,
        *,
        verify: bool,
        on_progress: OnProgress,
    ) -> None:
        self._coder, self._screen_content, self._lowering = coder, screen_content, lowering
        self._pixels = pixels
        self._image_uint8, self._lossless_uint8 = pixels.image_uint8, pixels.lossless_uint8
        self._effort, self._verify, self._on_progress = effort, verify, on_progress
        self._quality_map = {} if lowering is None else {QUALITY_MAP: pack_map(lowering)}
        # Payloads of the whole picture, coded by the networks, by level.
        self._pictures: dict[int, bytes] = {}
        # All pixels, and those of screen content.
        everywhere = np.ones(pixels.image_uint8.shape[:2], bool)
        self._whole = StoredPixels(pixels.lossless_uint8, everywhere, verify=verify)
        mask = everywhere if screen_content is None else screen_content.mask
        self._part = StoredPixels(pixels.image_uint8, mask, verify=verify)

    def encode(self, level: int, *, stores: bool = True) -> Encoded:
        """Encode the picture.

        Its screen content, or the whole picture if most of it is screen content, is stored where that costs
        less, counting bits plus the error in bits. Plain pictures, and any picture at a fine level, are
        stored without loss if that takes no more bytes. This is tried only if it is likely. At the top level,
        the picture is always stored without loss. With a quality map, it is not stored as a whole.

        Args:
            level: quality level 0..396; with a quality map, not the top level.
            stores: whether to store screen content where that pays.

        Raises:
            CorruptStreamError: with `verify`, if the payloads do not give back what was coded.
            WeightsError: if the effort moves latents, and the model lacks the gradients.
        """
        if level == TOP_LEVEL:
            return self._lossless()
        content = self._screen_content if stores else None
        encoded = self._by_networks(level) if content is None else self._cheapest(level, content)
        if self._lowering is None and self._is_smaller_without_loss(level, encoded.num_bytes):
            return self._lossless()
        return encoded

    def _lossless(self) -> Encoded:
        return Encoded(TOP_LEVEL, {STORED: self._whole.lossless, PICTURE: b""})

    def _is_smaller_without_loss(self, level: int, num_bytes: int) -> bool:
        """Return whether storing the picture without loss takes no more bytes; only tried if likely."""
        is_large = level > HIGHEST_SEEN_LEVEL and num_bytes > MIN_SHARE_OF_PNG * self._png_num_bytes
        return (self._is_plain or is_large) and len(self._whole.lossless) <= num_bytes

    def _by_networks(self, level: int, parts: int = 1) -> Encoded:
        """Encode the whole picture by the networks, as the first of `parts` that are coded."""
        if level not in self._pictures:
            self._pictures[level] = self._code(self._image_uint8, level, 0, parts)
        return Encoded(level, self._quality_map | {PICTURE: self._pictures[level]})

    def _cheapest(self, level: int, content: ScreenContent) -> Encoded:
        """Encode a picture with screen content in the way that costs least, counting bits and the error."""
        runtime = self._coder.runtime
        share = content.mask.mean()
        has_rest, may_be_whole = share < 1, self._lowering is None and share >= MIN_SHARE_FOR_WHOLE
        best = self._by_networks(level, 2 if has_rest else 1)
        decoded = self._decoded(best.payloads[PICTURE], level)
        weight = float(runtime.distortion_weight(level))
        error = PictureError(self._pixels, decoded, runtime.metric, weight)
        least = 8 * best.num_bytes + error(decoded)

        def store(pixels: StoredPixels, rest: bytes, background: NDArray[np.uint8] | None) -> None:
            """Try to store pixels, with fewer and fewer colours as long as that pays."""
            nonlocal best, least
            last = math.inf
            for payload in pixels.payloads():
                encoded = Encoded(level, self._quality_map | {STORED: payload, PICTURE: rest})
                cost = 8.0 * encoded.num_bytes
                if cost >= least:
                    continue
                cost += error(self._with_stored(payload, background))
                if cost >= last:
                    return
                last = cost
                if cost < least:
                    best, least = encoded, cost

        if has_rest:
            rest = self._code(content.rest, level, 1, 2)
            store(self._part, rest, self._decoded(rest, level))
        if may_be_whole:
            store(self._whole, b"", None)
            if best.payloads.get(STORED) == self._whole.lossless:
                return self._lossless()
        return best

    def _decoded(self, payload: bytes, level: int) -> NDArray[np.uint8]:
        """Decode a payload of the picture section."""
        height, width, _ = self._image_uint8.shape
        return self._coder.decode(payload, height, width, self._levels(level))

    def _with_stored(self, payload: bytes, background: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        """Decode a payload of the stored section; where nothing is stored, return the background."""
        height, width, _ = self._image_uint8.shape
        pixels, mask = read_stored(payload, height, width, Area(0, 0, height, width))
        if background is not None:
            np.copyto(pixels, background, where=~mask[..., None])
        return pixels

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

    def _code(self, pixels: NDArray[np.uint8], level: int, part: int, parts: int) -> bytes:
        progress = progress_of_part(self._on_progress, part, parts)
        return self._coder.encode(
            pixels, self._levels(level), self._effort, verify=self._verify, on_progress=progress
        )

    def _levels(self, level: int) -> Levels:
        height, width, _ = self._image_uint8.shape
        return levels_of(level, self._lowering, height, width, self._coder.runtime.block)


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
        reduction: see `PictureCoder.decode`; 1 if there is a stored section.
        is_cut: whether the picture section is only the beginning of one.

    Returns:
        uint8 (h, w, 3) of the area.

    Raises:
        StreamError: if the payloads cannot have come from `SectionEncoder`.
    """
    header, sections = container.header, container.sections
    size = header.height, header.width
    levels = read_levels(coder, container)
    if STORED not in sections:
        return coder.decode(sections[PICTURE], *size, levels, area, reduction, is_cut=is_cut)
    stored, mask = read_stored(sections[STORED], *size, area or Area(0, 0, *size))
    if mask.all():
        return stored
    pixels = coder.decode(sections[PICTURE], *size, levels, area, is_cut=is_cut)
    np.copyto(pixels, stored, where=mask[..., None])
    return pixels
