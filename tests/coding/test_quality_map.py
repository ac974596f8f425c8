"""Quality maps: their bytes, the levels that follow from them, and masks that make them."""

import zlib

import numpy as np
import pytest
from skimage import data

import compressor
from compressor import Runtime, Target
from compressor.coding.quality_map import MAX_LOWERING, levels_of, lowering_of_mask, pack_map, read_map
from compressor.errors import CorruptStreamError, OptionError
from compressor.images.psnr import psnr_db
from compressor.images.ssimulacra2 import ssimulacra2
from compressor.weights.shipped import shipped_models

# The face, and everything within two regions of 64 pixels of it.
FACE, NEAR_FACE = np.s_[64:192, 128:256], np.s_[:320, :384]


@pytest.fixture(scope="module")
def photo():
    return data.astronaut()


@pytest.fixture(scope="module")
def mask():
    mask = np.zeros((512, 512), np.uint8)
    mask[FACE] = 255
    return mask


def outside(pixels):
    """Pixels far from the face, (1, N, 3)."""
    far = np.ones(pixels.shape[:2], bool)
    far[NEAR_FACE] = False
    return pixels[far][None]


def test_a_region_has_the_quality_of_the_best_pixel_in_or_next_to_it():
    mask = np.zeros((64 * 4, 64 * 5 - 30), np.uint8)
    mask[:, -1] = 51
    mask[100, 0] = 255
    np.testing.assert_array_equal(
        lowering_of_mask(mask),
        [
            [0, 0, MAX_LOWERING, 128, 128],
            [0, 0, MAX_LOWERING, 128, 128],
            [0, 0, MAX_LOWERING, 128, 128],
            [MAX_LOWERING, MAX_LOWERING, MAX_LOWERING, 128, 128],
        ],
    )


@pytest.mark.parametrize("block", [4, 16])
def test_levels_are_interpolated_between_the_centres_of_regions(block):
    lowering = np.random.default_rng(0).integers(0, 256, (3, 4), dtype=np.uint8)
    height, width = 3 * 64 - 20, 4 * 64 - 63
    levels = levels_of(300, lowering, height, width, block)
    assert levels.shape == (-(-height // block), -(-width // block))
    rows, columns = ((np.arange(n) + 0.5) * block / 64 - 0.5 for n in levels.shape)
    across = np.array([np.interp(columns, range(4), row) for row in lowering])
    expected = np.array([np.interp(rows, range(3), column) for column in across.T]).T
    # Fractions of a level are dropped from what is subtracted.
    np.testing.assert_array_equal(levels, np.maximum(300 - np.floor(expected + 1e-9), 0))


def test_without_a_map_there_is_one_level():
    assert levels_of(77, None, 100, 100, 16) == 77


def test_a_map_is_read_as_it_was_written():
    lowering = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(read_map(pack_map(lowering), 129, 256), lowering)


@pytest.mark.parametrize(
    "payload",
    [b"123", zlib.compress(bytes(12))[:-1], zlib.compress(bytes(12)) + b"1", zlib.compress(bytes(11))],
)
def test_damaged_maps(payload):
    with pytest.raises(CorruptStreamError, match="quality map"):
        read_map(payload, 129, 256)


def test_a_map_cannot_claim_more_memory_than_the_picture_needs():
    with pytest.raises(CorruptStreamError, match="has 13 regions, expected 3x4"):
        read_map(zlib.compress(bytes(10**7)), 129, 256)


@pytest.mark.parametrize("model", shipped_models())
def test_white_keeps_its_quality_and_black_saves_bytes(photo, mask, model):
    options = {"quality": 60, "verify": True, "runtime": Runtime(model=model)}
    plain, lowered = compressor.encode(photo, **options), compressor.encode(photo, roi=mask, **options)
    assert len(lowered) < 0.7 * len(plain)
    assert compressor.read_info(lowered).section_num_bytes["quality_map"] < 60
    before, after = (np.asarray(compressor.decode(stream)) for stream in (plain, lowered))
    assert psnr_db(after[FACE], photo[FACE]) > psnr_db(before[FACE], photo[FACE]) - 0.3
    assert psnr_db(outside(after), outside(photo)) < psnr_db(outside(before), outside(photo)) - 2
    # Far from the face, the quality is that of a file of quality 20.
    low = np.asarray(compressor.decode(compressor.encode(photo, 20, runtime=Runtime(model=model))))
    assert psnr_db(outside(after), outside(photo)) > psnr_db(outside(low), outside(photo)) - 0.5


def test_parts_and_reduced_pictures_are_those_of_the_whole(photo, mask):
    stream = compressor.encode(photo, 60, roi=mask)
    whole = compressor.decode(stream)
    part = np.asarray(compressor.decode(stream, region=(150, 90, 200, 230)), int)
    assert np.abs(part - np.asarray(whole, int)[90:320, 150:350]).max() <= 1
    small = np.asarray(compressor.decode(stream, reduction=4))
    assert psnr_db(small, np.asarray(whole.reduce(4))) > 30


# The face alone is too small for SSIMULACRA 2: its score changes by chance as much as by refinement.
@pytest.mark.parametrize(
    ("tune", "metric", "part", "gain"), [("psnr", psnr_db, FACE, 0.15), ("iq", ssimulacra2, np.s_[:], 0.5)]
)
def test_refinement_follows_the_map(photo, mask, tune, metric, part, gain):
    photo, mask = photo[:256, :320], mask[:256, :320]
    values, sizes = np.empty((2, 3)), np.empty((2, 3))
    for row, effort in enumerate((5, 6)):
        for column, quality in enumerate((40, 50, 60)):
            stream = compressor.encode(photo, quality, roi=mask, tune=tune, effort=effort)
            decoded = np.asarray(compressor.decode(stream))
            values[row, column] = metric(photo[part], decoded[part])
            sizes[row, column] = len(stream)
    assert values[1].mean() > values[0].mean() + gain
    assert (sizes[1] < 1.04 * sizes[0]).all()


def test_a_target_of_size_is_met_with_a_mask(photo, mask):
    stream = compressor.encode(photo, target=Target(num_bytes=6000), roi=mask)
    assert 5500 < len(stream) <= 6000
    assert (
        compressor.read_info(stream).quality
        > compressor.read_info(compressor.encode(photo, target=Target(num_bytes=6000))).quality
    )


def test_a_white_mask_changes_nothing(photo):
    white = np.full((512, 512), 255, np.uint8)
    assert compressor.encode(photo, 40, roi=white) == compressor.encode(photo, 40)


def test_text_is_stored_only_where_the_mask_is_white():
    dots = np.random.default_rng(0).integers(0, 2, (128, 512, 1), np.uint8) * np.full(3, 255, np.uint8)
    mask = np.zeros((128, 512), np.uint8)
    mask[:, :64] = 255
    stream = compressor.encode(dots, 50, roi=mask)
    decoded = np.asarray(compressor.decode(stream))
    np.testing.assert_array_equal(decoded[:, :128], dots[:, :128])
    assert np.abs(decoded[:, 256:].astype(int) - dots[:, 256:]).max() > 0
    assert len(stream) < len(compressor.encode(dots, 50))


def test_masks_that_do_not_fit(photo):
    with pytest.raises(OptionError, match="a mask of 8x4 pixels, expected 512x512"):
        compressor.encode(photo, roi=np.zeros((4, 8), np.uint8))
    with pytest.raises(OptionError, match="quality 100"):
        compressor.encode(photo, 100, roi=np.zeros((512, 512), np.uint8))
