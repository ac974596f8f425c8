"""Random numbers and a random picture."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    """Return a generator of random numbers."""
    return np.random.default_rng(7)


@pytest.fixture
def image(rng):
    """Return a gray picture, float32 (13, 17) in 0..1."""
    return rng.random((13, 17)).astype(np.float32)
