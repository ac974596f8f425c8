"""The two objectives of a refinement: the error that it lowers, and how latents follow its gradient.

Both lower rate + lambda x error, where the error is that of the training of the model. Rounding
(`compressor.coding.rounding`) weighs the rate against a squared error, so the latents that it is given are to
be such that the symbols nearest to them lower the true error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from compressor.images.ssimulacra2_gradient import Ssimulacra2Gradient
from compressor.models.runtime import Slope
from compressor.spec.arrays import Floats
from compressor.spec.constants import PIXEL_OFFSET, SAVING_SHARE, SSIMULACRA2_SCALE

# Weight of the squared error besides SSIMULACRA 2.
MSE_SHARE = 0.4


class Descent(Protocol):
    """Moves the latents of one tile, step by step."""

    def move(self, latents: Floats, decoded: Floats, gradient: Floats) -> Floats:
        """Return the latents for the next step.

        Args:
            latents: (h, w, C) before they were rounded, in quantisation steps.
            decoded: those that were decoded.
            gradient: bits by which the error at `decoded` rises per quantisation step.
        """
        ...


class AveragedTargets:
    """Moves latents to where the error would be least if it were quadratic with a known curvature.

    The symbols of other latents change from step to step, and with them the gradient, so that each move goes
    only a part of the way.

    Args:
        worth: bits that a squared quantisation step of error is worth, (C,) or (h, w, C).
        steps: number of moves; not used.
    """

    RATE = 0.2
    # Part of the errors of neighbours cancel each other, so the curvature is below the worth.
    CURVATURE = 0.65

    def __init__(self, worth: Floats, steps: int) -> None:
        self._scale = np.float32(1 / (2 * self.CURVATURE)) / worth

    def move(self, latents: Floats, decoded: Floats, gradient: Floats) -> Floats:
        """See `Descent`."""
        target = decoded - gradient * self._scale
        moved: Floats = latents + np.float32(self.RATE) * (target - latents)
        return moved


class Adam:
    """Moves latents by Adam, with a rate that falls to zero.

    For errors that are far from quadratic: each move is small, whatever the gradient, and goes further where
    the gradient has the same sign in many steps.

    Args:
        worth: not used.
        steps: number of moves.

    Reference: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    # Of ten moves, in quantisation steps; more moves are smaller.
    RATE = 0.01
    DECAY, SQUARED_DECAY = 0.9, 0.99
    # Gradients far below this, in bits per quantisation step, move latents by less than the rate.
    EPSILON = 0.005

    def __init__(self, worth: Floats, steps: int) -> None:
        self._rate = self.RATE * (10 / steps) ** 0.5
        self._steps, self._step = steps, 0
        self._mean: Floats | float = 0.0
        self._square: Floats | float = 0.0

    def move(self, latents: Floats, decoded: Floats, gradient: Floats) -> Floats:
        """See `Descent`."""
        rate = self._rate * (1 + np.cos(np.pi * self._step / self._steps)) / 2
        self._step += 1
        self._mean = self.DECAY * self._mean + (1 - self.DECAY) * gradient
        self._square = self.SQUARED_DECAY * self._square + (1 - self.SQUARED_DECAY) * gradient**2
        mean = self._mean / (1 - self.DECAY**self._step)
        size = np.sqrt(self._square / (1 - self.SQUARED_DECAY**self._step)) + np.float32(self.EPSILON)
        moved: Floats = latents - np.float32(rate) * mean / size
        return moved


def squared_error(original: Floats) -> Slope:
    """Return the slope of the mean squared error per pixel from an original (H, W, 3), pixels minus 128."""
    return lambda pixels: np.float32(2 / 3) * (pixels - original)


def _unit(pixels: Floats) -> Floats:
    """Convert pixels minus 128 to 0..1."""
    unit: Floats = (pixels + np.float32(PIXEL_OFFSET)) / np.float32(255)
    return unit


def perceptual_error(original: Floats) -> Slope:
    """Return the slope of a weighted sum of squared error and SSIMULACRA 2, per pixel.

    Args:
        original: (H, W, 3), pixels minus 128.
    """
    squared = squared_error(original)
    of_distance = Ssimulacra2Gradient(_unit(original))
    num_pixels = original.shape[0] * original.shape[1]
    weight = np.float32((1 - MSE_SHARE) * SSIMULACRA2_SCALE * num_pixels / 255)

    def slope(pixels: Floats) -> Floats:
        _, gradient = of_distance(_unit(pixels))
        result: Floats = np.float32(MSE_SHARE) * squared(pixels) + weight * gradient
        return result

    return slope


@dataclass(frozen=True, slots=True)
class Objective:
    """What a refinement lowers, and how.

    Attributes:
        slope: converts an original (H, W, 3), pixels minus 128, to the function that returns the slope of the
            error for decoded pixels. The error is that of the mean pixel, in squared 8-bit levels, times the
            number of pixels.
        descent: creates, from the worth of a squared step and the number of steps, what moves the latents.
        saving_share: see `compressor.coding.rounding`.
    """

    slope: Callable[[Floats], Slope]
    descent: Callable[[Floats, int], Descent]
    saving_share: float


# By the metric that a model is trained for.
OBJECTIVES = {
    "mse": Objective(squared_error, AveragedTargets, 1.0),
    "ssimulacra2": Objective(perceptual_error, Adam, SAVING_SHARE),
}
