"""The examples in docstrings, and those in docs/keras.md, are true."""

import ast
import doctest
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import compressor

ROOT = Path(compressor.__file__).parents[1]
FILES = [
    path for package in ("compressor", "training", "eval", "demos") for path in (ROOT / package).rglob("*.py")
]
# Packages of the extras, which may be missing. Our own modules may not.
OPTIONAL = (
    "keras",
    "tensorflow",
    "onnx",
    "openvino",
    "ray",
    "tqdm",
    "bjontegaard",
    "matplotlib",
    "skimage",
    "scipy",
)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# `__main__` runs the command line when it is imported.
MODULES = sorted(name for name in map(module_name, FILES) if not name.endswith("__main__"))


def has_examples(path):
    return any(
        ">>>" in (ast.get_docstring(node) or "")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    )


WITH_EXAMPLES = {module_name(path) for path in FILES if has_examples(path)}


def test_examples_of_a_document(tmp_path):
    pytest.importorskip("onnx", reason="needs the train extra")
    text = (ROOT / "docs" / "keras.md").read_text(encoding="utf-8")
    code = "".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in OPTIONAL:
            raise
        pytest.skip(f"needs {error.name}")
    results = doctest.testmod(module)
    assert results.failed == 0
    assert bool(results.attempted) == (name in WITH_EXAMPLES)
