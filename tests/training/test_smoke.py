"""The generated pictures of the smoke test."""

import numpy as np

from training.smoke import generated_picture


def test_generated_pictures_differ_and_repeat():
    a, b, again = (np.asarray(generated_picture(seed, 64)) for seed in (0, 1, 0))
    assert a.shape == (64, 64, 3)
    assert len(np.unique(a)) > 32
    np.testing.assert_array_equal(a, again)
    assert not np.array_equal(a, b)
