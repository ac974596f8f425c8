"""The files of one exported model: a folder with a manifest that holds every file's hash."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import OptionError, UnsupportedStreamError, WeightsError

if TYPE_CHECKING:
    # NumPy takes longer to import than all else here.
    from numpy.typing import NDArray

SHIPPED = Path(__file__).parent

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
        """Whether the model has the graphs of gradients that efforts above 5 need.

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


@cache
def _index() -> dict[str, Any]:
    index: dict[str, Any] = json.loads((SHIPPED / "index.json").read_text(encoding="utf-8"))
    return index


def shipped_models() -> dict[str, int]:
    """Return the ids in streams of the models that ship, by name.

    Example:
        >>> shipped_models()["cnn"]
        3
    """
    ids: dict[str, int] = _index()["models"]
    return ids


def default_model() -> str:
    """Return the name of the model that encodes unless another is asked for."""
    return str(_index()["default"])


def tunes() -> dict[str, str]:
    """Return the names of the shipped models by the measure of quality that they are trained for.

    Example:
        >>> tunes()["psnr"]
        'flagship-psnr'
    """
    names: dict[str, str] = _index()["tunes"]
    return names


def model_of_tune(tune: str) -> str:
    """Return the name of the model for a measure of quality.

    Args:
        tune: "iq" or "psnr".

    Raises:
        OptionError: for another measure.
    """
    if tune not in tunes():
        raise OptionError(f"received tune {tune!r}, expected one of {', '.join(tunes())}")
    return tunes()[tune]


def tune_of(model_id: int) -> str | None:
    """Return the tune of a model's id; None for a model that belongs to no tune."""
    return next((tune for tune, name in tunes().items() if shipped_models()[name] == model_id), None)


def shipped_folder(model: int | str | None = None) -> Path:
    """Return the folder of a model that ships.

    Args:
        model: its id or its name; None is the default model.

    Raises:
        UnsupportedStreamError: for an id that does not ship.
        OptionError: for a name that does not ship.
    """
    ids = shipped_models()
    if model is None:
        model = default_model()
    if isinstance(model, str):
        if model not in ids:
            raise OptionError(f"received model {model!r}, expected one of {', '.join(ids)}")
        return SHIPPED / model
    for name, model_id in ids.items():
        if model_id == model:
            return SHIPPED / name
    raise UnsupportedStreamError(
        f"the stream needs model {model}, and this version has {', '.join(map(str, ids.values()))}: "
        "upgrade this package, or give the folder of that model (--weights)"
    )


def model_files(model: int | str | None = None, weights: str | Path | None = None) -> ModelFiles:
    """Return the files of a model.

    Args:
        model: id or name of a model that ships; None is the default model.
        weights: folder of an exported model to use instead.

    Raises:
        UnsupportedStreamError: for an id that does not ship.
        OptionError: for a name that does not ship.
        WeightsError: if the manifest is missing or damaged.
    """
    return ModelFiles(Path(weights).resolve()) if weights is not None else _shipped(shipped_folder(model))


@cache
def _shipped(folder: Path) -> ModelFiles:
    return ModelFiles(folder.resolve())
