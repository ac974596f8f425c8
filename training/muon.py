"""The Muon optimizer for kernels of convolutions."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="training")
class ConvolutionMuon(keras.optimizers.Muon):
    """Keras's Muon, applied to kernels of convolutions as matrices (height * width * inputs, outputs).

    `keras.optimizers.Muon` updates kernels of convolutions with Adam, and matrices with Muon, among them this
    project's curves over quality, which are not linear maps. Here, kernels of convolutions get orthogonal
    updates that are as large as Adam's at the same learning rate; all other variables get Adam's updates.

    Reference: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; for the size,
    Liu et al., "Muon is scalable for LLM training", arXiv 2502.16982.
    """

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 4

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign_add(m, (1 - self.momentum) * (gradient - m))
        direction = (1 - self.momentum) * gradient + self.momentum * m if self.nesterov else m
        # The iteration tolerates rounding errors, and takes a large part of the time of a step.
        dtype = keras.config.dtype_policy().compute_dtype
        matrix = ops.cast(ops.reshape(direction, (-1, variable.shape[-1])), dtype)
        update = ops.cast(self.zeropower_via_newtonschulz5(matrix, self.ns_steps), variable.dtype)
        self.assign_sub(variable, lr * ops.reshape(self.lr_adjust(update), variable.shape))
