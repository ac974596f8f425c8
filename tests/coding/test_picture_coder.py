"""Pictures to payloads and back with real (small, random) networks."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import compressor
from compressor import Runtime
from compressor.coding.area import Area
from compressor.coding.loading import create_coder, load_coder
from compressor.coding.picture_coder import PictureCoder
from compressor.errors import CorruptStreamError, StreamError, UnsupportedStreamError, WeightsError
from compressor.images.psnr import psnr_db
from compressor.models.flagship import runtime as flagship_runtime
from compressor.options import ENGINES
from compressor.spec.constants import TILE
from compressor.spec.passes import coding_passes
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import shipped_folder


@pytest.fixture(scope="module")
def coder(tiny_folder):
    return create_coder(ModelFiles(tiny_folder), "onnxruntime")


@pytest.fixture
def picture(random_pictures):
    """Return a function that makes a picture, uint8 (height, width, 3)."""
    return lambda height, width: np.rint(255 * random_pictures(1, height, width)[0]).astype(np.uint8)


def symbols_of(coder, image, level):
    return [symbols for symbols, _ in coder.symbols(image, level)]


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (16, 16), (37, 53), (64, 128), (65, 17)])
def test_any_size_round_trips(coder, picture, size):
    image = picture(*size)
    payload = coder.encode(image, 300)
    decoded = coder.decode(payload, *size, 300)
    assert decoded.shape == image.shape
    assert decoded.dtype == np.uint8
    assert psnr_db(decoded, image) > 25
    assert coder.encode(image, 300) == payload


def test_decoder_reads_the_symbols_of_the_encoder(coder, picture):
    """The decoder finds the symbols of the encoder, pass by pass, although each computes its own means."""
    image = picture(60, 84)
    coded = symbols_of(coder, image, 200)
    decoded = [x for x, _ in coder.read_symbols(coder.encode(image, 200), 60, 84, 200)]
    assert len(coded) == len(decoded) == 2 + len(coding_passes(104, (24, 96, 100)))
    for ours, theirs in zip(coded, decoded, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert sum(np.count_nonzero(x) for x in coded) > 100


def test_how_much_is_evaluated_at_once_changes_no_byte(coder, picture, monkeypatch):
    image = picture(100, 120)
    payload = coder.encode(image, 200)
    monkeypatch.setattr(flagship_runtime, "MAX_POSITIONS", 9)
    assert coder.encode(image, 200) == payload


def test_verification_changes_no_byte_and_finds_a_wrong_one(coder, picture, monkeypatch):
    image = picture(40, 56)
    assert coder.encode(image, 200, verify=True) == coder.encode(image, 200)
    from compressor.entropy import range_coder

    finish = range_coder.SymbolEncoder.finish

    def flip(self):
        data = bytearray(finish(self))
        data[len(data) // 2] ^= 8
        return bytes(data)

    monkeypatch.setattr(range_coder.SymbolEncoder, "finish", flip)
    assert coder.encode(image, 200)
    with pytest.raises(CorruptStreamError):
        coder.encode(image, 200, verify=True)


def test_quality_raises_rate_and_fidelity(coder, picture):
    image = picture(96, 128)
    payloads = [coder.encode(image, level) for level in (0, 200, 396)]
    quality = [
        psnr_db(coder.decode(p, 96, 128, v), image) for p, v in zip(payloads, (0, 200, 396), strict=True)
    ]
    assert len(payloads[0]) < len(payloads[1]) < len(payloads[2])
    assert quality[0] < quality[1] < quality[2]


@pytest.mark.parametrize("name", ENGINES)
def test_engines_decode_each_others_streams(coder, picture, tiny_folder, name):
    pytest.importorskip(name, reason=f"{name} is not installed")
    other = create_coder(ModelFiles(tiny_folder), name, threads=2)
    image = picture(80, 112)
    theirs, ours = other.encode(image, 250), coder.encode(image, 250)
    for payload in (theirs, ours):
        a, b = coder.decode(payload, 80, 112, 250), other.decode(payload, 80, 112, 250)
        assert np.abs(a.astype(int) - b.astype(int)).max() <= 1


def with_tiles(coder, tile=TILE, part=TILE // 2, workers=1):
    """Return a coder of the same model with other tiles, parts or workers."""
    return PictureCoder(coder.runtime, tile=tile, part=part, workers=workers)


def latents_of(coder, image, tile):
    """Latents of the whole picture, analysed in blocks of `tile` positions a side."""
    grid = Area(0, 0, *image.shape[:2]).covering(coder.runtime.block)
    latents = np.full((grid.height, grid.width, coder.runtime.synthesis(1).channels), np.nan, np.float32)
    for area in grid.cut(tile):
        latents[area.slices] = coder.analyse(image, area, 300)[1].latents
    return latents


def test_analysis_in_blocks_is_that_of_the_whole(coder, picture, monkeypatch):
    image = picture(415, 390)
    whole = latents_of(coder, image, TILE)
    np.testing.assert_allclose(latents_of(coder, image, 4), whole, atol=1e-3)
    # Without enough around a block, the borders show: this test can fail.
    monkeypatch.setattr(coder.runtime, "analysis_halo", 1)
    assert np.abs(latents_of(coder, image, 4) - whole).max() > 0.1


def test_synthesis_in_blocks_has_no_seams(coder, picture, monkeypatch):
    image = picture(290, 330)
    payload = coder.encode(image, 100)
    whole = coder.decode(payload, 290, 330, 100).astype(int)
    coder = with_tiles(coder, part=4)

    def differences():
        """At the 16 pixels around each border between blocks of 64, and elsewhere."""
        difference = np.abs(coder.decode(payload, 290, 330, 100) - whole)
        near = [(np.arange(n) + 8) % 64 < 16 for n in difference.shape[:2]]
        mask = near[0][:, None] | near[1]
        return difference[mask], difference[~mask]

    border, elsewhere = differences()
    assert max(border.max(), elsewhere.max()) <= 1
    assert border.mean() <= elsewhere.mean() + 1e-3
    monkeypatch.setattr(coder.runtime, "synthesis_halo", 0)
    border, elsewhere = differences()
    assert border.max() > 1
    assert border.mean() > elsewhere.mean() + 0.1


@pytest.mark.parametrize("size", [(100, 75), (48, 48), (1, 200), (200, 1)])
def test_pictures_of_many_tiles_round_trip(coder, picture, size):
    coder = with_tiles(coder, 3, 3)
    image = picture(*size)
    payload = coder.encode(image, 300, verify=True)
    assert psnr_db(coder.decode(payload, *size, 300), image) > 25


def test_several_tiles_at_once_change_no_pixel(coder, picture):
    image = picture(100, 75)
    payload = with_tiles(coder, 3, 3).encode(image, 300)
    expected = with_tiles(coder, 3, 3).decode(payload, 100, 75, 300)
    np.testing.assert_array_equal(with_tiles(coder, 3, 3, workers=3).decode(payload, 100, 75, 300), expected)


@pytest.mark.parametrize("workers", [1, 3])
def test_only_the_tiles_of_a_region_are_decoded(coder, picture, monkeypatch, workers):
    coder = with_tiles(coder, 3, 3, workers)
    payload = coder.encode(picture(300, 300), 300)
    decode, areas = coder.tile_coder.decode, []

    def count(data, height, width, *arguments, **options):
        areas.append((height, width))
        return decode(data, height, width, *arguments, **options)

    monkeypatch.setattr(coder.tile_coder, "decode", count)
    assert coder.decode(payload, 300, 300, 300, region=Area(0, 0, 16, 16)).shape == (16, 16, 3)
    # The synthesis of the region needs at most 9 of the 49 tiles.
    assert 1 <= len(areas) <= 9


def test_a_tile_that_claims_too_much_is_refused(coder, picture):
    coder = with_tiles(coder, 3, 3)
    payload = coder.encode(picture(100, 75), 300)
    # Cut inside the first tile, which has a length; only a checksum shows that the last tile is cut.
    with pytest.raises(StreamError, match="tile 0"):
        coder.decode(payload[:5], 100, 75, 300)


def test_a_payload_that_is_cut_off_becomes_better_with_its_length(coder, picture):
    image = picture(60, 84)
    payload = coder.encode(image, 300)
    found = [
        psnr_db(coder.decode(payload[: round(share * len(payload))], 60, 84, 300, is_cut=True), image)
        for share in (0.02, 0.3, 0.6, 0.9)
    ]
    assert found == sorted(found)
    assert found[-1] > found[0] + 3
    assert found[-1] < psnr_db(coder.decode(payload, 60, 84, 300), image)


def test_whole_tiles_of_a_payload_that_is_cut_off_are_as_always(coder, picture):
    coder = with_tiles(coder, 3, 128)
    payload = coder.encode(picture(130, 141), 200)
    whole = coder.decode(payload, 130, 141, 200)
    cut = coder.decode(payload[: len(payload) // 2], 130, 141, 200, is_cut=True)
    # The halo of the synthesis reaches into the next tiles.
    np.testing.assert_array_equal(cut[:24], whole[:24])
    assert np.ptp(cut[-16:], axis=(0, 1)).max() < np.ptp(whole[-16:], axis=(0, 1)).max()


@pytest.mark.parametrize(
    "region",
    [
        Area(0, 0, 1, 1),
        Area(129, 140, 130, 141),
        Area(0, 60, 130, 70),
        Area(47, 31, 99, 113),
        Area(0, 0, 130, 141),
    ],
)
@pytest.mark.parametrize("tile", [3, 128])
def test_a_region_is_that_part_of_the_picture(coder, picture, region, tile):
    coder = with_tiles(coder, tile, tile)
    payload = coder.encode(picture(130, 141), 200)
    whole = coder.decode(payload, 130, 141, 200).astype(int)
    part = coder.decode(payload, 130, 141, 200, region)
    assert part.shape == (region.height, region.width, 3)
    assert np.abs(part - whole[region.slices]).max() <= 1


def test_a_region_decodes_only_the_tiles_around_it(coder, picture, monkeypatch):
    """Only the tiles around it are decoded, each once, and only its surroundings are synthesised."""
    coder = with_tiles(coder, 8, 8)
    payload = coder.encode(picture(640, 640), 200)
    decoded, synthesised = [], []
    decode, synthesis = coder.tile_coder.decode, coder.runtime.synthesis(1)
    monkeypatch.setattr(
        coder.tile_coder,
        "decode",
        lambda *args, **options: decoded.append(args[1:3]) or decode(*args, **options),
    )

    def run(latents, levels):
        synthesised.append(latents.shape[:2])
        return synthesis.run(latents, levels)

    monkeypatch.setattr(coder.runtime, "synthesis", lambda _: replace(synthesis, run=run))
    coder.decode(payload, 640, 640, 200, Area(200, 200, 230, 250))
    assert decoded == [(8, 8)] * 4  # of 25
    around = 2 * coder.runtime.synthesis_halo
    assert synthesised == [(3 + around, 4 + around)]
    decoded.clear()
    coder.decode(payload, 640, 640, 200)
    assert decoded == [(8, 8)] * 25


def test_float_noise_in_the_means_never_changes_a_symbol(coder, picture, tiny_folder):
    """The decoder's means may drift between machines; the stream must not."""
    noisy = create_coder(ModelFiles(tiny_folder), "onnxruntime")
    run, random = noisy.runtime._engine.run, np.random.default_rng(7)

    def drifting(graph, *inputs):
        result = run(graph, *inputs)
        if "mean" in graph:
            result = result * (1 + 1e-3 * random.standard_normal(result.shape)).astype(np.float32)
        return result

    noisy.runtime._engine.run = drifting
    image = picture(64, 96)
    payload = coder.encode(image, 300)
    clean, drifted = coder.decode(payload, 64, 96, 300), noisy.decode(payload, 64, 96, 300)
    assert psnr_db(drifted, image) > psnr_db(clean, image) - 0.05


def test_cnn_round_trips(picture, tmp_path, tiny_options):
    from compressor.models.registry import build_model
    from training.export import export

    model = build_model("cnn", **tiny_options["cnn"])
    model.adapt(None)
    model.log_scale.values.assign(np.ones((5, 6)))
    export(model, tmp_path, name="cnn", model_id=0, metric="mse", provenance={})
    coder = create_coder(ModelFiles(tmp_path), "onnxruntime")
    image = picture(33, 50)
    images = np.pad(image, ((0, 3), (0, 2), (0, 0)), mode="edge")[None].astype("float32") / 255
    outputs = model({"images": images, "quality": np.array([200 / 396], "float32")})
    decoded = coder.decode(coder.encode(image, 200), 33, 50, 200)
    expected = np.clip(255 * np.asarray(outputs["images"])[0, :33, :50], 0, 255)
    # Weights were rounded to float16 on export: a symbol on the edge may round the other way.
    assert np.mean(np.abs(decoded - expected)) < 1


def test_damaged_or_unknown_models_are_refused(tiny_folder, tmp_path):
    with pytest.raises(WeightsError, match="manifest"):
        load_coder(Runtime(weights=tmp_path))
    with pytest.raises(UnsupportedStreamError, match="upgrade"):
        load_coder(Runtime(), 250)
    for path in tiny_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "gains.npz").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match=r"gains\.npz"):
        load_coder(Runtime(weights=tmp_path))


def model_with(folder, name, **numbers):
    """Return a copy of a shipped model with other numbers in its manifest."""
    shutil.copytree(shipped_folder(name), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["numbers"] |= numbers
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Runtime(weights=folder)


@pytest.mark.parametrize(
    ("name", "number", "value"),
    [
        ("flagship-psnr", "side_steps", 2),
        ("flagship-psnr", "near_floor", 3.0),
        ("flagship-psnr", "filter_amplitude", 0.1),
        ("cnn", "pixel_scale", 32),
    ],
)
def test_decoders_read_the_numbers_of_the_manifest(tmp_path, picture, name, number, value):
    stream = compressor.encode(picture(64, 64), 70, runtime=Runtime(model=name))
    other = model_with(tmp_path / "model", name, **{number: value})
    assert compressor.decode(stream, runtime=other) != compressor.decode(stream)


@pytest.mark.parametrize(("number", "value"), [("side_max", 0), ("activation_max", 100)])
def test_a_stream_of_another_model_with_the_same_id(tmp_path, picture, number, value):
    stream = compressor.encode(picture(64, 64), 70, tune="psnr")
    other = model_with(tmp_path / "model", "flagship-psnr", **{number: value})
    with pytest.raises(CorruptStreamError, match="made the file, pass the weights of that model"):
        compressor.decode(stream, runtime=other)


@pytest.mark.parametrize("key", ["family", "numbers", "passes"])
def test_an_incomplete_export_is_refused(tiny_folder, tmp_path, key):
    shutil.copytree(tiny_folder, tmp_path / "model")
    path = tmp_path / "model" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest[key]
    path.write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match=f"lacks '{key}': export the model with this version"):
        load_coder(Runtime(weights=tmp_path / "model"))
