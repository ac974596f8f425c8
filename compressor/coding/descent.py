"""How a refinement moves latents against a gradient, step by step."""

from typing import Protocol

import numpy as np

from compressor.spec.arrays import Floats
from compressor.spec.constants import ERROR_CURVATURE


class Descent(Protocol):
    """Moves the latents of one tile, step by step."""

    def move(self, latents: Floats, decoded: Floats, gradient: Floats) -> Floats:
        """Return the latents for the next step.

        Args:
            latents: (h, w, C) before they were rounded, in quantisation steps.
            decoded: the latents that these were decoded to.
            gradient: bits by which the error at `decoded`, and for some objectives the rate, rise per
                quantisation step.
        """
        ...


class AveragedTargets:
    """Moves latents towards where the error would be least if it were quadratic with a known curvature.

    The gradient changes with the symbols of other latents, so the latents become the mean of those from the
    analysis and of all targets so far.

    Args:
        worth: bits that a squared quantisation step of error is worth, (C,) or (h, w, C).
    """

    def __init__(self, worth: Floats) -> None:
        self._scale, self._moves = np.float32(1 / (2 * ERROR_CURVATURE)) / worth, 0

    def move(self, latents: Floats, decoded: Floats, gradient: Floats) -> Floats:
        """See `Descent`."""
        target = decoded - gradient * self._scale
        self._moves += 1
        moved: Floats = latents + np.float32(1 / (self._moves + 1)) * (target - latents)
        return moved


class Adam:
    """Moves latents by Adam, with a rate that falls to zero.

    For errors that are far from quadratic: moves are small, however steep the error is, and add up where the
    gradient keeps its sign.

    Args:
        steps: number of moves.

    Reference: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    # Initial rate for ten moves, in quantisation steps. It is higher for fewer moves, and lower for more.
    RATE = 0.02
    DECAY, SQUARED_DECAY = 0.9, 0.99
    # Gradients far below this, in bits per quantisation step, move latents by less than the rate.
    EPSILON = 0.005

    def __init__(self, steps: int) -> None:
        self._rate = self.RATE * (10 / steps) ** 0.5
        self._steps, self._step = steps, 0
        self._mean = self._square = np.zeros((), np.float32)

    def move(self, latents: Floats, decoded: Floats, gradient: Floats) -> Floats:
        """See `Descent`."""
        rate = self._rate * (1 + np.cos(np.pi * self._step / self._steps)) / 2
        self._step += 1
        self._mean = self._mean + (1 - self.DECAY) * (gradient - self._mean)
        self._square = self._square + (1 - self.SQUARED_DECAY) * (gradient**2 - self._square)
        size = np.sqrt(self._square / (1 - self.SQUARED_DECAY**self._step))
        size += self.EPSILON
        moved: Floats = latents - np.float32(rate / (1 - self.DECAY**self._step)) * self._mean / size
        return moved
