"""Streams made to break the decoder, with valid checksums: each gives a picture or a typed error, cheaply.

`tests/corrupt` holds inputs that once broke this promise, found by `scripts/fuzz.py` and by hand.
"""

import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import compressor
from compressor import Runtime
from compressor.bitstream.container import read_container
from compressor.bitstream.varint import MAX_VALUE, write_varint
from compressor.errors import CompressorError, TruncatedStreamError
from compressor.weights.shipped import shipped_models
from tests.samples import png_with_size, rebuilt, saved

TESTS = Path(__file__).parent
MODELS = tuple(shipped_models())
# For imports, models and decoding. A hostile picture claims gigabytes.
MAX_MEGABYTES = 500


def picture_of(stream):
    return read_container(stream).sections["picture"]


def golden(name):
    return (TESTS / "golden" / f"{name}.cmpr").read_bytes()


def png(width, height, **options):
    return saved(Image.new("L", (width, height), 7), "PNG", **options)


def webp(width, height, *, lossless=True):
    random = np.random.default_rng(0).integers(0, 256, (height, width, 4), dtype=np.uint8)
    return saved(Image.fromarray(random), "WEBP", lossless=lossless)


def webp_with_size(data, width, height):
    """The lossless WebP with another size in its header."""
    fields = int.from_bytes(data[21:25], "little") >> 28 << 28 | (height - 1) << 14 | (width - 1)
    return data[:21] + fields.to_bytes(4, "little") + data[25:]


@cache
def bombs():
    """Text that grows a thousandfold when it is read."""
    text = PngInfo()
    for number in range(20):
        text.add_text(f"bomb {number}", "x" * 1_000_000, zip=True)
    return png(40, 33, pnginfo=text)


HUGE = {"width": 13_377, "height": 13_377}
HUGE_MAP = zlib.compress(bytes(10**8))
STREAMS = (
    {path.name: path.read_bytes() for path in sorted((TESTS / "corrupt").iterdir())}
    | {
        f"{model}: {name}": rebuilt(golden(f"{model}-{base}"), **changes)
        for model in MODELS
        for name, base, changes in (
            ("the largest picture, without data", "dot", HUGE | {"sections": {"picture": b""}}),
            ("the largest picture, of empty tiles", "dot", HUGE | {"sections": {"picture": bytes(3000)}}),
            ("the largest picture, of another's data", "dot", HUGE),
            ("the thinnest picture", "dot", {"width": 178_956_970}),
            ("the thinnest picture, upright", "dot", {"height": 178_956_970}),
            ("a tile without data", "dot", {"width": 2048, "height": 2048, "sections": {"picture": b""}}),
            (
                "a length beyond the end",
                "dot",
                {"width": 2049, "sections": {"picture": write_varint(MAX_VALUE)}},
            ),
            ("no whole words", "photo", {"sections": {"picture": b"12345"}}),
            ("zeros", "photo", {"sections": {"picture": bytes(1000)}}),
            ("ones", "photo", {"sections": {"picture": b"\xff" * 1000}}),
            ("another quality", "photo", {"level": 396}),
            ("another size", "photo", {"width": 70, "height": 93}),
            ("gray", "photo", {"gray": True}),
            ("a model that there is not", "photo", {"model_id": 255}),
            ("alpha of another size", "fine", {"sections": {"alpha": png(33, 40)}}),
            (
                "alpha that claims to be huge",
                "fine",
                {"sections": {"alpha": png_with_size(png(40, 33), 2**31 - 1, 2**31 - 1)}},
            ),
            ("alpha that ends early", "fine", {"sections": {"alpha": png(40, 33)[:60]}}),
            ("alpha with bombs", "fine", {"sections": {"alpha": bombs()}}),
            ("stored pixels of another size", "photo", {"sections": {"stored": webp(70, 93)}}),
            (
                "the largest picture, without stored pixels",
                "dot",
                HUGE | {"sections": {"stored": bytes(48), "picture": b""}},
            ),
            ("some stored pixels, and no picture", "screen", {"sections": {"picture": b""}}),
            ("stored pixels that end early", "photo", {"sections": {"stored": webp(93, 70)[:-20]}}),
            ("stored pixels with loss", "photo", {"sections": {"stored": webp(93, 70, lossless=False)}}),
            (
                "stored pixels that are damaged",
                "photo",
                {"sections": {"stored": webp(93, 70)[:40] + bytes(999)}},
            ),
            (
                "stored pixels of several tiles",
                "dot",
                {"width": 2049, "sections": {"stored": write_varint(MAX_VALUE)}},
            ),
            (
                "stored pixels that claim to be huge",
                "photo",
                {"sections": {"stored": webp_with_size(webp(93, 70), 1 << 14, 1 << 14)}},
            ),
            ("a quality map that is damaged", "map", {"sections": {"quality_map": b"123"}}),
            ("a quality map of another size", "map", {"sections": {"quality_map": zlib.compress(bytes(8))}}),
            ("a quality map with more", "map", {"sections": {"quality_map": zlib.compress(bytes(9)) + b"1"}}),
            ("a quality map that is huge", "map", {"sections": {"quality_map": HUGE_MAP}}),
            ("another quality map", "map", {"sections": {"quality_map": zlib.compress(b"\xff" * 9)}}),
            ("a quality map of the thinnest picture", "map", {"width": 178_956_970}),
        )
    }
    | {
        f"{model}: half of its data": rebuilt(stream, sections={"picture": picture_of(stream)[: 4 * 150]})
        for model, stream in ((model, golden(f"{model}-photo")) for model in MODELS)
    }
    | {"the other model's data": rebuilt(golden("cnn-photo"), model_id=shipped_models()["flagship-psnr"])}
)

# All others are refused. Whether data of another size or model give a picture depends on the weights.
DECODED = {f"{model}: {name}" for model in MODELS for name in ("gray", "alpha with bombs")}
DECODED |= {"cnn: another size", "the other model's data"}

DECODE_FOLDER = """
import re, sys
from pathlib import Path
import compressor
for path in Path(sys.argv[1]).iterdir():
    try:
        compressor.decode(path.read_bytes())
    except compressor.errors.CompressorError:
        pass
# Peak memory of this process alone; getrusage starts from the parent's.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.parametrize("name", STREAMS)
def test_a_picture_or_a_typed_error(name):
    data, runtime = STREAMS[name], Runtime(engine="onnxruntime")
    if name not in DECODED:
        with pytest.raises(CompressorError):
            compressor.decode(data, runtime=runtime)
        return
    picture, info = compressor.decode(data, runtime=runtime), compressor.read_info(data)
    assert (picture.mode, picture.size) == (info.mode, (info.width, info.height))


@pytest.mark.parametrize("model", MODELS)
def test_data_that_are_cut_are_noticed_despite_good_checksums(model):
    with pytest.raises(CompressorError, match="ends before its symbols"):
        compressor.decode(STREAMS[f"{model}: half of its data"])


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of memory in use differs elsewhere")
def test_memory_stays_within_what_a_small_picture_takes(tmp_path):
    for number, data in enumerate(STREAMS.values()):
        (tmp_path / str(number)).write_bytes(data)
    command = [sys.executable, "-c", DECODE_FOLDER, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS.parent, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= MAX_MEGABYTES


@pytest.mark.parametrize("name", ["flagship-iq-photo", "flagship-psnr-fine", "cnn-coarse"])
def test_the_beginning_of_a_stream_is_a_picture_or_refused(name):
    data = golden(name)
    size = compressor.decode(data).size
    pictures = 0
    for length in range(1, len(data), 7):
        try:
            picture = compressor.decode(data[:length], partial=True)
        except TruncatedStreamError:
            continue
        assert picture.size == size
        pictures += 1
    assert pictures > 1
