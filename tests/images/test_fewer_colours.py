"""Pictures with fewer colours: how many, which, and where."""

import numpy as np
import pytest

from compressor.images import fewer_colours
from compressor.images.fewer_colours import with_fewer_colours
from compressor.images.psnr import psnr_db
from tests.samples import noise, photo_like

EVERYWHERE = np.ones((60, 80), bool)


def num_colours(pixels):
    return len(np.unique(pixels.reshape(-1, 3), axis=0))


@pytest.mark.parametrize("number", [4, 31, 255, 256])
def test_the_number_is_not_exceeded(number):
    image = noise(60, 80, 3)
    changed = with_fewer_colours(image, EVERYWHERE, number)
    assert number / 2 < num_colours(changed) <= number


def test_more_colours_are_more_like_the_picture():
    image = photo_like(60, 80)
    psnr = [psnr_db(with_fewer_colours(image, EVERYWHERE, number), image) for number in (4, 15, 63, 255)]
    assert psnr == sorted(psnr)
    assert psnr[0] > 18
    assert psnr[-1] > 36


def test_few_colours_stay():
    image = noise(60, 80, 3) & 0b11000000
    assert with_fewer_colours(image, EVERYWHERE, num_colours(image)) is image


def test_the_commonest_colours_stay():
    image = photo_like(60, 80)
    image[:20] = 255
    image[20:30] = (250, 254, 255)
    image[30, :40] = (1, 0, 0)
    changed = with_fewer_colours(image, EVERYWHERE, 15)
    np.testing.assert_array_equal(changed[:30], image[:30])
    np.testing.assert_array_equal(changed[30, :40], image[30, :40])
    assert not np.array_equal(changed, image)


def test_only_pixels_of_the_mask_change():
    image, mask = noise(60, 80, 3), noise(60, 80) > 100
    changed = with_fewer_colours(image, mask, 31)
    np.testing.assert_array_equal(changed[~mask], image[~mask])
    assert num_colours(changed[mask]) <= 31


def test_noise_is_reduced_without_kmeans(monkeypatch):
    image = noise(60, 80, 3)
    refined = with_fewer_colours(image, EVERYWHERE, 31)
    monkeypatch.setattr(fewer_colours, "MAX_COLOURS_FOR_KMEANS", 1000)
    quick = with_fewer_colours(image, EVERYWHERE, 31)
    assert num_colours(quick) <= 31
    assert psnr_db(refined, image) > psnr_db(quick, image) > 15
