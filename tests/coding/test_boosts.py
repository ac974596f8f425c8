"""Boosts: content that the scale networks do not expect is still coded."""

import numpy as np
import pytest

from compressor import Runtime
from compressor.coding.boosts import choose_boosts, lifts
from compressor.coding.loading import load_coder
from compressor.entropy.tables import load_tables
from compressor.images.psnr import psnr_db
from compressor.spec.constants import BOOST_MAX, BOOST_STEP
from compressor.spec.quality import quality_to_level
from compressor.weights.shipped import SHIPPED, model_of_tune
from tests.samples import checker, stripes


@pytest.mark.parametrize("tune", ["iq", "psnr"])
@pytest.mark.parametrize(
    ("picture", "least_db"), [(stripes(128), 19), (checker(96), 13)], ids=["stripes", "checker"]
)
def test_patterns_do_not_vanish(picture, least_db, tune):
    # Without the stored section, which would store them.
    coder = load_coder(Runtime(model=model_of_tune(tune)))
    level = quality_to_level(50)
    decoded = coder.decode(coder.encode(picture, level), *picture.shape[:2], level)
    assert psnr_db(decoded, picture) > least_db


def test_lifts_end_with_the_tile_and_ignore_damage():
    assert lifts(np.zeros((2, 2), np.int32), 5, 6, (8, 8)) is None
    lift = lifts(np.array([[-7, 1], [999, 0]], np.int32), 5, 6, (8, 8))[..., 0]
    assert (lift[:4, :4] == 0).all()
    assert (lift[:4, 4:6] == BOOST_STEP).all()
    assert (lift[4, :4] == BOOST_STEP * BOOST_MAX).all()
    assert not lift[5:].any()
    assert not lift[:, 6:].any()


def test_a_boost_is_chosen_only_where_a_residual_would_be_lost():
    residuals, indices = np.zeros((4, 8, 2), np.float32), np.zeros((4, 8, 2), np.uint8)
    residuals[1, 5, 0] = 40
    tables = load_tables(np.load(SHIPPED / "cnn" / "entropy.npz"))
    boosts = choose_boosts(tables, residuals, indices, np.ones(2, np.float32))
    assert boosts[0, 0] == 0
    assert boosts[0, 1] > 0
