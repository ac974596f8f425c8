"""Public Keras models and the registry that names them."""

from compressor.models.cnn import Cnn
from compressor.models.flagship import Flagship
from compressor.models.registry import MODELS, build_model

__all__ = ["MODELS", "Cnn", "Flagship", "build_model"]
