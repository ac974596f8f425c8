"""The registry names every family's parts."""

import json
import subprocess
import sys

import numpy as np
import pytest

import compressor
from compressor.errors import WeightsError
from compressor.models.registry import FAMILIES, build_model, family_named
from tests.samples import randomise


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


@pytest.mark.parametrize("name", FAMILIES)
def test_regions_equal_the_whole(name, tiny_options, random_pictures, tmp_path):
    """Halos are as large as the transforms need."""
    pytest.importorskip("keras", reason="needs the train extra")
    from training.export import export

    model = build_model(name, **tiny_options[name])
    model.adapt(random_pictures(2, 64, 64))
    randomise(model, 1)
    # With this metric, no graphs for refinement are exported: its gradient is not available.
    export(model, tmp_path, name=name, model_id=0, metric="ms-ssim", provenance={})
    runtime = compressor.Runtime(weights=tmp_path, threads=1)
    picture = np.rint(255 * random_pictures(1, 192, 208)[0]).astype(np.uint8)
    stream = compressor.encode(picture, 60, runtime=runtime)
    whole = np.asarray(compressor.decode(stream, runtime=runtime)).astype(int)
    for left, top in ((96, 64), (99, 70), (0, 100)):
        part = np.asarray(compressor.decode(stream, region=(left, top, 16, 16), runtime=runtime))
        assert np.abs(part - whole[top : top + 16, left : left + 16]).max() <= 1


def test_unknown_families():
    for function in (family_named, build_model):
        with pytest.raises(WeightsError, match="model family 'none', expected flagship, cnn"):
            function("none")
