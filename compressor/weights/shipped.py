"""The models that ship: their names, ids and tunes, and their folders."""

from __future__ import annotations

import json
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from compressor.errors import OptionError, UnsupportedStreamError
from compressor.weights.files import ModelFiles

SHIPPED = Path(__file__).parent
DEFAULT_TUNE = "iq"


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
    return model_of_tune(DEFAULT_TUNE)


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
    if not isinstance(tune, str) or tune not in tunes():
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


def model_files(model: int | str | None = None, weights: str | PathLike[str] | None = None) -> ModelFiles:
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
