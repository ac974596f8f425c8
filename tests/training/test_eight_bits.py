"""A synthesis filter in 8 bits: close to the floating-point one, before and after export."""

import keras
import numpy as np
import pytest
from PIL import Image

import compressor
from compressor.models.exported import load_exported
from compressor.models.flagship.graphs import network_graph
from compressor.models.flagship.synthesis_gradient import filter_gradient_graph
from compressor.models.registry import build_model
from compressor.weights.files import ModelFiles
from training.eight_bits import fit_eight_bits
from training.errors import TrainingError
from training.export import export
from training.rebuild import rebuilt
from training.settings import Settings
from training.start import start_model
from training.worth import gradient


def test_it_filters_nearly_as_before(tiny_flagship, random_pictures):
    inputs = {"images": random_pictures(4, 64, 64, seed=3), "quality": np.linspace(0, 1, 4, dtype=np.float32)}
    model = rebuilt(tiny_flagship, tiny_flagship.config | {"eight_bits": True})
    fit_eight_bits(tiny_flagship, model, inputs)
    decoded = np.asarray(tiny_flagship.coded_without_filter(**inputs))
    before, after = (np.asarray(each.filter(decoded, inputs["quality"])) for each in (tiny_flagship, model))
    assert 0 < np.std(after - before) < 0.05 * np.std(before - decoded)


def test_a_filter_that_is_not_trained_is_refused(tiny_options, random_pictures):
    trained = build_model("flagship", **tiny_options["flagship"])
    trained.adapt(random_pictures(4, 64, 64))
    model = rebuilt(trained, trained.config | {"eight_bits": True})
    with pytest.raises(TrainingError, match="received only zeros"):
        fit_eight_bits(
            trained, model, {"images": random_pictures(1, 64, 64), "quality": np.zeros(1, np.float32)}
        )


def test_a_run_starts_with_one_that_can_be_exported_and_decodes(
    tiny_flagship, tiny_checkpoint, photos, tmp_path, random_pictures
):
    settings = Settings(data="", init=str(tiny_checkpoint), crop=64, eight_bits=True)
    model = start_model(settings, [np.rint(255 * x).astype(np.uint8) for x in random_pictures(6, 96, 96)])
    assert model.config["eight_bits"]
    export(model, tmp_path / "model", name="eight", model_id=0, metric="mse", provenance={})
    runtime = compressor.Runtime(weights=tmp_path / "model")
    picture = Image.open(photos / "0.png")
    decoded = compressor.decode(compressor.encode(picture, 90, runtime=runtime), runtime=runtime)
    before = compressor.Runtime(weights=tmp_path / "float")
    export(tiny_flagship, tmp_path / "float", name="float", model_id=0, metric="mse", provenance={})
    expected = compressor.decode(compressor.encode(picture, 90, runtime=before), runtime=before)
    difference = np.asarray(decoded, np.float32) - np.asarray(expected, np.float32)
    assert 0 < np.abs(difference).mean() < 1


def test_an_exported_filter_exports_to_the_same_file(tiny_flagship, random_pictures, tmp_path):
    inputs = {"images": random_pictures(2, 64, 64, seed=3), "quality": np.array([0.2, 0.8], np.float32)}
    model = rebuilt(tiny_flagship, tiny_flagship.config | {"eight_bits": True})
    fit_eight_bits(tiny_flagship, model, inputs)
    export(model, tmp_path / "one", name="one", model_id=0, metric="mse", provenance={})
    export(
        load_exported(ModelFiles(tmp_path / "one")),
        tmp_path / "two",
        name="one",
        model_id=0,
        metric="mse",
        provenance={},
    )
    for file in ("filter.onnx", "filter_gradient.onnx"):
        one, two = ((tmp_path / name / file).read_bytes() for name in ("one", "two"))
        assert one == two, file


@pytest.mark.parametrize("eight_bits", [False, True])
def test_the_gradient_graph_is_the_gradient_of_the_filter(tiny_flagship, random_pictures, eight_bits):
    images, quality = random_pictures(2, 64, 64, seed=3), np.array([0.2, 0.8], np.float32)
    model = rebuilt(tiny_flagship, tiny_flagship.config | {"eight_bits": eight_bits})
    if eight_bits:
        fit_eight_bits(tiny_flagship, model, {"images": images, "quality": quality})
    else:
        model.set_weights(tiny_flagship.get_weights())
    plane = np.tile(quality[:, None, None, None], (1, 64, 64, 1))
    slope = np.random.default_rng(0).normal(size=images.shape).astype(np.float32)
    pixels, plane, slope = map(keras.ops.convert_to_tensor, (255 * images - 128, plane, slope))
    run = network_graph(model.synthesis_filter, "filter")
    expected = np.asarray(gradient(lambda x: keras.ops.sum(slope * run([x, plane])), pixels))
    found = np.asarray(filter_gradient_graph(model)([pixels, plane, slope]))
    assert np.std(expected) > 0
    # The graph stops at activations that are rounded to 0; in training, they pass the gradient.
    assert np.std(found - expected) < (0.1 if eight_bits else 1e-4) * np.std(expected)
