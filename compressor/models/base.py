"""The base of all models: the rate-distortion objective and its metrics."""

import math
from functools import partial

import keras
from keras import ops

from compressor.layers import (
    QualityCurve,
    logistic_bits,
    round_weighed,
    straight_through,
    training_bits,
)
from compressor.spec.constants import SAVING_SHARE, SQUARED_STEP_WEIGHT, WEIGHT_MAX, WEIGHT_MIN

# Losses are divided by the square root of the weight relative to this one, so that samples of
# different quality pull about equally hard.
REFERENCE_WEIGHT = 0.0132


def nominal_step(quality):
    """Return the nominal quantisation step for quality 0..1, in 8-bit levels, (N, 1, 1, 1)."""
    return ops.sqrt(SQUARED_STEP_WEIGHT / distortion_weight(quality))[:, None, None, None]


def distortion_weight(quality):
    """Return lambda for quality 0..1, in bits per pixel per squared 8-bit level."""
    return WEIGHT_MIN * (WEIGHT_MAX / WEIGHT_MIN) ** quality


def worth_curve(channels):
    """Return the curve of the bits that a squared quantisation step of error is worth, as logarithms.

    It is measured, not trained. Until then it has the value of an orthonormal transform with nominal steps,
    whose error spreads over three samples a pixel.
    """
    initial = keras.initializers.Constant(math.log(SQUARED_STEP_WEIGHT / 3))
    return QualityCurve(channels, initializer=initial, trainable=False, name="log_worth")


def mean_squared_error(pictures, images):
    """Return the mean squared error of pictures 0..1, in squared 8-bit levels, (N,)."""
    return ops.mean(ops.square(255 * (pictures - images)), axis=(1, 2, 3))


class RateDistortionModel(keras.Model):
    """Base of models that map pictures and qualities to decoded pictures and estimated rates.

    A subclass defines three methods that take a batch of N samples, and one that prepares the model:

        analyse(images, quality): pictures 0..1 -> latents (N, h, w, C) in quantisation steps
        code(latents, quality, quantise): latents -> decoded latents and bits (N,); `quantise` is the method
            of that name, or stands in for it
        synthesise(latents, quality): decoded latents -> pictures 0..1, not clipped
        adapt(images): builds the model, and sets the values that are measured rather than trained, from
            sample pictures 0..1

    For training and export, it also has the attributes `config` (its own arguments by name, JSON values),
    `channels` (C), and the curves `log_gain`, `log_inverse_gain` and `log_worth`, each a `QualityCurve` of C
    values.

    `call` takes {"images": (N, H, W, 3) floats 0..1, "quality": (N,) floats 0..1} and returns
    {"images": decoded, same shape, "bpp": (N,) estimated bits per pixel, "mse": (N,) mean squared
    error in squared 8-bit levels}.

    The loss is mean((bpp + lambda * mse) / sqrt(lambda / reference)), as in Ballé, Laparra and
    Simoncelli, "End-to-end optimized image compression", ICLR 2017, with one lambda per sample.

    Attributes:
        family: name in the registry.
        divisor: number by which the height and the width of pictures must be divisible.
        saving_share: see `compressor.coding.rounding.RateDistortionRounding`.
        replicas: how many copies of the model share a batch under a `tf.distribute` strategy, which adds
            up their gradients.
    """

    family = ""
    divisor = 1
    saving_share = SAVING_SHARE
    replicas = 1

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.bpp_metric = keras.metrics.Mean("bpp")
        self.psnr_metric = keras.metrics.Mean("psnr_db")
        self.loss_metric = keras.metrics.Mean("rd_loss")

    def distortion(self, images, pictures):
        """Return the distortion of each sample in the loss, (N,). A run may replace it; it is not saved.

        Args:
            images, pictures: original and decoded, (N, H, W, 3) floats 0..1.
        """
        return mean_squared_error(pictures, images)

    def quantise(self, residual, scale, worth=None, *, training):
        """Residuals and their scales -> symbols and estimated bits, element by element.

        With `worth`, the bits that a squared step of error is worth, each symbol's bits are weighed against
        its error; without it, residuals are rounded.
        """
        if worth is None:
            symbols = ops.round(residual)
        else:
            symbols = round_weighed(residual, scale, worth, self.saving_share)
        symbols = straight_through(residual, symbols)
        if training:
            return symbols, training_bits(residual, symbols, scale)
        return symbols, logistic_bits(symbols, scale)

    def analyse_and_code(self, images, quality, quantise):
        """Pictures (N, H, W, 3) 0..1 -> decoded latents (N, h, w, C) and the bits of each sample (N,)."""
        return self.code(self.analyse(images, quality), quality, quantise)

    def call(self, inputs, training=False):
        images, quality = inputs["images"], inputs["quality"]
        _, height, width, _ = ops.shape(images)
        sides = images.shape[1:3]
        if any(side is not None and side % self.divisor for side in sides):
            raise ValueError(
                f"received pictures of {sides[1]}x{sides[0]} pixels, "
                f"expected sides divisible by {self.divisor}: crop or pad them"
            )
        latents, bits = self.analyse_and_code(images, quality, partial(self.quantise, training=training))
        pictures = self.synthesise(latents, quality)
        bpp = bits / (height * width)
        return {"images": pictures, "bpp": bpp, "mse": mean_squared_error(pictures, images)}

    def sample_losses(self, x, outputs):
        """Loss of each sample, (N,)."""
        weight = distortion_weight(x["quality"])
        error = self.distortion(x["images"], outputs["images"])
        return (outputs["bpp"] + weight * error) / ops.sqrt(weight / REFERENCE_WEIGHT)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(self.sample_losses(x, y_pred)) / self.replicas

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.bpp_metric.update_state(y_pred["bpp"])
        mse = ops.maximum(y_pred["mse"], 1e-6)
        self.psnr_metric.update_state(10 * ops.log(255.0**2 / mse) / math.log(10))
        self.loss_metric.update_state(self.sample_losses(x, y_pred))
        return self.get_metrics_result()
