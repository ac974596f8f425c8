"""Fixtures of several test files, such as a picture coder of a few lines in place of the networks."""

import itertools
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

import compressor  # noqa: F401  (registers the Pillow plugin)
from tests.samples import randomise

# A slow machine must not fail a test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Packages of the extras, and the files and folders that are left out without them. The extra `test` is always
# installed.
EXTRAS = {
    "train": (
        ["keras", "onnx", "tensorflow"],
        [
            "coding/test_picture_coder.py",
            "engines/test_engines.py",
            "layers",
            "models/flagship/test_calibration.py",
            "models/flagship/test_integer_networks.py",
            "models/flagship/test_model.py",
            "models/flagship/test_parity.py",
            "models/flagship/test_reduction.py",
            "models/test_exported.py",
            "models/test_models.py",
            "scripts/test_bundle.py",
            "scripts/test_compare_filters.py",
            "training",
        ],
    ),
    "eval": (
        ["bjontegaard", "matplotlib", "tqdm"],
        ["eval", "scripts/test_compare_models.py", "scripts/test_time_checkouts.py"],
    ),
    "demos": (["keras", "matplotlib", "tensorflow"], ["demos"]),
}


def is_installed(package):
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False


MISSING = {extra: [p for p in packages if not is_installed(p)] for extra, (packages, _) in EXTRAS.items()}
collect_ignore = [path for extra, (_, paths) in EXTRAS.items() if MISSING[extra] for path in paths]


def pytest_collection_modifyitems(config, items):
    """Start with the slow tests, so that no process is left with one at the end.

    pytest-xdist gives each process a part of the list, all of about the same length.
    """
    slow, others = [], []
    for item in items:
        (slow if item.get_closest_marker("slow") else others).append(item)
    count = getattr(config, "workerinput", {}).get("workercount", 1)
    bounds = [len(others) * part // count for part in range(count + 1)]
    items[:] = [
        item
        for part, (start, end) in enumerate(itertools.pairwise(bounds))
        for item in slow[part::count] + others[start:end]
    ]


def pytest_terminal_summary(terminalreporter):
    """Say what was left out; `pytest_report_header` would say it only without `-q`."""
    for extra, packages in MISSING.items():
        if packages:
            missing = ", ".join(packages)
            terminalreporter.write_line(f"without {missing}, tests of the extra {extra} are left out")


# Lossless, so that tests of everything around the coder can compare pixels exactly.
FAKE_CODER_SOURCE = textwrap.dedent(
    """
    import zlib
    from types import SimpleNamespace

    import numpy as np

    from compressor.errors import CorruptStreamError, OptionError, UnsupportedStreamError

    MODEL_ID = 7


    class PictureCoder:
        model_id = MODEL_ID
        model_name = "fake"
        reductions = (1,)
        runtime = SimpleNamespace(block=16, distortion_weight=lambda level: 1e3, metric="mse")

        def __init__(self, engine):
            self.engine_name = "fake-" + engine

        def encode(self, image_uint8, levels, effort, *, verify=False, on_progress=None):
            level = int(np.max(levels))
            assert image_uint8.dtype == np.uint8 and image_uint8.shape[2] == 3 and 0 <= level <= 396
            if effort.refinement_steps:
                on_progress(0.25)
            return bytes([level % 251]) + zlib.compress(image_uint8.tobytes(), 1)

        def decode(self, payload, height, width, levels, region=None, reduction=1, *, is_cut=False):
            level = int(np.max(levels))
            try:
                pixels = zlib.decompress(payload[1:])
            except zlib.error as error:
                raise CorruptStreamError(f"the picture is damaged ({error}): get it again") from error
            if payload[0] != level % 251 or len(pixels) != height * width * 3:
                raise CorruptStreamError("the picture contradicts its header: get it again")
            image_uint8 = np.array(np.frombuffer(pixels, np.uint8).reshape(height, width, 3))
            return image_uint8 if region is None else image_uint8[region.slices]


    def load_coder(runtime, model_id=None):
        if model_id not in (None, MODEL_ID):
            raise UnsupportedStreamError(f"received model {model_id}, expected {MODEL_ID}: update")
        if runtime.engine not in ("auto", "keras"):
            raise OptionError(f"received engine {runtime.engine!r}, expected auto or keras")
        return PictureCoder(runtime.engine)
    """
)

_RUN_WITH_FAKE_CODER = textwrap.dedent(
    """
    import sys
    from types import ModuleType

    fake = ModuleType("compressor.coding.loading")
    exec(compile(sys.argv.pop(1), "fake_coder", "exec"), fake.__dict__)
    sys.modules[fake.__name__] = fake
    from compressor.cli.entry import run

    run()
    """
)


@pytest.fixture
def fake_coder(monkeypatch):
    """Put the fake coder in the place of the real one; returns its module's content."""
    content: dict = {"__name__": "compressor.coding.loading"}
    exec(compile(FAKE_CODER_SOURCE, "fake_coder", "exec"), content)
    module = SimpleNamespace(**content)
    monkeypatch.setitem(sys.modules, "compressor.coding.loading", module)
    return module


@pytest.fixture
def start_process():
    """Return a function that starts the command line in a process of its own, with the fake coder."""
    root = Path(compressor.__file__).parents[1]

    def start(*arguments, env=None, **options):
        command = [sys.executable, "-c", _RUN_WITH_FAKE_CODER, FAKE_CODER_SOURCE, *map(str, arguments)]
        environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"} | (env or {})
        return subprocess.Popen(command, env=environment, **options)

    return start


@pytest.fixture
def run_process(start_process):
    """Return a function that runs the command line as `start_process` does, until it has ended."""

    def run(*arguments, input=b"", **options):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with start_process(*arguments, **pipes | options) as process:
            output, message = process.communicate(input, timeout=30)
        return subprocess.CompletedProcess(arguments, process.returncode, output, message)

    return run


@pytest.fixture(scope="session")
def shared():
    """The folder of optional data next to the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the optional data folder ../shared is missing")
    return folder


@pytest.fixture(scope="session")
def conformance_folder(shared):
    """The folder of odd and broken pictures in the optional data."""
    folder = shared / "data" / "conformance"
    if not folder.is_dir():
        pytest.skip("the conformance pictures (../shared/data/conformance) are missing")
    return folder


@pytest.fixture(scope="session")
def random_pictures():
    """Return a function that makes smooth random pictures (n, height, width, 3), floats 0..1."""

    def make(n, height, width, seed=0):
        random = np.random.default_rng(seed)
        small = random.integers(0, 256, (n, max(2, height // 8), max(2, width // 8), 3)).astype(np.uint8)
        size = (width, height)
        large = [np.asarray(Image.fromarray(x).resize(size, Image.Resampling.BICUBIC)) for x in small]
        return np.stack(large).astype(np.float32) / 255

    return make


@pytest.fixture
def eager(monkeypatch):
    """Train without graphs of the steps: tracing one takes as long as dozens of eager steps.

    `tf.config.run_functions_eagerly` would also slow down `training.worth`, which repeats its graph often.
    """
    keras = pytest.importorskip("keras", reason="needs the train extra")
    always = property(lambda model: True, lambda model, value: None)
    monkeypatch.setattr(keras.Model, "run_eagerly", always)


@pytest.fixture(scope="session")
def tiny_options():
    """Options of small models, by family."""
    return {
        "flagship": {
            "channels": 104,
            "splits": (24, 96, 100),
            "width": 16,
            "filter_width": 8,
            "side": 12,
            "mean_features": 8,
            "scale_features": 8,
            "mean_hidden": (12, 12, 12, 12),
            "scale_hidden": (12, 12, 12, 12),
        },
        "cnn": {"hidden": 8, "channels": 6},
    }


@pytest.fixture(scope="session")
def tiny_flagship(random_pictures, tiny_options):
    """An untrained small flagship whose every weight is random, so that every part acts."""
    keras = pytest.importorskip("keras", reason="needs the train extra")
    from compressor.models.registry import build_model

    keras.utils.set_random_seed(5)
    model = build_model("flagship", **tiny_options["flagship"])
    model.adapt(random_pictures(8, 64, 64))
    randomise(model, 5)
    return model


@pytest.fixture(scope="session")
def tiny_folder(tiny_flagship, tmp_path_factory):
    """The exported tiny flagship."""
    pytest.importorskip("onnx", reason="needs the train extra")
    from training.export import export

    folder = tmp_path_factory.mktemp("tiny")
    export(tiny_flagship, folder, name="tiny", model_id=0, metric="mse", provenance={})
    return folder
