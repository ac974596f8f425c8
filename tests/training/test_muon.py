"""Muon: orthogonal updates of Adam's size for convolution kernels, Adam's updates for all other variables."""

import keras
import numpy as np
import pytest

from training.muon import ConvolutionMuon

RATE = 0.01


@pytest.fixture
def step():
    """Return a function that applies one gradient to a variable and gives the change."""

    def apply(optimizer, gradient):
        variable = keras.Variable(np.zeros(gradient.shape, "float32"))
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        return np.asarray(variable)

    return apply


@pytest.fixture
def muon():
    return ConvolutionMuon(RATE, weight_decay=None, adam_weight_decay=None)


@pytest.mark.parametrize("shape", [(3, 3, 8, 16), (1, 1, 16, 40)])
def test_all_directions_of_a_kernel_move_as_far(step, muon, shape):
    random = np.random.default_rng(0)
    # Some directions of the gradient are a hundred times as strong as others.
    gradient = random.standard_normal(shape) * np.logspace(-2, 0, shape[-1])
    change = step(muon, gradient.astype("float32")).reshape(-1, shape[-1])
    lengths = np.linalg.svd(change, compute_uv=False) / (0.2 * RATE * np.sqrt(max(change.shape)))
    assert 0.4 < lengths.min() <= lengths.max() < 1.3
    assert np.sum(change * gradient.reshape(change.shape)) < 0


def test_curves_and_biases_move_as_with_adam(step, muon):
    adam = keras.optimizers.Adam(RATE)
    for shape in [(5,), (5, 12)]:
        gradient = np.random.default_rng(1).standard_normal(shape).astype("float32")
        fresh = ConvolutionMuon.from_config(muon.get_config())
        np.testing.assert_allclose(
            step(fresh, gradient), step(adam.from_config(adam.get_config()), gradient), rtol=1e-4
        )


def test_serialises():
    options = {"momentum": 0.8, "ns_steps": 3, "rms_rate": 0.3, "adam_beta_2": 0.95, "weight_decay": 0.1}
    options |= {"adam_weight_decay": 0.2, "global_clipnorm": 2.0, "use_ema": True, "ema_momentum": 0.9}
    config = keras.optimizers.serialize(ConvolutionMuon(RATE, **options))
    restored = keras.optimizers.deserialize(config)
    assert isinstance(restored, ConvolutionMuon)
    assert {name: getattr(restored, name) for name in options} == options
    assert float(restored.learning_rate) == pytest.approx(RATE)
