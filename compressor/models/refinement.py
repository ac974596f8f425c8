"""Latents of one picture, improved by gradient: training, with the latents as the only weights."""

import keras
import numpy as np
from keras import ops

from compressor.layers.density import LOG_SCALE_STEP, SCALE_MIN
from compressor.models.base import RateDistortionModel

LEARNING_RATE = 0.05
# Of the choice between two integers: from one where both are likely to almost the nearest.
FIRST_TEMPERATURE, LAST_TEMPERATURE = 0.3, 0.1


def table_bits(symbols, scale, bits):
    """Bits of symbols under the coder's own tables, linear between integers and between scale indices.

    Args:
        symbols: float tensor.
        scale: positive float tensor, broadcast against `symbols`.
        bits: (indices, magnitudes) float tensor, see `ScaleTables.bits`; the last magnitude stands for all
            larger ones.
    """
    indices, magnitudes = ops.shape(bits)
    magnitude = ops.clip(ops.abs(symbols), 0, magnitudes - 1.001)
    index = ops.clip((ops.log(scale) - np.log(SCALE_MIN)) / LOG_SCALE_STEP, 0, indices - 1.001)
    whole, row = ops.floor(magnitude), ops.stop_gradient(ops.floor(index))
    part, between = magnitude - ops.stop_gradient(whole), index - row
    first = ops.cast(row * magnitudes + whole, "int32")

    def along(start):
        low, high = (ops.take(ops.reshape(bits, (-1,)), start + step) for step in (0, 1))
        return low + part * (high - low)

    low, high = along(first), along(first + magnitudes)
    return low + between * (high - low)


class Refinement(RateDistortionModel):
    """Stochastic Gumbel annealing: a soft, random choice between rounding up and down that hardens.

    Args:
        model: trained; it stays as it is.
        bits: (indices, magnitudes), see `ScaleTables.bits`.
        steps: length of a refinement.

    Reference: Yang, Bamler and Mandt, "Improving inference for neural image compression", NeurIPS 2020.
    """

    def __init__(self, model: RateDistortionModel, bits: np.ndarray, steps: int, **kwargs):
        super().__init__(**kwargs)
        self.model, self.table = model, ops.convert_to_tensor(bits)
        self.model.trainable = False
        self.temperature = keras.optimizers.schedules.ExponentialDecay(
            FIRST_TEMPERATURE, steps, LAST_TEMPERATURE / FIRST_TEMPERATURE
        )
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, alpha=0.1)
        # XLA's compilation takes longer than a refinement on a CPU.
        self.compile(keras.optimizers.Adam(rate), jit_compile=False)

    def build(self, input_shape=None):
        self.built = True

    def hold(self, latents: np.ndarray) -> None:
        """Set the latents (1, h, w, C) to begin with; later ones must have the same shape."""
        if not self.trainable_variables:
            self.latents = self.add_weight(shape=latents.shape, name="latents")
        self.latents.assign(latents)
        if self.optimizer.built:
            for variable in self.optimizer.variables:
                variable.assign(ops.zeros_like(variable))

    def analyse(self, images, quality):
        """The latents held, whatever the pictures."""
        return self.latents

    def code(self, latents, quality, quantise):
        """See `RateDistortionModel`."""
        return self.model.code(latents, quality, quantise)

    def synthesise(self, latents, quality):
        """See `RateDistortionModel`."""
        return self.model.synthesise(latents, quality)

    def quantise(self, residual, scale, dead_zone=0.0, worth=None, *, training):
        """See `RateDistortionModel`."""
        below = ops.stop_gradient(ops.floor(residual))
        part = ops.clip(residual - below, 1e-4, 1 - 1e-4)
        temperature = self.temperature(self.optimizer.iterations)
        # The difference of two Gumbel variables is logistic.
        chance = keras.random.uniform(ops.shape(part), 1e-4, 1 - 1e-4, seed=self.noise)
        noise = ops.log(chance) - ops.log(1 - chance)
        preference = ops.arctanh(part) - ops.arctanh(1 - part)
        symbols = below + ops.sigmoid(preference / temperature + noise)
        return symbols, table_bits(symbols, scale, self.table)
