"""OpenVINO: an extra, for CPUs that multiply bfloat16 in hardware."""

from threading import Lock
from typing import Any

import openvino

from compressor.spec.arrays import Floats
from compressor.weights.files import ModelFiles

# Only networks that correct what another graph computes may run in bfloat16. A coefficient or a mean of some
# hundred quantisation steps would be off by a whole one.
BFLOAT16_GRAPHS = {"correction", "filter"}


class OpenVinoEngine:
    """Compiles a graph when it is first run."""

    name = "openvino"

    def __init__(self, files: ModelFiles, threads: int | None = None, bfloat16: bool = False) -> None:
        self._files, self.threads, self._bfloat16 = files, threads, bfloat16
        self._core = openvino.Core()
        self._lock = Lock()
        self._compiled: dict[str, Any] = {}
        # Requests that no thread uses now: each holds the memory of one run.
        self._idle: dict[str, list[Any]] = {}

    def run(self, graph: str, *inputs: Floats) -> Floats:
        """See `Engine.run`."""
        with self._lock:
            if graph not in self._compiled:
                self._compiled[graph], self._idle[graph] = self._compile(graph), []
            idle = self._idle[graph]
            request = idle.pop() if idle else self._compiled[graph].create_infer_request()
        # The next run reuses the output's memory.
        result: Floats = request.infer(list(inputs))[0].copy()
        idle.append(request)
        return result

    def _compile(self, graph: str) -> Any:
        fast = self._bfloat16 and graph in BFLOAT16_GRAPHS
        config: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "bf16" if fast else "f32"}
        if self.threads is not None:
            config["INFERENCE_NUM_THREADS"] = self.threads
        return self._core.compile_model(
            self._core.read_model(self._files.read(f"{graph}.onnx")), "CPU", config
        )
