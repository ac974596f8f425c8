"""Public Keras layers and functions that the models are made of."""

from compressor.layers.density import logistic_bits, training_bits
from compressor.layers.eight_bits import (
    DynamicEightBitConv2D,
    EightBitConv2D,
    EightBitConv2DTranspose,
    EightBits,
)
from compressor.layers.gains import QualityCurve
from compressor.layers.lapped import LappedAnalysis, LappedSynthesis, LappedSynthesisGradient
from compressor.layers.quantisation import round_weighed, straight_through
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
    "logistic_bits",
    "round_weighed",
    "straight_through",
    "training_bits",
]
