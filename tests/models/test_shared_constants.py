"""Numbers that coder and models both hold, since the coder imports no Keras: they must stay the same."""

import pytest

pytest.importorskip("keras", reason="needs the train extra")

from compressor import latent_coder, quality, rounding  # noqa: E402
from compressor.bitstream.header import QUALITY_LEVELS  # noqa: E402
from compressor.entropy import exact, model  # noqa: E402
from compressor.families import FlagshipFamily  # noqa: E402
from compressor.layers import density, gains, lapped, quantisation  # noqa: E402
from compressor.models import base, flagship, networks  # noqa: E402
from compressor.picture_coder import load_coder  # noqa: E402


def test_coder_and_models_agree():
    assert rounding.DEAD_ZONE == quantisation.DEAD_ZONE
    assert rounding.SAVING_SHARE == density.SAVING_SHARE
    assert (latent_coder.SIDE_STEPS, latent_coder.SIDE_MAX) == (flagship.SIDE_STEPS, flagship.SIDE_MAX)
    assert quality.SQUARED_STEP_WEIGHT == base.SQUARED_STEP_WEIGHT
    assert quality.TOP_LEVEL == QUALITY_LEVELS - 1 == exact.LEVELS_PER_KNOT * (gains.KNOTS - 1)
    assert density.NUM_SCALES - 1 == model.TOP_INDEX
    assert exact.ACTIVATION_MAX == networks.ACTIVATION_MAX * networks.ACTIVATION_STEPS
    assert FlagshipFamily.block == lapped.BLOCK


@pytest.mark.parametrize("level", [0, 99, 250, 396])
def test_coder_and_models_weigh_errors_alike(level):
    family = load_coder()._family
    expected = float(base.distortion_weight(level / quality.TOP_LEVEL))
    assert family.distortion_weight(level) == pytest.approx(expected, rel=1e-4)
