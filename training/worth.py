"""The worth of errors: the bits that a squared quantisation step costs, measured by channel and quality.

The encoder and training weigh the bits of a symbol against its error by this number. For a mean squared error
it is nearly known in advance. For a perceptual distortion there is no closed form, and the worth of channels
differs by a factor of more than ten.
"""

from functools import partial

import keras
import numpy as np
from keras import ops

from compressor.models.base import RateDistortionModel, distortion_weight
from compressor.spec.quality import NUM_KNOTS
from training.data import Crops
from training.run_folder import step_of

# Amplitude, in quantisation steps, of the errors over which the curvature of the distortion is measured: as
# large as those of coding.
AMPLITUDE = 0.5
# Number of batches per quality, and their size, which is rounded up to whole groups.
BATCHES, BATCH = 8, 8
SEED = 12345
# The least worth of a channel, as a share of the median: noise can make a measured one small or negative.
LEAST_SHARE = 0.1
# Steps until the first measurement of a run; later intervals double, since weights change less and less.
FIRST_INTERVAL = 1000


def gradient(function, x):
    """Return the gradient of a scalar function of one tensor, on the current backend.

    Args:
        function: scalar function of one tensor.
        x: tensor at which the gradient is taken.
    """
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(function)(x)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x)


def compiled(model: keras.Model, function):
    """Compile a function of arrays that reads a model's variables, for the current backend.

    The variables may change between calls.

    Args:
        model: model whose variables the function reads.
        function: function that takes and returns arrays.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    import jax

    @jax.jit
    def stateless(values, *arguments):
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values, strict=True))):
            return function(*arguments)

    return lambda *arguments: stateless([variable.value for variable in model.variables], *arguments)


def worth_estimator(model: RateDistortionModel):
    """Return a function that estimates the worth of each channel on a batch of pictures.

    Args:
        model: trained model, whose `distortion` is measured.

    Returns:
        A function of pictures, (N, H, W, 3) floats 0..1, and qualities, (N,) floats 0..1. It returns (C,)
        bits per squared step. The first call for a shape compiles it.

    Reference: the diagonal of the Hessian, by Hutchinson's estimator: Bekas, Kokiopoulou and Saad, "An
    estimator for the diagonal of a matrix", Applied Numerical Mathematics 57, 2007.
    """

    def estimate(images, quality):
        num_pixels = images.shape[1] * images.shape[2]
        decoded, _ = model.analyse_and_code(images, quality, partial(model.quantise, training=False))
        signs = np.random.default_rng(SEED).choice(np.float32([-1, 1]), decoded.shape)

        def bits(latents):
            pictures = model.synthesise(latents, quality)
            error = model.distortion(images, pictures)
            return ops.sum(distortion_weight(quality) * num_pixels * error)

        above, below = (gradient(bits, decoded + sign * AMPLITUDE * signs) for sign in (1, -1))
        return ops.mean(signs * (above - below), axis=(0, 1, 2)) / (4 * AMPLITUDE)

    return compiled(model, estimate)


def measure_worth(model: RateDistortionModel, photos, crop: int, group: int = 1, estimate=None) -> None:
    """Measure the worth of errors on crops of photographs, and set a model's `log_worth`.

    Args:
        model: trained model.
        photos: uint8 arrays (H, W, 3), each side at least `crop`.
        crop: side of the crops in pixels, divisible by 64.
        group: number of crops of one photograph that the model's distortion compares together.
        estimate: `worth_estimator` of the model; created if None.
    """
    estimate = estimate or worth_estimator(model)
    batch = -(-BATCH // group) * group
    crops = Crops(photos, batch, crop, NUM_KNOTS * BATCHES, seed=SEED, crops_per_photo=group)
    worth = np.zeros((NUM_KNOTS, model.channels))
    for number in range(NUM_KNOTS * BATCHES):
        knot = number % NUM_KNOTS
        quality = np.full(batch, knot / (NUM_KNOTS - 1), np.float32)
        worth[knot] += ops.convert_to_numpy(estimate(crops[number][0]["images"], quality)) / BATCHES
    least = LEAST_SHARE * np.median(worth, axis=1, keepdims=True)
    model.log_worth.values.assign(np.log(np.maximum(worth, np.maximum(least, 1e-3))))


class MeasureWorth(keras.callbacks.Callback):
    """Measure the worth of errors after 1,000, 2,000, 4,000... steps, and at the end if a run is that long.

    A run from trained weights also begins with a measurement.

    Args:
        photos: see `measure_worth`.
        crop: see `measure_worth`.
        group: see `measure_worth`.
        at_start: whether the weights are trained at step 0.
    """

    def __init__(self, photos, crop: int, group: int, at_start: bool) -> None:
        super().__init__()
        self._photos, self._crop, self._group, self._at_start = photos, crop, group, at_start

    def on_train_begin(self, logs=None):
        self._estimate = worth_estimator(self.model)
        self._last = step_of(self.model)
        if self._last == 0 and self._at_start:
            self._measure()

    def on_epoch_end(self, epoch, logs=None):
        step = step_of(self.model)
        is_last = epoch == self.params["epochs"] - 1
        if intervals(step) > (0 if is_last else intervals(self._last)):
            self._measure()
        self._last = step

    def _measure(self):
        measure_worth(self.model, self._photos, self._crop, self._group, self._estimate)


def intervals(step: int) -> int:
    """Return the number of measurements that are due by a step of a run.

    Example:
        >>> [intervals(step) for step in (999, 1000, 1999, 2000, 4000)]
        [0, 1, 1, 2, 3]
    """
    return (step // FIRST_INTERVAL).bit_length()
