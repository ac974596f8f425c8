"""The textbook baseline: two strided convolutions, two transposed ones, a factorised prior."""

import keras
import numpy as np
from keras import layers, ops

from compressor.layers import QualityCurve
from compressor.layers.density import clip_log_scale
from compressor.models.base import RateDistortionModel, nominal_step, worth_curve
from compressor.spec.constants import PIXEL_OFFSET, PIXEL_SCALE


@keras.saving.register_keras_serializable(package="compressor")
class Cnn(RateDistortionModel):
    """Convolutional autoencoder with a factorised prior, for comparison in reports.

        x -> Conv2D 64, stride 2, ReLU -> Conv2D 32, stride 2 -> gain -> round -> coder
        inverse gain -> Conv2DTranspose 64, stride 2, ReLU -> Conv2DTranspose 3, stride 2 -> picture

    Each channel has one zero-mean logistic density; gains and densities depend on quality.

    Args:
        hidden: channels at half resolution.
        channels: latent channels, at quarter resolution.
        kernel: size of all convolutions.

    Input: see `RateDistortionModel`; H and W divisible by 4.

    Reference: Ballé, Laparra and Simoncelli, "End-to-end optimized image compression", ICLR 2017
    (with ReLU in the place of generalised divisive normalisation).
    """

    family = "cnn"
    divisor = 4

    def __init__(self, hidden=64, channels=32, kernel=5, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.config = {"hidden": hidden, "channels": channels, "kernel": kernel}
        self.channels = channels
        self.analysis = keras.Sequential(
            [
                layers.Input((None, None, 3)),
                layers.Conv2D(hidden, kernel, 2, "same", activation="relu"),
                layers.Conv2D(channels, kernel, 2, "same"),
            ],
            name="analysis",
        )
        self.synthesis = keras.Sequential(
            [
                layers.Input((None, None, channels)),
                layers.Conv2DTranspose(hidden, kernel, 2, "same", activation="relu"),
                layers.Conv2DTranspose(3, kernel, 2, "same"),
            ],
            name="synthesis",
        )
        self.log_gain = QualityCurve(channels, name="log_gain")
        self.log_inverse_gain = QualityCurve(channels, name="log_inverse_gain")
        self.log_scale = QualityCurve(channels, name="log_scale")
        self.log_worth = worth_curve(channels)

    def build(self, input_shape=None):
        if self.built:
            return
        for curve in (self.log_gain, self.log_inverse_gain, self.log_scale, self.log_worth):
            curve.build((None,))
        self.built = True

    def get_config(self):
        return {**super().get_config(), **self.config}

    def adapt(self, images: np.ndarray) -> None:
        """Build the model: unlike the flagship, it has nothing to measure."""
        self.build()

    def gains(self, quality):
        """Gain and inverse gain of each channel at a quality, (N, 1, 1, C)."""
        step = nominal_step(quality) / PIXEL_SCALE
        return ops.exp(self.log_gain(quality)) / step, ops.exp(self.log_inverse_gain(quality)) * step

    def analyse(self, images, quality):
        """See `RateDistortionModel`."""
        coefficients = self.analysis((255 * images - PIXEL_OFFSET) / PIXEL_SCALE)
        return ops.cast(coefficients, "float32") * self.gains(quality)[0]

    def code(self, latents, quality, quantise):
        """See `RateDistortionModel`."""
        scale = ops.exp(clip_log_scale(self.log_scale(quality)))
        symbols, bits = quantise(latents, scale, worth=ops.exp(self.log_worth(quality)))
        return symbols, ops.sum(bits, axis=(1, 2, 3))

    def synthesise(self, latents, quality):
        """See `RateDistortionModel`."""
        decoded = ops.cast(self.synthesis(latents * self.gains(quality)[1]), "float32")
        return (decoded * PIXEL_SCALE + PIXEL_OFFSET) / 255
