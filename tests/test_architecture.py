"""Every module of the package imports only what lies below it, and importing the package is cheap."""

import ast
from fnmatch import fnmatch
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "compressor"

# The modules of each part, as patterns of names below `compressor`; the first part that matches counts.
PARTS = {
    "spec": ["spec", "spec.*"],
    "errors": ["errors"],
    "atomic": ["atomic"],
    "threads": ["call_thread", "locks"],
    "sessions": ["onnx_sessions"],
    "options": ["options"],
    "bitstream": ["bitstream", "bitstream.*"],
    "entropy": ["entropy", "entropy.*"],
    "weights": ["weights", "weights.*"],
    "engines": ["engines", "engines.*"],
    # What decodes without Keras.
    "runtimes": [
        "models",
        "models.cnn",
        "models.flagship",
        "models.runtime",
        "models.exporter",
        "models.gains",
        "models.registry",
        "models.*.runtime",
        "models.flagship.entropy_model",
        "models.flagship.reduction",
        "models.flagship.tile_latents",
    ],
    "layers": ["layers", "layers.*"],
    # What needs Keras.
    "models": ["models.*"],
    "images": ["images", "images.*"],
    "coding": ["coding", "coding.*"],
    "codec": ["codec"],
    "pillow_plugin": ["pillow_plugin"],
    "package": [""],
    "cli": ["cli", "cli.*", "__main__"],
}
BASE = {"spec", "errors"}
BYTES = BASE | {"bitstream", "entropy", "weights"}
# The parts that the modules of a part may import, besides their own.
ALLOWED = {
    "spec": set(),
    "errors": set(),
    "atomic": set(),
    "threads": set(),
    "sessions": set(),
    "options": BASE,
    "bitstream": BASE,
    "entropy": BASE | {"threads", "sessions"},
    "weights": BASE,
    "engines": BASE | {"options", "weights", "sessions"},
    "runtimes": BASE | {"entropy", "weights", "engines", "threads"},
    "layers": {"spec"},
    "models": BASE | {"layers", "entropy", "weights", "runtimes"},
    "images": BASE | {"bitstream", "threads"},
    "coding": BYTES | {"options", "engines", "runtimes", "images", "threads"},
    "codec": BASE | {"options", "bitstream", "weights", "images", "coding"},
    "pillow_plugin": BASE | {"bitstream", "images", "codec"},
    "package": {"errors", "options", "codec", "pillow_plugin"},
    "cli": BASE | {"atomic", "options", "bitstream", "weights", "images", "coding", "codec", "package"},
}
# Imports inside a function that go against the arrows: one engine runs the Keras model itself.
EXCEPTIONS = {("coding.loading", "models.exported")}


def name_of(path):
    """Name of a module below `compressor`; "" is the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def imported_names(module):
    """All absolute names that a module imports anywhere in it, with the nodes that do."""
    found = []
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} has a relative import in line {node.lineno}"
            found += [(f"{node.module}.{alias.name}", node) for alias in node.names]
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
    return found


def imports_of(module):
    """Modules of the package that a module imports anywhere in it, with the nodes that do."""
    for name, node in imported_names(module):
        package, _, below = name.partition(".")
        if package == "compressor":
            # The last name is a module, or something in one.
            yield (below if below in MODULES else below.rpartition(".")[0]), node


def part_of(module):
    for part, patterns in PARTS.items():
        if any(fnmatch(module, pattern) for pattern in patterns):
            return part
    return None


@pytest.mark.parametrize("module", MODULES, ids=lambda name: name or "compressor")
def test_arrows_point_one_way(module):
    part = part_of(module)
    assert part, f"{module} is in no part: add it to PARTS"
    for imported, node in imports_of(module):
        if (module, imported) not in EXCEPTIONS:
            assert part_of(imported) in ALLOWED[part] | {part}, f"{module}:{node.lineno} imports {imported}"


def test_every_part_has_modules():
    assert {part_of(module) for module in MODULES} == set(PARTS) == set(ALLOWED)


@pytest.mark.parametrize(("module", "imported"), EXCEPTIONS)
def test_exceptions_are_made_inside_functions(module, imported):
    at_top = set(ast.parse(MODULES[module].read_text()).body)
    nodes = [node for name, node in imports_of(module) if name == imported]
    assert nodes
    lines = {node.lineno for node in at_top}
    assert not lines & {node.lineno for node in nodes}


def test_no_module_imports_itself_through_others():
    # Without the imports by name in the registry: families are loaded on use.
    graph = {module: {imported for imported, _ in imports_of(module)} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_registry_names_modules_of_families_only():
    from compressor.models.registry import FAMILIES

    for family in FAMILIES.values():
        for path in (family.runtime_path, family.model_path, family.exporter_path):
            assert path.startswith(f"compressor.models.{family.name}.")
            assert path.partition(":")[0].removeprefix("compressor.") in MODULES


@pytest.mark.parametrize("module", MODULES, ids=lambda name: name or "compressor")
def test_the_codec_imports_none_of_its_neighbours(module):
    packages = {name.partition(".")[0] for name, _ in imported_names(module)}
    assert not packages & {"training", "eval", "demos", "scripts", "tests"}


@pytest.mark.parametrize(
    ("package", "users"),
    [
        ("constriction", {"entropy.range_coder"}),
        ("onnxruntime", {"engines.onnx_engine", "entropy.integer_layers", "onnx_sessions"}),
        ("openvino", {"engines.openvino_engine"}),
        ("onnx", {"models.exported"}),
        ("tensorflow", set()),
        ("jax", set()),
    ],
)
def test_modules_that_import_a_package(package, users):
    importing = {
        module
        for module in MODULES
        if package in {name.partition(".")[0] for name, _ in imported_names(module)}
    }
    assert importing == users


def test_only_models_and_layers_import_keras():
    importing = {
        module
        for module in MODULES
        if "keras" in {name.partition(".")[0] for name, _ in imported_names(module)}
    }
    assert {part_of(module) for module in importing} == {"layers", "models"}
