"""One model, every quality: per-channel values interpolated over the quality axis."""

import keras
from keras import ops

from compressor.spec.quality import NUM_KNOTS


@keras.saving.register_keras_serializable(package="compressor")
class QualityCurve(keras.layers.Layer):
    """A trainable value per channel that depends on quality, linear between equidistant knots.

    With logarithms as values this is the log-interpolated gain of a variable-rate model.

    Args:
        channels: number of values.
        knots: number of equidistant points on the quality axis, at least 2.
        initializer: initializer of the values.

    Input shape: (N,), quality in 0..1 (clipped).
    Output shape: (N, 1, 1, channels).

    Raises:
        ValueError: if an argument or the input's shape is not as described.

    Reference: Cui et al., "Asymmetric gained deep image compression with continuous rate
    adaptation", CVPR 2021.
    """

    def __init__(self, channels: int, knots: int = NUM_KNOTS, initializer="zeros", **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)
        if knots < 2 or channels < 1:
            raise ValueError(
                f"expected at least 1 channel and 2 knots, received {channels} channels and {knots} knots"
            )
        self.channels = channels
        self.knots = knots
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        self.values = self.add_weight(
            shape=(self.knots, self.channels), initializer=self.initializer, name="values"
        )
        self.built = True

    def call(self, quality):
        if len(quality.shape) != 1:
            raise ValueError(f"expected qualities of shape (N,), received {tuple(quality.shape)}")
        position = ops.clip(quality, 0.0, 1.0) * (self.knots - 1)
        # Hat functions instead of a gather: one small matrix product, and the same on every backend.
        weights = ops.relu(1.0 - ops.abs(position[:, None] - ops.arange(self.knots, dtype="float32")))
        return ops.matmul(weights, self.values)[:, None, None, :]

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "knots": self.knots,
            "initializer": keras.initializers.serialize(self.initializer),
        }
