"""Automatic differentiation."""

import keras
import pytest

from demos import autodiff


def test_gradient():
    assert autodiff.gradient(lambda x: x**3, 2.0) == 12
    assert autodiff.gradient(lambda x: keras.ops.stop_gradient(x), 2.0) is None


def test_descent_with_and_without_accumulation():
    assert autodiff.descend(3, 0.1, False) == pytest.approx([0.8, 0.64, 0.512])
    # Gradients 2, then 2 + 1.6, then 3.6 + 0.88.
    assert autodiff.descend(3, 0.1, True) == pytest.approx([0.8, 0.44, 0.008], abs=1e-6)


def test_accumulated_gradients_overshoot():
    path = autodiff.descend(40, 0.1, True)
    assert max(path[-10:]) > 0.5
