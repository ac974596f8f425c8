"""The registry names every family's parts."""

import subprocess
import sys

import pytest

from compressor.errors import WeightsError
from compressor.models.registry import FAMILIES, build_model, family_named


@pytest.mark.parametrize("name", FAMILIES)
def test_runtimes_need_no_keras(name):
    code = (
        "import sys; from compressor.models.registry import family_named; "
        f"family_named({name!r}).runtime; sys.exit('keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", FAMILIES)
def test_models_and_exporters(name):
    pytest.importorskip("keras", reason="needs the train extra")
    family = family_named(name)
    assert family.model.family == name
    for attribute in ("calibrate", "manifest", "graphs", "gains", "entropy"):
        assert callable(getattr(family.exporter, attribute))


def test_unknown_families():
    for function in (family_named, build_model):
        with pytest.raises(WeightsError, match="model family 'none', expected flagship, cnn"):
            function("none")
