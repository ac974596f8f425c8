"""The files of one exported model: a folder with a manifest that holds every file's hash."""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from compressor.errors import OptionError, UnsupportedStreamError, WeightsError

WEIGHTS = Path(__file__).parent / "weights"


class ModelFiles:
    """Reads a model's files, each checked against its SHA-256 in the manifest.

    Args:
        folder: holds `manifest.json` and the files that it names.

    Raises:
        WeightsError: if the manifest, or later a file, is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
            self.model_id = int(self.manifest["model_id"])
            self.name = str(self.manifest["name"])
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(f"{folder} holds no usable manifest.json; give an exported model") from error

    def read(self, name: str) -> bytes:
        """The bytes of a file of the model."""
        expected = self.manifest["files"].get(name)
        try:
            data = (self.folder / name).read_bytes()
        except OSError as error:
            raise WeightsError(f"{name} is missing from {self.folder}; install the package again") from error
        if expected is None or hashlib.sha256(data).hexdigest() != expected["sha256"]:
            raise WeightsError(
                f"{name} in {self.folder} does not match its manifest; install the package again"
            )
        return data


class Shelf:
    """The models that ship with the package; the index maps their names to the ids that streams carry."""

    @cached_property
    def _index(self) -> dict[str, Any]:
        index: dict[str, Any] = json.loads((WEIGHTS / "index.json").read_text())
        return index

    @property
    def ids(self) -> dict[str, int]:
        """What streams carry, by a model's name."""
        ids: dict[str, int] = self._index["models"]
        return ids

    @property
    def default(self) -> str:
        """Name of the model that encodes unless another is asked for."""
        return str(self._index["default"])

    def files(self, model: int | str | None) -> ModelFiles:
        """Files of a shipped model.

        Args:
            model: its id or its name; None is the default model.

        Raises:
            UnsupportedStreamError: for an id that does not ship.
            OptionError: for a name that does not ship.
        """
        ids = self.ids
        if model is None:
            model = self.default
        if isinstance(model, str):
            if model not in ids:
                raise OptionError(f"received model {model!r}, expected one of {', '.join(ids)}")
            return ModelFiles(WEIGHTS / model)
        for name, model_id in ids.items():
            if model_id == model:
                return ModelFiles(WEIGHTS / name)
        raise UnsupportedStreamError(
            f"the stream needs model {model}, and this version has {', '.join(map(str, ids.values()))}: "
            "upgrade the package, or give the model's own folder (--weights)"
        )


SHELF = Shelf()
