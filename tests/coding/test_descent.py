"""Moves that lower an error."""

import numpy as np
import pytest

from compressor.coding.descent import Adam, AveragedTargets
from compressor.spec.constants import ERROR_CURVATURE


@pytest.mark.parametrize("worth", [0.5, np.float32([0.3, 0.6, 2.0])])
def test_averaged_targets_find_the_minimum_of_a_quadratic_error(worth):
    minimum = np.float32([[[-1.2, 0.4, 2.5]]])
    latents = first = np.float32([[[1.0, 0.0, -3.0]]])
    descent = AveragedTargets(np.broadcast_to(worth, 3))
    for move in range(1, 20):
        # What was decoded may differ from the latents: the target starts from it.
        decoded = np.round(latents)
        gradient = 2 * ERROR_CURVATURE * worth * (decoded - minimum)
        latents = descent.move(latents, decoded, gradient)
        np.testing.assert_allclose(latents, (first + move * minimum) / (move + 1), atol=1e-4)


def test_adam_makes_small_moves_that_end_at_zero():
    latents = np.zeros((1, 1, 3), np.float32)
    gradient = np.float32([[[100.0, -1.0, 0.0]]])
    descent, moves = Adam(10), []
    for _ in range(10):
        moved = descent.move(latents, latents, gradient)
        moves.append(np.ravel(moved - latents))
        latents = moved
    assert np.all(np.abs(moves) <= descent.RATE * 1.001)
    # The size of a gradient hardly matters, its sign does.
    assert moves[0][0] == pytest.approx(-moves[0][1], rel=0.02)
    assert moves[0][0] < 0 == moves[0][2]
    assert np.abs(moves[-1]).max() < 0.03 * np.abs(moves[0]).max()
    assert latents.dtype == np.float32


def test_adam_stays_where_gradients_alternate():
    latents = np.zeros((1, 1, 1), np.float32)
    descent = Adam(40)
    for step in range(40):
        latents = descent.move(latents, latents, np.float32([[[(-1) ** step]]]))
    assert np.abs(latents).max() < 2 * descent.RATE
