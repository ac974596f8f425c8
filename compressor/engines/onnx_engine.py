"""ONNX Runtime: the default engine. Small, quick to start."""

from typing import Any

import onnxruntime

from compressor.engines.interface import Array
from compressor.weights.files import ModelFiles


class OnnxEngine:
    """Creates the session of a graph when it is first run."""

    name = "onnxruntime"

    def __init__(self, files: ModelFiles, threads: int | None = None) -> None:
        self._files, self.threads = files, threads
        self._options = onnxruntime.SessionOptions()
        self._options.log_severity_level = 3
        # A dozen graphs run in turn, each with its own threads. If these spin while they wait, they take
        # the cores from the graph that runs (a cold decode took 1.4 times as long).
        self._options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            self._options.intra_op_num_threads = threads
        self._sessions: dict[str, Any] = {}

    def run(self, graph: str, *inputs: Array) -> Array:
        """See `Engine.run`."""
        session = self._sessions.get(graph)
        if session is None:
            data = self._files.read(f"{graph}.onnx")
            session = onnxruntime.InferenceSession(data, self._options, providers=["CPUExecutionProvider"])
            self._sessions[graph] = session
        result: Array = session.run(None, {f"x{k}": x for k, x in enumerate(inputs)})[0]
        return result
