"""The choice between engines."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from compressor.engines.cpu import cpu_flags, has_bfloat16
from compressor.engines.interface import Engine
from compressor.errors import MissingDependencyError
from compressor.options import AUTO
from compressor.weights.files import ModelFiles

# Extras of this package that install engines.
_EXTRAS = {"openvino": "[openvino]", "keras": "[train]"}


def resolve_engine(name: str) -> str:
    """Return the name of an installed engine.

    Args:
        name: one of `ENGINES`, which are also names of packages, or "auto": OpenVINO where it is installed
            and the CPU has AMX, since its bfloat16 is several times faster there, and ONNX Runtime everywhere
            else, which starts faster.

    Raises:
        MissingDependencyError: if the engine's package is not installed.
    """
    if name == AUTO:
        name = "openvino" if "amx_bf16" in cpu_flags() and find_spec("openvino") else "onnxruntime"
    if find_spec(name) is None:
        raise MissingDependencyError(f"engine {name} is not installed; {_how_to_install(name)}")
    return name


def _how_to_install(name: str) -> str:
    return f"pip install '.{_EXTRAS.get(name, '')}' in a checkout"


def load_engine(
    name: str,
    files: ModelFiles,
    threads: int | None,
    keras_graphs: Callable[[], Mapping[str, Any]],
    bfloat16: bool | None = None,
) -> Engine:
    """Create an engine over the graphs of a model.

    Args:
        name: from `resolve_engine`.
        files: the exported model.
        threads: maximum number of threads, at least 1; None leaves it to the engine.
        keras_graphs: builds the same graphs as Keras models by name, for the engine that runs those.
        bfloat16: whether OpenVINO runs the transform networks in bfloat16; None where the CPU multiplies
            such numbers.

    Raises:
        MissingDependencyError: if a package that the engine needs is not installed.
    """
    try:
        if name == "onnxruntime":
            from compressor.engines.onnx_engine import OnnxEngine

            return OnnxEngine(files, threads)
        if name == "openvino":
            from compressor.engines.openvino_engine import OpenVinoEngine

            return OpenVinoEngine(files, threads, bfloat16=has_bfloat16() if bfloat16 is None else bfloat16)
        from compressor.engines.keras_engine import KerasEngine

        return KerasEngine(keras_graphs(), threads)
    except ImportError as error:
        # Ctrl-C while a compiled module is imported surfaces as an ImportError.
        if isinstance(error.__cause__, KeyboardInterrupt | SystemExit):
            raise error.__cause__ from None
        if isinstance(error, ModuleNotFoundError):
            raise MissingDependencyError(
                f"engine {name} needs {error.name}, which is not installed; {_how_to_install(name)}"
            ) from error
        raise
