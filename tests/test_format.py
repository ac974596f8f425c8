"""FORMAT.md is complete: a decoder written from it alone reads what the codec writes."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import compressor
from compressor import Runtime
from compressor.bitstream.container import read_container
from compressor.entropy.range_coder import SymbolEncoder
from compressor.entropy.tables import load_tables
from compressor.weights.shipped import SHIPPED, shipped_models
from scripts.symbols import digest_of_stream, digest_of_symbols
from tests import independent_reader
from tests.samples import assert_same_pixels, rebuilt, with_later_section

GOLDEN = Path(__file__).parent / "golden"
STREAMS = sorted(path for name in shipped_models() for path in GOLDEN.glob(f"{name}-*.cmpr"))


def test_the_reader_imports_nothing_of_the_codec():
    tree = ast.parse(Path(independent_reader.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or node.names[0].name for node in imports}
    assert not {name.split(".")[0] for name in names} & {"compressor", "training", "scripts", "constriction"}


@pytest.mark.parametrize("name", shipped_models())
def test_every_number_is_described(name):
    model = independent_reader.Model(SHIPPED / name)
    text = (Path(__file__).parents[1] / "FORMAT.md").read_text(encoding="utf-8")
    keys = [*model.numbers, *model.gains, *(key for p in model.manifest.get("passes", ())[:1] for key in p)]
    keys += [key for key in model.entropy if not key.startswith(("hyper_", "context_"))]
    assert [key for key in keys if f"`{key}`" not in text] == []


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_golden_stream(path):
    pixels, coded = independent_reader.decode(path.read_bytes(), SHIPPED)
    assert digest_of_symbols(coded) == json.loads(path.with_suffix(".json").read_text())["symbols_sha256"]
    assert_same_pixels(pixels, Image.open(path.with_suffix(".png")), path.stem.rpartition("-")[0])


@pytest.mark.parametrize(("name", "size"), [("flagship-psnr", (2064, 20)), ("cnn", (7, 519))])
def test_two_tiles(name, size, random_pictures):
    width, height = size
    picture = Image.fromarray(np.uint8(255 * random_pictures(1, height, width)[0]))
    stream = compressor.encode(picture, 20, runtime=Runtime(model=name))
    pixels, coded = independent_reader.decode(stream, SHIPPED)
    assert digest_of_symbols(coded) == digest_of_stream(stream)
    assert_same_pixels(pixels, compressor.decode(stream), name)


def test_a_section_of_a_later_version_changes_no_pixel():
    stream = (GOLDEN / "cnn-photo.cmpr").read_bytes()
    later = with_later_section(stream, 14, b"later")
    expected = np.asarray(compressor.decode(stream))
    np.testing.assert_array_equal(compressor.decode(later), expected)
    np.testing.assert_array_equal(independent_reader.decode(later, SHIPPED)[0], expected)


@pytest.mark.parametrize("name", shipped_models())
def test_range_coder_and_escapes(name):
    model = independent_reader.Model(SHIPPED / name)
    tables = load_tables(np.load(SHIPPED / name / "entropy.npz"))
    encoder, random = SymbolEncoder(tables), np.random.default_rng(3)
    groups = []
    for _ in range(20):
        indices = random.integers(0, len(tables.half_widths), 64).astype(np.uint8)
        symbols = np.rint(np.exp(random.uniform(-1, 13.8, 64)) * random.choice([-1, 1], 64)).astype(np.int32)
        # Half of them within their table.
        symbols[::2] %= np.maximum(tables.half_widths[indices[::2]], 1)
        symbols[indices == 0] = 0
        encoder.put(symbols, indices)
        groups.append((symbols, indices))
    reader = independent_reader.SymbolReader(model, encoder.finish())
    for symbols, indices in groups:
        assert np.array_equal(reader.array(indices), symbols)


@pytest.mark.parametrize("index", [1, 20, 40, 63])
def test_intervals_of_every_letter(index):
    tables = load_tables(np.load(SHIPPED / "cnn" / "entropy.npz"))
    limit = int(tables.half_widths[index])
    symbols = np.arange(-limit, limit + 1, dtype=np.int32)
    indices = np.full(len(symbols), index, np.uint8)
    encoder = SymbolEncoder(tables)
    encoder.put(symbols, indices)
    reader = independent_reader.SymbolReader(independent_reader.Model(SHIPPED / "cnn"), encoder.finish())
    assert np.array_equal(reader.array(indices), symbols)


@pytest.mark.parametrize("name", shipped_models())
def test_damage_is_refused(name):
    stream = (GOLDEN / f"{name}-photo.cmpr").read_bytes()
    flipped = bytearray(stream)
    flipped[20] ^= 1
    # The checksum is valid, but there is too little data for the picture.
    short = rebuilt(stream, sections={"picture": read_container(stream).sections["picture"][:8]})
    for damaged, message in (
        (stream[:-1], "truncated"),
        (stream + b"\0", "trailing bytes"),
        (bytes(flipped), "bad checksum"),
        (b"", "bad magic"),
        (stream[:30], "truncated"),
        (short, "more symbols than data"),
    ):
        with pytest.raises(ValueError, match=message):
            independent_reader.decode(damaged, SHIPPED)


def test_a_model_without_filter(random_pictures, tiny_options, tmp_path):
    pytest.importorskip("keras", reason="needs the train extra")
    from compressor.models.registry import build_model
    from training.export import export

    pictures = random_pictures(8, 64, 64)
    model = build_model("flagship", transforms=False, **tiny_options["flagship"])
    model.adapt(pictures)
    export(model, tmp_path / "tiny", name="tiny", model_id=0, metric="mse", provenance={})
    assert not (tmp_path / "tiny" / "filter.onnx").exists()
    runtime = Runtime(weights=tmp_path / "tiny")
    stream = compressor.encode(np.uint8(255 * pictures[0, :40, :50]), runtime=runtime)
    pixels, coded = independent_reader.decode(stream, tmp_path)
    assert sum(np.count_nonzero(symbols) for symbols in coded) > 100
    assert_same_pixels(pixels, compressor.decode(stream, runtime=runtime), "tiny")
