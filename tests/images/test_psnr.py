"""The PSNR, against an independent implementation."""

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from compressor.images.psnr import psnr_db
from tests.samples import noise


def test_equal_pictures_have_no_finite_psnr():
    pixels = noise(4, 5, 3)
    assert psnr_db(pixels, pixels) == math.inf


@pytest.mark.parametrize("shape", [(1, 1, 3), (255, 7, 3), (256, 7, 3), (700, 9, 3), (300, 5)])
def test_psnr_is_that_of_scikit_image(shape):
    decoded, pixels = noise(*shape), noise(*shape)
    expected = peak_signal_noise_ratio(pixels, decoded, data_range=255)
    assert psnr_db(decoded, pixels) == pytest.approx(expected, rel=1e-12)


def test_differences_of_both_signs_count_alike():
    black, white = np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    assert psnr_db(black, white) == psnr_db(white, black) == 0
