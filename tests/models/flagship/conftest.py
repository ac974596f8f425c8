"""A Keras model and its exported files, driven by the same symbols."""

from dataclasses import dataclass, field

import numpy as np
import pytest


@dataclass
class Replay:
    """Stands in for `RateDistortionModel.quantise`: gives known symbols, and records its arguments.

    Attributes:
        symbols: arrays in coding order, the side information first.
        residuals: residuals of each call.
        scales: scales of each call.
    """

    symbols: list
    residuals: list = field(default_factory=list)
    scales: list = field(default_factory=list)

    def __call__(self, residual, scale, worth=None):
        from keras import ops

        self.residuals.append(np.asarray(residual))
        self.scales.append(np.asarray(scale))
        symbols = self.symbols[len(self.scales) - 1].reshape(residual.shape)
        return ops.convert_to_tensor(symbols, "float32"), ops.zeros_like(residual)


@pytest.fixture(scope="session")
def replay():
    """Return a function that runs the passes of a Keras model on a tile's symbols.

    It takes the model, latents (h, w, C), a level and a `CodedTile`, and returns the decoded latents
    (h, w, C) and the `Replay`.
    """
    from keras import ops

    from compressor.spec.quality import TOP_LEVEL

    def run(model, latents, level, coded):
        quantise = Replay([coded.side, *(symbols for _, symbols in coded.steps)])
        quality = np.array([level / TOP_LEVEL], np.float32)
        decoded, _ = model.code(ops.convert_to_tensor(latents[None]), quality, quantise)
        return np.asarray(decoded)[0], quantise

    return run
