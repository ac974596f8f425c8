"""Public Keras layers and functions that the models are made of."""

from compressor.layers.density import logistic_bits, round_weighed, training_bits
from compressor.layers.gains import QualityCurve
from compressor.layers.gradient import ReluGradient
from compressor.layers.lapped import LappedAnalysis, LappedSynthesis, LappedSynthesisGradient
from compressor.layers.quantisation import (
    DEAD_ZONE,
    add_uniform_noise,
    round_with_dead_zone,
    straight_through,
)
from compressor.layers.shuffle import DepthToSpace

__all__ = [
    "DEAD_ZONE",
    "DepthToSpace",
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
