"""ONNX Runtime: the default engine. Small, quick to start."""

from collections.abc import Callable
from threading import Lock
from typing import Any

import onnxruntime

from compressor.spec.arrays import Floats
from compressor.weights.files import ModelFiles

# The graphs at the resolution of latents. They are small: rearranging their kernels for the processor, as is
# done for the others, takes 15 ms, and decoding several megapixels saves no more than that.
_SMALL_GRAPHS = ("hyper_", "mean_")
# Of these, the ones that run while another thread codes symbols. They get one thread, and leave a core to it.
_GRAPHS_BESIDE_CODING = ("hyper_mean", "mean_")
# Parts of messages that mean out of memory: from ONNX Runtime's allocator, from C++, and from threads that
# cannot be started.
_OUT_OF_MEMORY = ("Failed to allocate memory", "bad_alloc", "PosixThread")


class OnnxEngine:
    """Creates the session of a graph when it is first run."""

    name = "onnxruntime"

    def __init__(self, files: ModelFiles, threads: int | None = None) -> None:
        self._files, self.threads = files, threads
        self._lock = Lock()
        self._sessions: dict[str, Any] = {}

    def run(self, graph: str, *inputs: Floats) -> Floats:
        """See `Engine.run`."""
        with self._lock:
            if graph not in self._sessions:
                self._sessions[graph] = self._load(graph)
        feeds = {f"x{k}": x for k, x in enumerate(inputs)}
        result: Floats = _or_memory_error(self._sessions[graph].run, None, feeds)[0]
        return result

    def _load(self, graph: str) -> Any:
        # Without a fallback: it prints lines of its own, and tries the same again.
        return _or_memory_error(
            onnxruntime.InferenceSession,
            self._files.read(f"{graph}.onnx"),
            self._options(graph),
            providers=["CPUExecutionProvider"],
            enable_fallback=0,
        )

    def _options(self, graph: str) -> Any:
        options = onnxruntime.SessionOptions()
        # Its errors are raised too.
        options.log_severity_level = 4
        # A dozen graphs run in turn, each with its own threads. If these spin while they wait, they take
        # the cores from the graph that runs (a cold decode took 1.4 times as long).
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A plan of the memory is kept for each shape of inputs. Parts of pictures have many shapes, and the
        # plans take up to a quarter of all memory.
        options.enable_mem_pattern = False
        threads = 1 if graph.startswith(_GRAPHS_BESIDE_CODING) else self.threads
        if threads is not None:
            options.intra_op_num_threads = threads
        if graph.startswith(_SMALL_GRAPHS):
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        return options


def _or_memory_error(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function of ONNX Runtime, which has no type of error for memory that runs out."""
    try:
        return function(*arguments, **options)
    except Exception as error:
        if any(cause in str(error) for cause in _OUT_OF_MEMORY):
            raise MemoryError from error
        raise
