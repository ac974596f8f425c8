"""Quality curves of exported models."""

import numpy as np
import pytest

from compressor.coding.loading import create_coder
from compressor.models.gains import at_levels, load_gains
from compressor.spec.constants import WEIGHT_MAX, WEIGHT_MIN
from compressor.spec.fine_levels import FineLevels
from compressor.spec.quality import TOP_LEVEL
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import shipped_folder, shipped_models

KNOTS = np.array([[0.0, 1], [1, 1], [4, 1], [9, 1], [16, 3]])


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (0, [0, 1]),
        (33, [1 / 3, 1]),
        (99, [1, 1]),
        (198, [4, 1]),
        (363, [16 - 7 / 3, 3 - 2 / 3]),
        (396, [16, 3]),
    ],
)
def test_curves_are_linear_between_knots(level, expected):
    np.testing.assert_allclose(at_levels(KNOTS, level), expected)


@pytest.mark.parametrize("level", [0, 41, 99, 250, 396])
def test_curves_are_those_of_the_keras_layer(level):
    pytest.importorskip("keras", reason="needs the train extra")
    from compressor.layers import QualityCurve

    curve = QualityCurve(2)
    curve.build((None,))
    curve.values.assign(KNOTS)
    got = np.asarray(curve(np.array([level / TOP_LEVEL], np.float32))).ravel()
    np.testing.assert_allclose(got, at_levels(KNOTS, level), rtol=1e-5)


@pytest.mark.parametrize("name", shipped_models())
@pytest.mark.parametrize("level", [0, 99, 250, 356])
def test_errors_weigh_as_much_as_in_training(name, level):
    runtime = create_coder(ModelFiles(shipped_folder(name)), "onnxruntime").runtime
    weight = WEIGHT_MIN * (WEIGHT_MAX / WEIGHT_MIN) ** (level / TOP_LEVEL)
    assert runtime.distortion_weight(level) == pytest.approx(weight, rel=1e-4)


def test_arrays_are_read():
    gains = load_gains(ModelFiles(shipped_folder()).arrays("gains.npz"), FineLevels(TOP_LEVEL))
    assert gains.channels == len(gains.magnitude) == gains.worth(0).size
    np.testing.assert_allclose(gains.expected(50), gains.magnitude * gains.gain(50), rtol=1e-5)
    assert (gains.gain(396) > gains.gain(0)).all()
    # A channel that hardly pays may have any inverse gain.
    assert (gains.inverse_gain(396) < gains.inverse_gain(0)).mean() > 0.99


def test_fine_levels_have_the_curves_of_the_highest_level_with_finer_steps():
    arrays, fine_levels = ModelFiles(shipped_folder()).arrays("gains.npz"), FineLevels(300)
    gains, trained = load_gains(arrays, fine_levels), load_gains(arrays, FineLevels(TOP_LEVEL))
    for curve in ("gain", "inverse_gain", "expected", "correction_unit", "filter_unit", "worth"):
        for level in (0, 150, 300):
            found, expected = (getattr(each, curve)(level) for each in (gains, trained))
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    finer, weights = fine_levels.fineness(340), [gains.distortion_weight(level) for level in (300, 340)]
    np.testing.assert_allclose(gains.gain(340), finer * gains.gain(300), rtol=1e-5)
    np.testing.assert_allclose(gains.expected(340), finer * gains.expected(300), rtol=1e-5)
    assert weights[1] == pytest.approx(finer**2 * weights[0], rel=1e-5)
    np.testing.assert_array_equal(gains.worth(340), gains.worth(300))
    # Latents that are finer shrink less.
    kept = [gains.gain(level) * gains.inverse_gain(level) for level in (300, 340, 380)]
    assert np.all(np.diff(np.abs(np.stack(kept) - 1), axis=0) <= 1e-6)
    # Predictions do not: of two factors of the shrinkage, the inverse gain undoes one.
    np.testing.assert_array_equal(gains.mean_unit(300), gains.expected(300))
    shrinkage = gains.mean_unit(340) / gains.expected(340)
    predicted = np.sqrt(shrinkage) * gains.expected(340) * gains.inverse_gain(340)
    np.testing.assert_allclose(predicted, gains.expected(300) * gains.inverse_gain(300), rtol=1e-5)
    assert (shrinkage < 1).mean() > 0.9


def test_curves_of_a_map_are_those_of_its_levels():
    gains = load_gains(ModelFiles(shipped_folder()).arrays("gains.npz"), FineLevels(300))
    levels = np.array([[0, 300], [301, 390]], np.int32)
    curves = "gain inverse_gain expected mean_unit correction_unit filter_unit distortion_weight"
    for curve in curves.split():
        found = getattr(gains, curve)(levels)
        for where in np.ndindex(levels.shape):
            np.testing.assert_allclose(found[where], getattr(gains, curve)(int(levels[where])), rtol=1e-6)
