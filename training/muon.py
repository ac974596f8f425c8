"""Muon for convolutions: updates whose directions are all equally long."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="training")
class ConvolutionMuon(keras.optimizers.Muon):
    """Keras' Muon, with a convolution's kernel as the matrix (height * width * inputs, outputs).

    Keras' own leaves kernels of convolutions to Adam, and would take curves over quality, which are no
    linear maps, for matrices. Here it is the other way round: kernels get orthogonal updates of the size
    that Adam's have at the same learning rate, all else Adam's.

    Reference: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; for the size,
    Liu et al., "Muon is scalable for LLM training", arXiv 2502.16982.
    """

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 4

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign_add(m, (1 - self.momentum) * (gradient - m))
        direction = (1 - self.momentum) * gradient + self.momentum * m if self.nesterov else m
        # The iteration bears rounding, and takes as long as a good part of the step.
        dtype = keras.config.dtype_policy().compute_dtype
        matrix = ops.cast(ops.reshape(direction, (-1, variable.shape[-1])), dtype)
        update = ops.cast(self.zeropower_via_newtonschulz5(matrix, self.ns_steps), variable.dtype)
        self.assign_sub(variable, lr * ops.reshape(self.lr_adjust(update), variable.shape))
