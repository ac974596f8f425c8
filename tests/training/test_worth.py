"""The measured worth of errors."""

import numpy as np
import pytest

from training.worth import measure_worth, worth_estimator


def test_worth_predicts_what_an_error_costs(tiny_flagship, random_pictures):
    """A step of error in one channel raises rate-distortion cost by its worth."""
    from compressor.models.base import distortion_weight, mean_squared_error

    images = random_pictures(4, 64, 64)
    quality = np.full(4, 0.5, np.float32)
    worth = np.asarray(worth_estimator(tiny_flagship)(images, quality))
    latents = tiny_flagship.analyse(images, quality)
    clean = np.asarray(tiny_flagship.synthesise(latents, quality))
    for channel in (0, 5):
        error = np.zeros(latents.shape, np.float32)
        error[..., channel] = np.random.default_rng(0).choice([-1, 1], latents.shape[:3])
        moved = np.asarray(tiny_flagship.synthesise(latents + error, quality))
        added = float(np.mean(np.asarray(mean_squared_error(moved, clean))))
        bits = float(distortion_weight(0.5)) * added * 64 * 64 / np.prod(latents.shape[1:3])
        assert worth[channel] == pytest.approx(bits, rel=0.3)


def test_measured_worth_is_positive_and_stored(tiny_options, random_pictures):
    from compressor.models.registry import build_model

    model = build_model("flagship", **tiny_options["flagship"])
    pictures = random_pictures(8, 64, 64)
    model.adapt(pictures)
    before = np.asarray(model.log_worth.values).copy()
    measure_worth(model, [np.rint(255 * x).astype(np.uint8) for x in pictures], 64)
    after = np.asarray(model.log_worth.values)
    assert np.isfinite(after).all()
    assert np.abs(after - before).max() > 0.1


def test_crops_of_one_photograph_are_measured_together(tiny_flagship):
    photos = [np.full((64, 64, 3), number, np.uint8) for number in range(100)]
    is_same = []

    def estimate(images, quality):
        assert len(images) == len(quality) == 9
        groups = images.reshape(3, -1)
        is_same.append(groups == groups[:, :1])
        return np.ones(tiny_flagship.channels)

    measure_worth(tiny_flagship, photos, 64, group=3, estimate=estimate)
    # A few crops are blended with a colour.
    assert np.mean(is_same) > 0.9
