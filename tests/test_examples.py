"""The examples in docstrings of the codec are true."""

import ast
import doctest
from importlib import import_module
from pathlib import Path

import pytest

import compressor

PACKAGE = Path(compressor.__file__).parent


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# `__main__` runs the command line when it is imported.
MODULES = sorted(name for name in map(module_name, PACKAGE.rglob("*.py")) if not name.endswith("__main__"))


def has_examples(path):
    return any(
        ">>>" in (ast.get_docstring(node) or "")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    )


WITH_EXAMPLES = {module_name(path) for path in PACKAGE.rglob("*.py") if has_examples(path)}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        # Extras may be missing; anything of ours may not.
        if (error.name or "").split(".")[0] not in ("keras", "onnx", "openvino", "ray", "tqdm"):
            raise
        pytest.skip(f"needs {error.name}")
    results = doctest.testmod(module)
    assert results.failed == 0
    assert bool(results.attempted) == (name in WITH_EXAMPLES)
