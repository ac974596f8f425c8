"""What every model of the registry shares: the rate-distortion objective and its metrics."""

import math

import keras
from keras import ops

WEIGHT_MIN, WEIGHT_MAX = 0.0007, 0.25
# Losses are divided by the square root of the weight relative to this one, so that samples of
# different quality pull about equally hard.
REFERENCE_WEIGHT = 0.0132


def distortion_weight(quality):
    """Lambda of `rate + lambda * distortion` for quality 0..1: bits per pixel per squared 8-bit level."""
    return WEIGHT_MIN * (WEIGHT_MAX / WEIGHT_MIN) ** quality


class RateDistortionModel(keras.Model):
    """Base of models that map pictures and qualities to decoded pictures and estimated rates.

    `call` takes {"images": (N, H, W, 3) floats 0..1, "quality": (N,) floats 0..1} and returns
    {"images": decoded, same shape, "bpp": (N,) estimated bits per pixel, "mse": (N,) mean squared
    error in 8-bit levels}.

    The loss is mean((bpp + lambda * mse) / sqrt(lambda / reference)), as in Ballé, Laparra and
    Simoncelli, "End-to-end optimized image compression", ICLR 2017, with one lambda per sample.

    Attributes:
        distortion: takes pictures and decoded pictures, both (N, H, W, 3) floats 0..1, and returns what
            stands in the place of mse in the loss, (N,); None for mse itself. Not saved.
        replicas: how many copies of the model share a batch under a `tf.distribute` strategy, which adds
            up their gradients.
    """

    distortion = None
    replicas = 1

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.bpp_metric = keras.metrics.Mean("bpp")
        self.psnr_metric = keras.metrics.Mean("psnr_db")
        self.loss_metric = keras.metrics.Mean("rd_loss")

    def sample_losses(self, x, outputs):
        """Loss of each sample, (N,)."""
        weight = distortion_weight(x["quality"])
        error = self.distortion(x["images"], outputs["images"]) if self.distortion else outputs["mse"]
        return (outputs["bpp"] + weight * error) / ops.sqrt(weight / REFERENCE_WEIGHT)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(self.sample_losses(x, y_pred)) / self.replicas

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.bpp_metric.update_state(y_pred["bpp"])
        mse = ops.maximum(y_pred["mse"], 1e-6)
        self.psnr_metric.update_state(10 * ops.log(255.0**2 / mse) / math.log(10))
        self.loss_metric.update_state(self.sample_losses(x, y_pred))
        return self.get_metrics_result()
