"""Fixtures: small pictures, and a codec that counts its calls."""

import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval import codecs
from eval.cli import main
from eval.codecs import Codec
from tests.samples import photo_like


@pytest.fixture
def photo():
    """The function `photo_like`."""
    return photo_like


def write_pictures(path: Path) -> Path:
    """Make a folder of two small pictures of different sizes."""
    path.mkdir()
    Image.fromarray(photo_like(48, 64)).save(path / "a.png")
    Image.fromarray(photo_like(40, 56, seed=1)).save(path / "b.png")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two small pictures of different sizes, which a test may change."""
    return write_pictures(tmp_path / "pictures")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """The CSV file of an evaluation of these pictures, which no test changes."""
    path = tmp_path_factory.mktemp("results")
    codecs = ["--codecs", "jpeg420", "webp", "jpeg444", "--qualities", "20", "50", "80", "95"]
    folders = ["--images", str(write_pictures(path / "pictures")), "--out", str(path)]
    assert main(["run", *folders, "--cache", str(path / "cache"), *codecs, "--no-html", "--quiet"]) == 0
    return path / "report.csv"


@dataclass(frozen=True)
class NumbersCodec(Codec):
    """Codec that keeps the top bits of each byte, and logs the qualities of its calls in `log`."""

    log: tuple = ()
    number: str = "1"
    fail_at: int = -1
    error: type[BaseException] = ValueError

    def version(self) -> str:
        return self.number

    def encode(self, image_uint8, quality):
        self.log[0].append(quality)
        if len(self.log[0]) == self.fail_at:
            raise self.error("codec failed")
        height, width = image_uint8.shape[:2]
        shift = 7 - int(quality * 7 / 100)
        kept = (image_uint8 >> shift) << shift
        return bytes([height, width, shift]) + kept.tobytes() + bytes(int(quality))

    def decode(self, data):
        height, width, _ = data[:3]
        return np.frombuffer(data, np.uint8, 3 * height * width, 3).reshape(height, width, 3)


@pytest.fixture
def numbers_codec():
    def make(**kwargs):
        return NumbersCodec("numbers", "Numbers", ".num", qualities=(10, 50, 90), log=([],), **kwargs)

    return make


@pytest.fixture
def no_butteraugli(monkeypatch):
    """A machine without `butteraugli_main`."""
    monkeypatch.setattr("eval.butteraugli.PROGRAM", "no_such_program")


@pytest.fixture
def fake_compressor(monkeypatch, tmp_path):
    """A stand-in for the package, with only its public functions."""
    module = types.ModuleType("compressor")
    module.__version__ = "9.9"
    module.__file__ = str(tmp_path / "__init__.py")
    (tmp_path / "__init__.py").write_text("# code")
    module.seen = []

    def encode(image, quality=50, runtime=None, **options):
        module.seen.append((quality, runtime.model, options))
        return bytes(image.shape[:2])

    module.encode = encode
    module.Runtime = types.SimpleNamespace
    module.decode = lambda data, runtime: Image.new("L", (data[1], data[0]), 7)
    monkeypatch.setattr(codecs, "compressor", module)
    codecs._source_digest.cache_clear()
    yield module
    codecs._source_digest.cache_clear()
