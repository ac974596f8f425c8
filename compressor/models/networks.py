"""The convolutional networks of the flagship, as small functional models (paper letters in brackets)."""

import keras
from keras import layers

from compressor.layers import DepthToSpace

# Activations ahead of the entropy coder are integers 0..255 when coding: 1/32 steps, capped.
ACTIVATION_STEPS = 32
ACTIVATION_MAX = 255 / ACTIVATION_STEPS


# Means and scales need all of float32: a mean of some hundred steps rounded to bfloat16 is off by a step.
# The transform networks only correct, and follow the global policy.
ENTROPY_DTYPE = "float32"


def _conv(channels, kernel=3, strides=1, activation="relu", zeros=False, **kwargs):
    initial = "zeros" if zeros else "he_normal" if activation else "glorot_uniform"
    kwargs.setdefault("padding", "same")
    return layers.Conv2D(
        channels, kernel, strides, activation=activation, kernel_initializer=initial, **kwargs
    )


def _entropy_conv(*args, **kwargs):
    return _conv(*args, dtype=ENTROPY_DTYPE, **kwargs)


def _capped(x):
    return layers.ReLU(ACTIVATION_MAX, dtype=ENTROPY_DTYPE)(x)


def _finer(x):
    return DepthToSpace(2, dtype=ENTROPY_DTYPE)(x)


def _residual(x, channels):
    """Residual block that starts as the identity."""
    return layers.Add()([x, _conv(channels, activation=None, zeros=True)(_conv(channels)(x))])


def analysis_network(channels: int, width: int, activation: str) -> keras.Model:
    """[f] Picture / 64 and quality plane (N, H, W, 4) -> correction of the latents (N, H/16, W/16, C).

    The output starts at zero; it is in units of the quantisation step.
    """
    quarter, eighth = width * 3 // 8, width * 3 // 4
    inputs = layers.Input((None, None, 4))
    x = _conv(quarter, 8, 4, activation)(inputs)
    x = _residual(_residual(x, quarter), quarter)
    x = _conv(eighth, 3, 2, activation)(x)
    x = _residual(_residual(x, eighth), eighth)
    x = _conv(width, 3, 2, activation)(x)
    x = _residual(_residual(x, width), width)
    return keras.Model(inputs, _conv(channels, activation=None, zeros=True)(x), name="analysis")


def synthesis_network(width: int, stride: int, blocks: int) -> keras.Model:
    """[g] Decoded picture / 64 and quality plane (N, H, W, 4) -> correction of the picture (N, H, W, 3).

    A filter at 1/stride of the resolution between a strided and a transposed convolution. Starts at zero.
    """
    inputs = layers.Input((None, None, 4))
    x = _conv(width, 2 * stride, stride)(inputs)
    for _ in range(blocks):
        x = _residual(x, width)
    outputs = layers.Conv2DTranspose(3, 2 * stride, stride, "same", kernel_initializer="zeros")(x)
    return keras.Model(inputs, outputs, name="synthesis")


def hyper_analysis_network(channels: int, width: int, side: int, activation: str) -> keras.Model:
    """[h_a] Log-magnitudes of the latents and quality plane (N, h, w, C + 1) -> (N, h/4, w/4, side)."""
    inputs = layers.Input((None, None, channels + 1))
    x = _entropy_conv(width, activation=activation)(inputs)
    x = _entropy_conv(width, 3, 2, activation)(x)
    return keras.Model(inputs, _entropy_conv(side, 3, 2, None)(x), name="hyper_analysis")


def hyper_mean_network(side: int, features: int, activation: str) -> keras.Model:
    """[h_s] Side information / 4 and quality plane (N, h/4, w/4, side + 1) -> features (N, h, w, F)."""
    inputs = layers.Input((None, None, side + 1))
    x = _finer(_entropy_conv(4 * features, activation=activation)(inputs))
    x = _finer(_entropy_conv(4 * features, activation=activation)(x))
    return keras.Model(inputs, x, name="hyper_mean")


def hyper_scale_network(side: int, features: int) -> keras.Model:
    """[h_s] Side information / 4 (N, h/4, w/4, side) and a bias per quality -> features (N, h, w, F).

    Runs in integer arithmetic when coding: only convolutions and capped ReLUs.
    """
    inputs = layers.Input((None, None, side))
    bias = layers.Input((1, 1, 4 * features))
    x = layers.Add(dtype=ENTROPY_DTYPE)(
        [_entropy_conv(4 * features, activation=None, use_bias=False, name="first")(inputs), bias]
    )
    x = _finer(_capped(x))
    x = _finer(_capped(_entropy_conv(4 * features, activation=None, name="second")(x)))
    return keras.Model([inputs, bias], x, name="hyper_scale")


def context_network(
    seen: int,
    kernel: int,
    stride: int,
    features: int,
    hidden: int,
    outputs: int,
    activation: str,
    name: str,
) -> keras.Model:
    """What one pass makes of earlier passes: window of `seen` channels, hyper features -> `outputs`.

    Args:
        seen: channels of the zero-padded window that is looked at; 0 for the first pass.
        kernel, stride: of the convolution over the window; it is 'valid'.
        activation: "capped_relu" for networks that run in integer arithmetic when coding, or one of Keras.

    Output shape: (N, positions down, positions across, outputs). Starts at zero.
    """
    active = _capped if activation == "capped_relu" else layers.Activation(activation, dtype=ENTROPY_DTYPE)
    near = layers.Input((None, None, features))
    inputs, x = near, _entropy_conv(hidden, 1, activation=None, name="features")(near)
    if seen:
        window = layers.Input((None, None, seen))
        around = _entropy_conv(hidden, kernel, stride, None, padding="valid", use_bias=False, name="window")
        inputs, x = [window, near], layers.Add(dtype=ENTROPY_DTYPE)([around(window), x])
    x = active(_entropy_conv(hidden, 1, activation=None, name="hidden")(active(x)))
    return keras.Model(
        inputs, _entropy_conv(outputs, 1, activation=None, zeros=True, name="outputs")(x), name=name
    )
