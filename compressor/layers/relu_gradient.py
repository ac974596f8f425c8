"""What a gradient passes on its way back through a layer."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="compressor")
class ReluGradient(keras.layers.Layer):
    """The gradient before a ReLU: what came after it where the ReLU let something pass, 0 elsewhere.

    Inputs: gradient and output of the ReLU, of one shape. Output: that shape.
    """

    def call(self, inputs):
        gradient, active = inputs
        return gradient * ops.cast(active > 0, gradient.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
