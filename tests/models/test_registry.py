"""The registry names every family's parts."""

import json
import subprocess
import sys

import numpy as np
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
def test_models_and_exporters(name, tiny_options, random_pictures):
    keras = pytest.importorskip("keras", reason="needs the train extra")
    pictures, family = random_pictures(2, 64, 64), family_named(name)
    model = build_model(name, **tiny_options[name])
    assert isinstance(model, family.model)
    assert model.family == name
    model.adapt(pictures)
    exporter = family.exporter(model)
    exporter.calibrate([np.rint(255 * picture).astype(np.uint8) for picture in pictures], [50, 200])
    json.dumps(exporter.manifest()["numbers"])
    graphs = exporter.graphs()
    assert {"analysis", "synthesis"} <= graphs.keys()
    assert all(isinstance(graph, keras.Model) for graph in graphs.values())
    for arrays in (exporter.gains(), exporter.entropy()):
        assert arrays
        assert all(np.isfinite(array).all() for array in arrays.values())
    # The other family makes reduced pictures from whole ones.
    assert bool(exporter.reduction()) == (name == "flagship")


def test_unknown_families():
    for function in (family_named, build_model):
        with pytest.raises(WeightsError, match="model family 'none', expected flagship, cnn"):
            function("none")
