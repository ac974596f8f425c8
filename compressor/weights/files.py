"""The files of one exported model: a folder with a manifest that holds every file's hash."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import WeightsError

if TYPE_CHECKING:
    # NumPy takes longer to import than all else here.
    from numpy.typing import NDArray

_REPAIR = "export the model again, or install the package again if the model ships with it"


class ModelFiles:
    """Reads a model's files, each checked against its SHA-256 in the manifest.

    Args:
        folder: holds `manifest.json` and the files that it names.

    Attributes:
        sha256: SHA-256 of the manifest; it stands for the content of all files.

    Raises:
        WeightsError: if the manifest, or later a file, is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            text = (folder / "manifest.json").read_bytes()
            self.sha256 = hashlib.sha256(text).hexdigest()
            self.manifest: dict[str, Any] = json.loads(text)
            self.model_id = int(self.manifest["model_id"])
            self.name = str(self.manifest["name"])
            self._sha256 = {file: entry["sha256"] for file, entry in self.manifest["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"{folder} holds no usable manifest.json; give an exported model") from error

    @property
    def can_refine(self) -> bool:
        """Whether the model has the gradient graphs that are needed to move latents.

        A flagship that is trained for a measure whose gradient is not known does not.
        """
        return "synthesis_gradient.onnx" in self._sha256

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelFiles) and (self.folder, self.sha256) == (other.folder, other.sha256)

    def __hash__(self) -> int:
        return hash((self.folder, self.sha256))

    def read(self, name: str) -> bytes:
        """Return the bytes of a file of the model."""
        expected = self._sha256.get(name)
        try:
            data = (self.folder / name).read_bytes()
        except OSError as error:
            raise WeightsError(f"{name} is missing from {self.folder}; {_REPAIR}") from error
        if hashlib.sha256(data).hexdigest() != expected:
            raise WeightsError(f"{name} in {self.folder} does not match its manifest; {_REPAIR}")
        return data

    def arrays(self, name: str) -> Mapping[str, NDArray[Any]]:
        """Return the arrays of an .npz file of the model."""
        import numpy as np

        arrays: Mapping[str, NDArray[Any]] = np.load(io.BytesIO(self.read(name)), allow_pickle=False)
        return arrays
