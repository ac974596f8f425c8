"""ONNX Runtime: the default engine. Small, quick to start."""

from threading import Lock
from typing import Any

import onnxruntime

from compressor.engines.cpu import num_cores
from compressor.onnx_sessions import first_output, new_session, session_options
from compressor.spec.arrays import Floats
from compressor.weights.files import ModelFiles

# The graphs at the resolution of latents. They are small: rearranging their kernels for the processor, as is
# done for the others, takes 15 ms, and decoding several megapixels saves no more than that.
_SMALL_GRAPHS = ("hyper_", "mean_")
# Of these, the ones that run while another thread codes symbols. They leave a core to it.
_GRAPHS_BESIDE_CODING = ("hyper_mean", "mean_")


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
        result: Floats = first_output(self._sessions[graph], feeds)
        return result

    def _load(self, graph: str) -> Any:
        threads = self.threads
        if graph.startswith(_GRAPHS_BESIDE_CODING):
            threads = max(1, (threads or num_cores()) - 1)
        options = session_options(threads)
        # A dozen graphs run in turn, each with its own threads. If these spin while they wait, they take
        # the cores from the graph that runs (a cold decode took 1.4 times as long).
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if graph.startswith(_SMALL_GRAPHS):
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        return new_session(self._files.read(f"{graph}.onnx"), options)
