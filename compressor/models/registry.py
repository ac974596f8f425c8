"""The families of models: one record each. Parts are loaded on use, since Keras is slow to import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from compressor.errors import WeightsError

if TYPE_CHECKING:
    from compressor.engines.interface import Engine
    from compressor.models.exporter import Exporter
    from compressor.models.runtime import ModelRuntime
    from compressor.weights.files import ModelFiles


@dataclass(frozen=True, slots=True)
class Family:
    """Where the parts of a family are, each as MODULE:NAME.

    Attributes:
        name: in manifests and on the command line.
        runtime_path: class that follows `compressor.models.runtime.ModelRuntime`.
        model_path: Keras model, a `RateDistortionModel`.
        exporter_path: class that follows `compressor.models.exporter.Exporter`.
    """

    name: str
    runtime_path: str
    model_path: str
    exporter_path: str

    @property
    def runtime(self) -> Callable[[ModelFiles, Engine], ModelRuntime]:
        """The runtime's class."""
        cls: Callable[[ModelFiles, Engine], ModelRuntime] = _load(self.runtime_path)
        return cls

    @property
    def model(self) -> Any:
        """The Keras model's class."""
        return _load(self.model_path)

    @property
    def exporter(self) -> Callable[[Any], Exporter]:
        """The exporter's class; its argument is a trained Keras model."""
        cls: Callable[[Any], Exporter] = _load(self.exporter_path)
        return cls


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


FAMILIES = {
    family.name: family
    for family in (
        Family(
            name="flagship",
            runtime_path="compressor.models.flagship.runtime:FlagshipRuntime",
            model_path="compressor.models.flagship.model:Flagship",
            exporter_path="compressor.models.flagship.export:FlagshipExporter",
        ),
        Family(
            name="cnn",
            runtime_path="compressor.models.cnn.runtime:CnnRuntime",
            model_path="compressor.models.cnn.model:Cnn",
            exporter_path="compressor.models.cnn.export:CnnExporter",
        ),
    )
}


def family_named(name: str) -> Family:
    """Return a family.

    Raises:
        WeightsError: for an unknown name.

    Example:
        >>> family_named("cnn").name
        'cnn'
    """
    if name not in FAMILIES:
        raise WeightsError(
            f"received model family {name!r}, expected {', '.join(FAMILIES)}: upgrade this package"
        )
    return FAMILIES[name]


def build_model(name: str, **options: Any) -> Any:
    """Return a new, untrained Keras model of a family.

    Args:
        name: one of `FAMILIES`.
        options: arguments of the model.

    Raises:
        WeightsError: for an unknown name.
    """
    return family_named(name).model(**options)
