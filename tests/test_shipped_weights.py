"""What the shipped weights promise on a photograph that comes with scikit-image."""

import io

import numpy as np
import pytest
from PIL import Image

import compressor
from compressor import picture_coder
from compressor.area import Area
from compressor.engines.base import has_amx
from compressor.model_files import SHELF
from compressor.picture_coder import load_coder

data = pytest.importorskip("skimage.data")


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(data.coffee()[8:392, 24:408])


def psnr_db(a, b):
    return 10 * np.log10(255**2 / np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2))


def test_bytes_are_at_most_one_percent_above_the_estimate(photo):
    """The estimate of training, in float networks and a parametric density, against bytes on disk."""
    keras = pytest.importorskip("keras", reason="needs the train extra")
    from compressor.models.exported import load_exported

    model = load_exported(SHELF.files(None))
    for quality in (10, 50, 90):
        level = 4 * (quality - 1)
        inputs = {"images": photo[None] / np.float32(255), "quality": np.array([level / 396], "float32")}
        estimated_bytes = float(keras.ops.sum(model(inputs)["bpp"])) * photo.shape[0] * photo.shape[1] / 8
        assert len(compressor.encode(photo, quality)) <= 1.01 * estimated_bytes + 24


def test_overhead_is_at_most_24_bytes(photo):
    payload = load_coder().encode(photo, 196)
    assert len(compressor.encode(photo, 50)) - len(payload) <= 24


def test_size_and_psnr_rise_strictly_with_quality(photo):
    streams = [compressor.encode(photo, quality) for quality in (1, 10, 30, 50, 70, 90, 100)]
    quality_db = [psnr_db(compressor.decode(stream), photo) for stream in streams]
    assert all(a < b for a, b in zip(quality_db, quality_db[1:], strict=False))
    sizes = [len(stream) for stream in streams]
    assert all(a < b for a, b in zip(sizes, sizes[1:], strict=False))


def test_smaller_than_jpeg_at_the_same_psnr(photo):
    stream = compressor.encode(photo, 50)
    ours = psnr_db(compressor.decode(stream), photo)
    for quality in range(1, 101):
        buffer = io.BytesIO()
        Image.fromarray(photo).save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if psnr_db(Image.open(buffer), photo) >= ours:
            break
    assert len(stream) < 0.65 * buffer.tell()


def test_threads_change_no_symbol(photo):
    one, two = load_coder(threads=1), load_coder(threads=2)
    for level in (40, 360):
        for (a, i), (b, j) in zip(one.symbols(photo, level), two.symbols(photo, level), strict=True):
            assert np.array_equal(i, j)
            assert np.array_equal(a, b)


@pytest.mark.parametrize("model", SHELF.ids)
@pytest.mark.parametrize("level", [0, 396])
def test_blocks_leave_no_seam(photo, monkeypatch, model, level):
    """What the transforms see around a block is enough for them, whichever networks were trained."""
    coder = load_coder(model, engine="onnxruntime")
    payload = coder.encode(photo, level)
    grid = Area(0, 0, *photo.shape[:2]).covering(coder._family.block)
    _, latents = coder._analyse(photo, grid, grid, level)
    pixels = coder.decode(payload, *photo.shape[:2], level)
    positions = latents.shape[0] // 4
    monkeypatch.setattr(picture_coder, "TILE", positions)
    for area in grid.cut(positions):
        _, part = coder._analyse(photo, area, grid, level)
        np.testing.assert_allclose(part, latents[area.slices], atol=0.01)
    blocks = coder.decode(payload, *photo.shape[:2], level)
    assert np.abs(blocks.astype(int) - pixels).max() <= 1


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
def test_engines_agree_within_a_level(photo, engine):
    pytest.importorskip(engine, reason=f"{engine} is not installed")
    stream = compressor.encode(photo, 60)
    theirs, ours = compressor.decode(stream, engine=engine), compressor.decode(stream)
    if engine == "openvino" and has_amx():  # bfloat16 there
        assert abs(psnr_db(theirs, photo) - psnr_db(ours, photo)) < 0.05
    else:
        assert np.abs(np.asarray(theirs, int) - np.asarray(ours, int)).max() <= 1
    assert compressor.decode(compressor.encode(photo, 60, engine=engine)).size == ours.size


def test_gray_stays_gray_and_flat_stays_flat(photo):
    gray = Image.fromarray(photo).convert("L")
    assert compressor.decode(compressor.encode(gray, 30)).mode == "L"
    flat = np.full((80, 100, 3), (200, 30, 90), np.uint8)
    decoded = np.asarray(compressor.decode(compressor.encode(flat, 50)), int)
    assert np.abs(decoded - flat).max() <= 5


def test_no_part_of_the_model_has_died(photo):
    """Side information differs from zero, and f from a constant; in `flagship-1` neither did."""
    family = load_coder()._family
    latents = family.analyse(photo[None].astype(np.float32) - 128, 300)
    side, _ = next(family.tile_coder.symbols(latents, 300))
    assert (side != 0).mean() > 0.01
    flat = np.full((1, *photo.shape), -100, np.float32)
    limit = np.ones((1, 1, 1, family.channels), np.float32)
    plane = np.zeros((1, *photo.shape[:2], 1), np.float32)
    corrections = [
        family._engine.run("analysis", pixels, plane, limit)
        - family._engine.run("analysis", pixels, plane, 0 * limit)
        for pixels in (photo[None].astype(np.float32) - 128, flat)
    ]
    assert np.abs(corrections[0] - corrections[1]).max() > 0.01
