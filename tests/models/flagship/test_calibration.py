"""Measured scales of the side information."""

import numpy as np
import pytest

from compressor.layers import logistic_bits
from compressor.models.flagship.calibration import best_log_scales, measure_side_scales
from compressor.spec.constants import SCALE_MIN, SIDE_MAX


def test_the_scale_of_logistic_samples_is_found():
    random = np.random.default_rng(0)
    scales = [0.3, 1.0, 4.0]
    symbols = [np.rint(random.logistic(0, scale, 20_000)).astype(int) for scale in scales]
    counts = np.stack([np.bincount(np.abs(s).clip(max=SIDE_MAX), minlength=SIDE_MAX + 1) for s in symbols])
    np.testing.assert_allclose(np.exp(best_log_scales(counts)), scales, rtol=0.1)


def test_channels_without_information_take_the_smallest_scale():
    counts = np.zeros((1, SIDE_MAX + 1), np.int64)
    counts[0, 0] = 100
    assert np.exp(best_log_scales(counts))[0] == pytest.approx(SCALE_MIN)


def test_measured_scales_take_fewer_bits(tiny_flagship, random_pictures):
    images = np.rint(255 * random_pictures(3, 128, 192)).astype(np.uint8)
    quality = np.array([0.5], np.float32)

    def bits():
        found = 0
        for image in images:
            latents = tiny_flagship.analyse(image[None].astype(np.float32) / 255, quality)
            side = np.rint(np.asarray(tiny_flagship.hyper_latents(latents, quality)))
            found += np.sum(logistic_bits(side, np.exp(np.asarray(tiny_flagship.log_side_scale))))
        return found

    before = np.asarray(tiny_flagship.log_side_scale).copy()
    try:
        tiny_flagship.log_side_scale.assign(np.full_like(before, np.log(100.0)))
        wide = bits()
        measure_side_scales(tiny_flagship, images, [198])
        assert bits() < 0.8 * wide
    finally:
        tiny_flagship.log_side_scale.assign(before)
