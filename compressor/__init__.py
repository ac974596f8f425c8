"""A learned image codec: photographs into small .cmpr files, and back.

Importing it takes neither TensorFlow nor ONNX Runtime, and makes Pillow read and write .cmpr files.
"""

from compressor import errors, pillow_plugin
from compressor.codec import StreamInfo, decode, encode, read_info
from compressor.options import Runtime, Target

__version__ = "0.1.0"
__all__ = ["Runtime", "StreamInfo", "Target", "__version__", "decode", "encode", "errors", "read_info"]

pillow_plugin.register()
