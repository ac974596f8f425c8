"""Screen content: text, charts and pixel art, which are often cheaper to store than to approximate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from compressor.coding.area import Area
from compressor.images.filling import with_holes_filled
from compressor.locks import CachedProperty
from compressor.spec.arrays import extended
from compressor.spec.file_format import MAP_REGION, STORED_TILE

# Side of a cell, in pixels: a cell is stored as a whole or not at all.
CELL = 16
# A cell of screen content has at least `MIN_CONTRAST` in a channel, and one of these: at most
# `FEW_COLOURS_SHARE` colours per pixel; or at most `MAX_COLOUR_SHARE`, and either one colour that fills a
# quarter of the cell, as behind text, or `HIGH_CONTRAST`. The last does not apply to gray pictures, since
# cells of gray photographs often have few levels too.
MIN_CONTRAST, HIGH_CONTRAST = 24, 64
FEW_COLOURS_SHARE, MAX_COLOUR_SHARE = 1 / 16, 1 / 4
BACKGROUND_NUM_PIXELS = CELL * CELL // 4
# A neighbour of such a cell may have more colours, as some letters do.
MAX_COLOUR_SHARE_NEARBY = 3 / 8
# A cell whose chroma differs this much from pixel to pixel, in squared 8-bit levels, is screen content too,
# since the networks do not code the finest detail of chroma.
MIN_FINE_CHROMA = 3000
# Photographs have a few such cells too, at the edge of a burnt-out sky for example. Below this share of the
# cells that are not flat, it is not worth an encoder's time to try them.
MIN_SHARE_OF_CELLS = 1 / 12


@dataclass(frozen=True)
class ScreenContent:
    """The screen content of a picture. What follows from it is computed when it is needed.

    Attributes:
        image_uint8: the picture, (H, W, 3).
        cells: (rows, columns), True for cells of screen content.
    """

    image_uint8: NDArray[np.uint8]
    cells: NDArray[np.bool_]

    @CachedProperty
    def mask(self) -> NDArray[np.bool_]:
        """True in screen content, (H, W)."""
        height, width, _ = self.image_uint8.shape
        return self.cells.repeat(CELL, axis=0).repeat(CELL, axis=1)[:height, :width]

    @CachedProperty
    def rest(self) -> NDArray[np.uint8]:
        """The picture with screen content replaced by a smooth continuation of the rest, (H, W, 3)."""
        means = Image.fromarray(self.image_uint8).reduce(CELL)
        means.putalpha(Image.fromarray(np.where(self.cells, np.uint8(0), np.uint8(255))))
        smooth = with_holes_filled(means).convert("RGB")
        smooth = smooth.resize((means.width * CELL, means.height * CELL), Image.Resampling.BILINEAR)
        height, width = self.mask.shape
        return np.where(self.mask[..., None], np.asarray(smooth)[:height, :width], self.image_uint8)

    def without(self, regions: NDArray[np.bool_]) -> ScreenContent | None:
        """Return the screen content outside of some regions of the quality map; None if there is none.

        Args:
            regions: (rows, columns), True for regions to leave out.
        """
        left_out = regions.repeat(MAP_REGION // CELL, axis=0).repeat(MAP_REGION // CELL, axis=1)
        rows, columns = self.cells.shape
        cells = self.cells & ~left_out[:rows, :columns]
        return ScreenContent(self.image_uint8, cells) if cells.any() else None


def find_screen_content(image_uint8: NDArray[np.uint8]) -> ScreenContent | None:
    """Find screen content that may be worth storing.

    Args:
        image_uint8: (H, W, 3).

    Returns:
        The screen content; None for a picture with little or none, such as most photographs.
    """
    height, width, _ = image_uint8.shape
    shape = -(-height // CELL), -(-width // CELL)
    num_colours, colour_share, contrast, fine_chroma = (np.empty(shape, np.float32) for _ in range(4))
    has_background, is_gray = np.empty(shape, bool), True
    for tile in Area(0, 0, height, width).cut(STORED_TILE):
        where = tile.covering(CELL).slices
        pixels = extended(image_uint8[tile.slices], -tile.height % CELL, -tile.width % CELL, "edge")
        num_colours[where], colour_share[where], has_background[where] = _colours(pixels, tile)
        contrast[where], fine_chroma[where] = _contrast(pixels), _fine_chroma(pixels)
        is_gray = is_gray and _is_gray(pixels)
    flat, some_colours = num_colours == 1, colour_share <= MAX_COLOUR_SHARE
    is_high = contrast >= HIGH_CONTRAST
    is_plain = has_background if is_gray else has_background | is_high
    core = (contrast >= MIN_CONTRAST) & ((colour_share <= FEW_COLOURS_SHARE) | some_colours & is_plain)
    core |= fine_chroma >= MIN_FINE_CHROMA
    if not core.any() or core.sum() < MIN_SHARE_OF_CELLS * np.count_nonzero(~flat):
        return None
    near = np.asarray(Image.fromarray(core).convert("L").filter(ImageFilter.MaxFilter(3)), bool)
    # Flat cells take next to no bytes, and errors of the networks would show there.
    cells = core | flat | near & is_high & (colour_share <= MAX_COLOUR_SHARE_NEARBY)
    return ScreenContent(image_uint8, cells)


def _is_gray(image_uint8: NDArray[np.uint8]) -> bool:
    red, green, blue = (image_uint8[..., channel] for channel in range(3))
    return np.array_equal(red, green) and np.array_equal(green, blue)


def _colours(
    pixels: NDArray[np.uint8], area: Area
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
    """Return each cell's number of colours, that number per pixel, and whether it has a background.

    Args:
        pixels: pixels of whole cells, (16 * rows, 16 * columns, 3).
        area: the part of the picture that they cover; smaller where edges were repeated to whole cells.
    """
    numbers = pixels[..., 0].astype(np.uint32)
    for channel in (1, 2):
        numbers <<= 8
        numbers |= pixels[..., channel]
    rows, columns = (n // CELL for n in numbers.shape)
    cells = numbers.reshape(rows, CELL, columns, CELL).swapaxes(1, 2).reshape(rows, columns, CELL * CELL)
    cells.sort(axis=2)
    num_colours = 1 + np.count_nonzero(cells[:, :, 1:] != cells[:, :, :-1], axis=2)
    down, across = (np.minimum(CELL, n - np.arange(0, n, CELL)) for n in (area.height, area.width))
    distance = BACKGROUND_NUM_PIXELS - 1
    has_background = (cells[:, :, distance:] == cells[:, :, :-distance]).any(axis=2)
    return num_colours, num_colours / np.outer(down, across), has_background


def _contrast(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the largest difference of two pixels in or beside each cell, in the channel where it is largest.

    Pixels beside a cell count, because all edges of enlarged pixel art or of a chart may lie between cells.
    """
    differences = _extremes(pixels, np.maximum) - _extremes(pixels, np.minimum)
    contrast: NDArray[np.uint8] = differences.max(axis=2)
    return contrast


def _extremes(pixels: NDArray[np.uint8], extreme: np.ufunc) -> NDArray[np.uint8]:
    """Return the extreme of the pixels in each cell and beyond its four edges, (rows, columns, 3)."""

    def across(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
        cut = lines.reshape(len(lines), -1, CELL, 3)
        # Halve repeatedly: NumPy is slow to reduce an axis that is followed by a short one (three channels).
        while cut.shape[2] > 1:
            half = cut.shape[2] // 2
            cut = extreme(cut[:, :, :half], cut[:, :, half:])
        return cut[:, :, 0]

    down = extreme.reduce(pixels.reshape(-1, CELL, *pixels.shape[1:]), axis=1)
    found = across(down)
    top, bottom = across(pixels[::CELL]), across(pixels[CELL - 1 :: CELL])
    left, right = down[:, ::CELL], down[:, CELL - 1 :: CELL]
    for own, beyond in (
        (found[1:], bottom[:-1]),
        (found[:-1], top[1:]),
        (found[:, 1:], right[:, :-1]),
        (found[:, :-1], left[:, 1:]),
    ):
        extreme(own, beyond, out=own)
    return found


def _fine_chroma(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean squared difference of the chroma of neighbouring pixels of each cell."""
    height, width, _ = pixels.shape
    energy = np.zeros((height // 2, width // 2), np.int32)
    for channel in (0, 2):
        chroma = pixels[..., channel].astype(np.int16) - pixels[..., 1]
        # In each 2x2 square, compare the first pixel with its right and lower neighbours.
        first = chroma[::2, ::2]
        for other in (chroma[::2, 1::2], chroma[1::2, ::2]):
            energy += np.square(other - first, dtype=np.int32)
    half = CELL // 2
    sums = energy.reshape(height // CELL, half, width // CELL, half).sum(axis=(1, 3))
    return sums / (4 * half * half)
