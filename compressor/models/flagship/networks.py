"""The convolutional networks of the flagship, as small functional models (paper letters in brackets)."""

from functools import partial

import keras
from keras import layers

from compressor.layers import (
    DepthToSpace,
    DynamicEightBitConv2D,
    EightBitConv2D,
    EightBitConv2DTranspose,
    EightBits,
)
from compressor.spec.constants import ACTIVATION_MAX, ACTIVATION_STEPS
from compressor.spec.passes import CodingPass

# Largest activation of the networks that run in integers when coding.
CAP = ACTIVATION_MAX / ACTIVATION_STEPS
# Activation of the correction, hyper-analysis and mean networks. Their layers have no bypass, and with ReLUs,
# whole layers died in training.
ACTIVATION = "leaky_relu"
# The synthesis filter works at half the resolution.
FILTER_STRIDE = 2

# Means and scales need all of float32: a mean of some hundred steps rounded to bfloat16 is off by a step.
# The transform networks only correct, and follow the global policy.
ENTROPY_DTYPE = "float32"


def _conv(channels, kernel=3, strides=1, activation="relu", zeros=False, kind=layers.Conv2D, **kwargs):
    initial = "zeros" if zeros else "he_normal" if activation else "glorot_uniform"
    kwargs.setdefault("padding", "same")
    return kind(channels, kernel, strides, activation=activation, kernel_initializer=initial, **kwargs)


def _entropy_conv(*args, **kwargs):
    return _conv(*args, dtype=ENTROPY_DTYPE, **kwargs)


def _capped(x):
    return layers.ReLU(CAP, dtype=ENTROPY_DTYPE)(x)


def _finer(x):
    return DepthToSpace(2, dtype=ENTROPY_DTYPE)(x)


def _residual(x, channels, hidden):
    """Residual block that starts as the identity."""
    return layers.Add()([x, _conv(channels, activation=None, zeros=True)(_conv(hidden)(x))])


def _eight_bit_residual(x, channels):
    """Residual block with 8-bit inputs, outputs and intermediate activations; starts as the identity."""
    hidden = EightBits()(_conv(channels, kind=EightBitConv2D)(x))
    branch = _conv(channels, activation=None, zeros=True, kind=EightBitConv2D)(hidden)
    return EightBits()(layers.Add()([x, EightBits()(branch)]))


def correction_network(channels: int, width: int) -> keras.Model:
    """[f] Picture / 64 and quality plane (N, H, W, 4) -> correction of the latents (N, H/16, W/16, C).

    The output starts at zero. Its unit is a quantisation step, or the mean magnitude of the channel where
    that is smaller.
    """
    quarter, eighth = width * 3 // 8, width * 3 // 4
    # With as many hidden channels as outputs, all but one died in training (see docs/experiments.md).
    hidden = width // 8
    inputs = layers.Input((None, None, 4))
    x = _conv(quarter, 8, 4, ACTIVATION)(inputs)
    x = _residual(_residual(x, quarter, quarter), quarter, quarter)
    x = _conv(eighth, 3, 2, ACTIVATION)(x)
    x = _residual(_residual(x, eighth, hidden), eighth, hidden)
    x = _conv(width, 3, 2, ACTIVATION)(x)
    x = _residual(_residual(x, width, hidden), width, hidden)
    return keras.Model(inputs, _conv(channels, activation=None, zeros=True)(x), name="correction")


def synthesis_filter_network(width: int, blocks: int, eight_bits: bool) -> keras.Model:
    """[g] Decoded picture / 64 and quality plane (N, H, W, 4) -> correction of the picture (N, H, W, 3).

    A filter at half the resolution between a strided and a transposed convolution. Starts at zero.

    Args:
        width: channels.
        blocks: number of residual blocks.
        eight_bits: whether it computes in 8-bit integers when coding.
    """
    size, stride = 2 * FILTER_STRIDE, FILTER_STRIDE
    inputs = layers.Input((None, None, 4))
    if eight_bits:
        x = EightBits()(_conv(width, size, stride, kind=EightBitConv2D)(EightBits()(inputs)))
        for _ in range(blocks):
            x = _eight_bit_residual(x, width)
        outputs = EightBits()(_conv(3, size, stride, None, zeros=True, kind=EightBitConv2DTranspose)(x))
    else:
        x = _conv(width, size, stride)(inputs)
        for _ in range(blocks):
            x = _residual(x, width, width)
        outputs = _conv(3, size, stride, None, zeros=True, kind=layers.Conv2DTranspose)(x)
    return keras.Model(inputs, outputs, name="synthesis_filter")


def hyper_analysis_network(channels: int, width: int, side: int) -> keras.Model:
    """[h_a] Log-magnitudes of the latents and quality plane (N, h, w, C + 1) -> (N, h/4, w/4, side)."""
    inputs = layers.Input((None, None, channels + 1))
    x = _entropy_conv(width, activation=ACTIVATION)(inputs)
    x = _entropy_conv(width, 3, 2, ACTIVATION)(x)
    return keras.Model(inputs, _entropy_conv(side, 3, 2, None)(x), name="hyper_analysis")


def hyper_mean_network(side: int, features: int, eight_bits: bool) -> keras.Model:
    """[h_s] Side information / 4 and quality plane (N, h/4, w/4, side + 1) -> features (N, h, w, F).

    The second convolution, which takes most of the time, uses 8-bit integers if `eight_bits`.
    """
    inputs = layers.Input((None, None, side + 1))
    x = _finer(_entropy_conv(4 * features, activation=ACTIVATION)(inputs))
    kind = DynamicEightBitConv2D if eight_bits else layers.Conv2D
    x = _finer(_entropy_conv(4 * features, activation=ACTIVATION, kind=kind)(x))
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
    coding_pass: CodingPass,
    features: int,
    hidden: int,
    name: str,
    *,
    in_integers: bool = False,
    eight_bits: bool = False,
) -> keras.Model:
    """[context] Zero-padded window of channels of earlier passes, hyper features -> channels of a pass.

    Args:
        coding_pass: the channels that it reads and codes; the first pass has no window.
        features: channels of the hyper features.
        hidden: channels of the hidden layers.
        name: name of the model.
        in_integers: whether the network runs in integer arithmetic when coding: then ReLUs are capped.
        eight_bits: whether convolutions use 8-bit integers when coding.

    Output shape: (N, positions down, positions across, outputs). Starts at zero.
    """
    active = _capped if in_integers else layers.Activation(ACTIVATION, dtype=ENTROPY_DTYPE)
    kind = DynamicEightBitConv2D if eight_bits else layers.Conv2D
    conv = partial(_entropy_conv, activation=None, kind=kind)
    near = layers.Input((None, None, features))
    inputs, x = near, conv(hidden, 1, name="features")(near)
    if coding_pass.seen:
        window = layers.Input((None, None, coding_pass.seen))
        kernel, stride = coding_pass.kernel, coding_pass.stride
        around = conv(hidden, kernel, stride, padding="valid", use_bias=False, name="window")
        inputs, x = [window, near], layers.Add(dtype=ENTROPY_DTYPE)([around(window), x])
    x = active(conv(hidden, 1, name="hidden")(active(x)))
    outputs = conv(coding_pass.high - coding_pass.low, 1, zeros=True, name="outputs")(x)
    return keras.Model(inputs, outputs, name=name)
