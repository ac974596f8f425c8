"""The backward pass of a ReLU as a layer."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="compressor")
class ReluGradient(keras.layers.Layer):
    """The gradient at the input of a ReLU: that at its output where the output is above 0, and 0 elsewhere.

    Inputs: gradient and output of the ReLU, of one shape. Output: that shape.
    """

    def call(self, inputs):
        gradient, active = inputs
        return gradient * ops.cast(active > 0, gradient.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
