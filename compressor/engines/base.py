"""The interface of engines, and the choice between them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compressor.errors import MissingDependencyError, OptionError
from compressor.model_files import ModelFiles

Array = NDArray[np.float32]
ENGINES = ("auto", "onnxruntime", "openvino", "tensorflow")


class Engine(Protocol):
    """Something that evaluates a model's graphs by name.

    Attributes:
        threads: at most so many; None leaves it to the engine.
    """

    name: str
    threads: int | None

    def run(self, graph: str, *inputs: Array) -> Array:
        """Evaluate a graph: float32 NHWC arrays in the graph's order of inputs, one array out."""
        ...


def has_amx() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def load_engine(name: str, files: ModelFiles, threads: int | None = None) -> Engine:
    """An engine over a model's graphs.

    Args:
        name: one of `ENGINES`; "auto" is OpenVINO where it is installed and the CPU has AMX, since
            there its bfloat16 is several times faster, and ONNX Runtime everywhere else.
        files: of one exported model.
        threads: at most so many; None leaves it to the engine.

    Raises:
        OptionError: for an unknown name or a thread count below 1.
        MissingDependencyError: if the engine's package is not installed.
    """
    if name not in ENGINES:
        raise OptionError(f"engine {name!r} is not known; choose one of {', '.join(ENGINES)}")
    if threads is not None and threads < 1:
        raise OptionError(f"threads must be at least 1, received {threads}")
    if name == "auto":
        name = "openvino" if has_amx() and find_spec("openvino") else "onnxruntime"
    if find_spec(name) is None:
        extra = {"onnxruntime": "", "openvino": "[openvino]", "tensorflow": "[train]"}[name]
        raise MissingDependencyError(f"engine {name} is not installed; pip install 'compressor{extra}'")
    if name == "onnxruntime":
        from compressor.engines.onnx_engine import OnnxEngine

        return OnnxEngine(files, threads)
    if name == "openvino":
        from compressor.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(files, threads, bfloat16=has_amx())
    from compressor.engines.keras_engine import KerasEngine

    return KerasEngine(files, threads)
