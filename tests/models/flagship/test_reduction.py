"""Pictures at reduced size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import compressor
from compressor.coding.area import Area
from compressor.coding.loading import create_coder
from compressor.coding.picture_coder import PictureCoder
from compressor.layers import LappedSynthesis
from compressor.models.flagship.calibration import measure_reduced_colours
from compressor.models.flagship.reduction import FACTORS, MAX_LOSS, Reduction, num_channels
from compressor.spec.lapped import ALL_CHANNELS
from compressor.spec.quality import NUM_KNOTS
from compressor.weights.files import ModelFiles

GOLDEN = Path(__file__).parents[2] / "golden"
IDENTITY = np.tile(np.eye(4, 3), (NUM_KNOTS, 1, 1))


def box_means(pixels, factor):
    height, width, _ = pixels.shape
    return pixels.reshape(height // factor, factor, width // factor, factor, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_a_reduced_picture_is_the_mean_of_squares(factor, shape):
    random = np.random.default_rng(factor)
    basis = random.permutation(ALL_CHANNELS)[:200]
    coefficients = random.normal(0, 30, (*shape, len(basis))).astype(np.float32)
    synthesis = LappedSynthesis(len(basis))
    synthesis.build(None)
    synthesis.chosen.assign(basis)
    whole = np.asarray(synthesis(coefficients[None]))[0]
    reduced = Reduction(factor, basis, IDENTITY)(coefficients, 100)
    np.testing.assert_allclose(reduced, box_means(whole, factor), atol=2e-3)


def test_colours_are_mapped_by_quality():
    colours = IDENTITY.copy()
    colours[-1] *= 2
    colours[-1, 3] = 5
    coefficients = np.ones((2, 2, 3), np.float32)
    maps = [Reduction(4, np.arange(3), maps) for maps in (IDENTITY, colours)]
    plain, mapped = (reduction(coefficients, 396) for reduction in maps)
    np.testing.assert_allclose(mapped, 2 * plain + 5, rtol=1e-5)
    np.testing.assert_allclose(maps[1](coefficients, 0), plain, rtol=1e-5)


def test_smaller_pictures_need_fewer_channels():
    basis, magnitude = np.arange(ALL_CHANNELS), np.full(ALL_CHANNELS, 4.0)
    needed = [num_channels(factor, basis, magnitude) for factor in FACTORS]
    assert needed == sorted(needed, reverse=True)
    assert needed[-1] < 300 < needed[0]
    assert num_channels(2, basis, magnitude * MAX_LOSS / 1000) == 0


@pytest.fixture(scope="module")
def coder(tiny_folder):
    return create_coder(ModelFiles(tiny_folder), "onnxruntime")


@pytest.mark.parametrize("factor", FACTORS)
def test_regions_and_tiles_are_parts_of_the_whole(coder, random_pictures, factor):
    pixels = np.rint(255 * random_pictures(1, 128, 192)[0]).astype(np.uint8)[:100, :141]
    small_tiles = PictureCoder(coder.runtime, tile=4, part=3)
    payload = small_tiles.encode(pixels, 200)
    whole = small_tiles.decode(payload, 100, 141, 200, reduction=factor)
    assert whole.shape == (-(-100 // factor), -(-141 // factor), 3)
    region = Area(1, 2, 6, 8)
    part = small_tiles.decode(payload, 100, 141, 200, region, factor)
    assert np.abs(part.astype(int) - whole[region.slices]).max() <= 1


@pytest.mark.parametrize("tune", ["iq", "psnr"])
@pytest.mark.parametrize("reduction", FACTORS)
def test_a_reduced_photo_is_close_to_the_whole_one(tune, reduction):
    stream = (GOLDEN / f"flagship-{tune}-photo.cmpr").read_bytes()
    reduced = np.asarray(compressor.decode(stream, reduction=reduction), int)
    whole = np.asarray(Image.open(GOLDEN / f"flagship-{tune}-photo.png").convert("RGB").reduce(reduction))
    # In 8-bit levels; the filter restores detail that the reduced picture lacks.
    assert np.sqrt(np.mean(np.square(reduced - whole))) < 12


def test_the_change_of_colours_by_the_filter_is_measured(tiny_flagship, random_pictures, monkeypatch):
    images = np.rint(255 * random_pictures(3, 128, 128)).astype(np.uint8)
    before = np.asarray(tiny_flagship.reduced_colours.values).copy()
    monkeypatch.setattr(tiny_flagship, "filter", lambda centred, quality: 0.5 * centred + 3)
    try:
        measure_reduced_colours(tiny_flagship, images)
        maps = np.asarray(tiny_flagship.reduced_colours.values).reshape(-1, 4, 3)
    finally:
        tiny_flagship.reduced_colours.values.assign(before)
    expected = np.vstack([0.5 * np.eye(3), [[3, 3, 3]]])
    for knot in (0, 1, 2):
        np.testing.assert_allclose(maps[knot], expected, atol=1e-3)
    # No picture was coded at their qualities.
    for knot in (3, 4):
        np.testing.assert_array_equal(maps[knot], np.eye(4, 3))
