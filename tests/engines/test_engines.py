"""Every engine evaluates the same graphs."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest

from compressor.coding.loading import create_coder
from compressor.engines.loading import load_engine, resolve_engine
from compressor.errors import MissingDependencyError
from compressor.models.exported import load_exported
from compressor.models.registry import family_named
from compressor.options import ENGINES
from compressor.weights.files import ModelFiles


@pytest.fixture
def files(tiny_folder):
    return ModelFiles(tiny_folder)


@pytest.fixture
def engine_named(files):
    """Return a function that loads an engine in float32, or skips the test where it is not installed."""

    def load(name, threads=1):
        try:
            resolve_engine(name)
        except MissingDependencyError as error:
            pytest.skip(str(error))

        def keras_graphs():
            return family_named("flagship").exporter(load_exported(files)).graphs()

        return load_engine(name, files, threads, keras_graphs, bfloat16=False)

    return load


def inputs_of(graph, random):
    """Inputs of a graph of the tiny flagship."""
    plane = np.full((1, 32, 48, 1), 0.3, np.float32)
    pixels = random.uniform(-128, 127, (1, 32, 48, 3)).astype(np.float32)
    if graph == "analysis":
        return (pixels,)
    if graph in ("correction", "filter"):
        return pixels, plane
    if graph == "synthesis":
        return (random.normal(0, 20, (1, 2, 3, 104)).astype(np.float32),)
    return (random.normal(0, 1, (1, 4, 8, 105)).astype(np.float32),)


@pytest.mark.parametrize("graph", ["analysis", "correction", "synthesis", "filter", "hyper_analysis"])
@pytest.mark.parametrize("name", ENGINES)
def test_outputs_agree_with_those_of_the_default_engine(engine_named, name, graph):
    inputs = inputs_of(graph, np.random.default_rng(1))
    expected = engine_named("onnxruntime").run(graph, *inputs)
    got = engine_named(name).run(graph, *inputs)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=2e-3)


@pytest.mark.parametrize("name", ENGINES)
def test_outputs_are_the_callers_own(engine_named, name):
    engine, inputs = engine_named(name), inputs_of("hyper_analysis", np.random.default_rng(1))
    first = engine.run("hyper_analysis", *inputs)
    kept = first.copy()
    second = engine.run("hyper_analysis", *inputs)
    second *= 2
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("name", ENGINES)
def test_several_threads_at_once(engine_named, name):
    """A new engine, too: the first calls load the graph."""
    random = np.random.default_rng(1)
    inputs = [inputs_of("synthesis", random) for _ in range(16)]
    alone = engine_named(name)
    expected = [alone.run("synthesis", *x) for x in inputs]
    shared = engine_named(name)
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda x: shared.run("synthesis", *x), inputs))
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize("name", ENGINES)
def test_engines_have_a_name_and_threads(engine_named, name):
    engine = engine_named(name, threads=2)
    assert (engine.name, engine.threads) == (name, 2)


def test_a_coder_names_its_model_and_engine(files):
    coder = create_coder(files, "onnxruntime")
    assert (coder.model_name, coder.model_id, coder.engine_name) == ("tiny", 0, "onnxruntime")


@pytest.mark.parametrize(
    "message", ["BFCArena: Failed to allocate memory for requested buffer", "std::bad_alloc", "PosixThread"]
)
def test_memory_that_runs_out_is_a_memory_error(tiny_folder, monkeypatch, message):
    engine = load_engine("onnxruntime", ModelFiles(tiny_folder), 1, dict)

    class Session:
        def __init__(self, *arguments, **options):
            raise RuntimeError(message)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    with pytest.raises(MemoryError):
        engine.run("analysis", np.zeros((1, 16, 16, 3), np.float32))


def test_other_errors_of_onnx_runtime_stay(tiny_folder):
    engine = load_engine("onnxruntime", ModelFiles(tiny_folder), 1, dict)
    with pytest.raises(Exception, match="Invalid rank|Got invalid dimensions"):
        engine.run("analysis", np.zeros((1, 16, 3), np.float32))
