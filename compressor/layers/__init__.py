"""Public Keras layers and functions that the models are made of."""

from compressor.layers.density import logistic_bits, round_weighed, training_bits
from compressor.layers.eight_bits import (
    DynamicEightBitConv2D,
    EightBitConv2D,
    EightBitConv2DTranspose,
    EightBits,
)
from compressor.layers.gains import QualityCurve
from compressor.layers.lapped import LappedAnalysis, LappedSynthesis, LappedSynthesisGradient
from compressor.layers.quantisation import (
    add_uniform_noise,
    round_with_dead_zone,
    straight_through,
)
from compressor.layers.relu_gradient import ReluGradient
from compressor.layers.shuffle import DepthToSpace

__all__ = [
    "DepthToSpace",
    "DynamicEightBitConv2D",
    "EightBitConv2D",
    "EightBitConv2DTranspose",
    "EightBits",
    "LappedAnalysis",
    "LappedSynthesis",
    "LappedSynthesisGradient",
    "QualityCurve",
    "ReluGradient",
    "add_uniform_noise",
    "logistic_bits",
    "round_weighed",
    "round_with_dead_zone",
    "straight_through",
    "training_bits",
]
