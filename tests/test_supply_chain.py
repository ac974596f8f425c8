"""Dependencies, and the promises that depend on them."""

import ast
import hashlib
import tomllib
from itertools import chain
from pathlib import Path

import constriction
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [
    path
    for folder in ("compressor", "training", "eval", "demos", "scripts")
    for path in (ROOT / folder).rglob("*.py")
]
# What runs code that a file holds.
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
PROMISE = (
    "constriction writes other bytes, so existing streams no longer decode. Keep the bound on its version."
)


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Without the development tools.
EXTRAS = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name != "dev"}


def test_the_entropy_coder_is_bound_to_one_minor_version():
    assert "constriction>=0.5,<0.6" in PROJECT["dependencies"], PROMISE


@pytest.mark.parametrize("requirement", sorted({*PROJECT["dependencies"], *chain(*EXTRAS.values())}))
def test_every_dependency_has_an_upper_bound(requirement):
    assert ",<" in requirement


def test_the_entropy_coder_still_writes_the_same_bytes():
    """Calls constriction directly, as the codec does: float32 probabilities, `perfect=False`, uniforms."""
    encoder = constriction.stream.queue.RangeEncoder()
    for size in (3, 17, 300):
        weights = 1 + np.arange(size) * 37 % 150
        weights[0] += 65536 - weights.sum()
        probabilities = weights.astype(np.float32) / np.float32(65536)
        symbols = (np.arange(1000) * 7919 % size).astype(np.int32)
        encoder.encode(symbols, constriction.stream.model.Categorical(probabilities, perfect=False))
        encoder.encode(symbols[:50], constriction.stream.model.Uniform(size))
    written = encoder.get_compressed().astype("<u4").tobytes()
    assert hashlib.sha256(written).hexdigest()[:16] == "053c461ac4dc58f1", PROMISE


def calls_and_imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0], node
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_no_file_is_read_that_could_run_code():
    for path in SOURCES:
        for name, node in calls_and_imports(path):
            where = f"{path.relative_to(ROOT)}:{node.lineno}"
            assert name not in UNSAFE_MODULES, where
            options = {k.arg: ast.unparse(k.value) for k in getattr(node, "keywords", ())}
            if name in ("np.load", "numpy.load"):
                assert options.get("allow_pickle") == "False", where
            if name.endswith("load_model"):
                assert options.get("safe_mode", "True") == "True", where
            assert not name.endswith("enable_unsafe_deserialization"), where


def test_keras_refuses_code_in_files(tmp_path):
    """Checkpoints of a run are loaded in safe mode: a Lambda layer's code is not run."""
    keras = pytest.importorskip("keras", reason="needs the train extra")
    from training.errors import TrainingError
    from training.run_folder import load_checkpoint

    layers = [keras.layers.Input((2,)), keras.layers.Lambda(lambda x: x + 1)]
    keras.Sequential(layers).save(tmp_path / "model.keras")
    with pytest.raises(TrainingError, match="(?i)lambda"):
        load_checkpoint(tmp_path / "model.keras")
