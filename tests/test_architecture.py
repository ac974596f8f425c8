"""The arrows between the packages, the start-up promises, and the size of files."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each module of `compressor` and what it may import from the package, by first name below it.
LEAVES = {"errors", "bitstream", "passes", "area", "effort"}
ENTROPY = LEAVES | {"entropy"}
CODEC = (
    ENTROPY
    | {"engines", "model_files", "quality", "rounding", "latent_coder", "families", "tiling", "region"}
    | {"refiner", "picture_coder", "image_io", "image_modes", "metadata"}
)
ALLOWED = {
    "errors": set(),
    "effort": {"errors"},
    "area": set(),
    "region": {"errors", "area"},
    "tiling": {"errors", "area", "bitstream"},
    "passes": set(),
    "bitstream": {"errors", "bitstream"},
    "entropy": {"errors", "entropy"},
    "model_files": {"errors"},
    # The Keras engine runs the Keras model itself; nothing else below the command line may.
    "engines": {"errors", "engines", "model_files", "models"},
    "quality": set(),
    "rounding": {"entropy"},
    "latent_coder": ENTROPY | {"engines", "quality", "rounding"},
    "families": ENTROPY | {"engines", "quality", "latent_coder", "model_files"},
    "refiner": {"area", "effort", "latent_coder", "families"},
    "picture_coder": CODEC,
    "rate_control": {"errors", "bitstream"},
    "codec": CODEC | {"rate_control"},
    "workers": set(),
    "cluster": {"errors", "workers"},
    "layers": {"layers"},
    "models": {"layers", "models", "passes", "model_files"},
}


def imported(path):
    """Names below `compressor` that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "compressor":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]


def files_of(name):
    folder = ROOT / "compressor" / name
    return sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_arrows_point_one_way(name):
    files = files_of(name)
    assert files
    for path in files:
        assert set(imported(path)) <= ALLOWED[name], path


def test_the_codec_imports_none_of_its_neighbours():
    for path in (ROOT / "compressor").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not {n.split(".")[0] for n in names} & {"training", "eval", "demos", "tests"}, path


def test_only_the_range_coder_imports_constriction():
    users = {p.name for p in (ROOT / "compressor").rglob("*.py") if "import constriction" in p.read_text()}
    assert users == {"range_coder.py"}


def test_import_is_light():
    heavy = {"tensorflow", "keras", "onnxruntime", "numpy"}
    code = f"import sys, compressor; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


def test_files_stay_small():
    for folder in ("compressor", "training", "eval", "demos"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 320, (
                f"{path} has grown: is there a second idea in it?"
            )
