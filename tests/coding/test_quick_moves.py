"""Quick moves of the latents, for models that were trained with them."""

import numpy as np
import pytest
from skimage import data

from compressor import Runtime
from compressor.coding.area import Area
from compressor.coding.effort import Effort
from compressor.coding.loading import load_coder
from compressor.coding.objectives import weighted_squared_error
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.quality_map import levels_of, lowering_of_mask
from compressor.coding.tile_error import TileError, TilePixels, halo_of
from compressor.engines.onnx_engine import OnnxEngine
from compressor.spec.levels import pixel_values

LEVEL = 200
PSNR = Runtime(model="flagship-psnr")
AS_ANALYSED = Effort(0)


@pytest.fixture(scope="module")
def picture():
    return data.coffee()[100:228, 150:406]


def cost(coder, picture, effort, level=LEVEL):
    """Return rate + lambda x error of a stream, in bits."""
    stream = coder.encode(picture, level, effort, verify=True)
    errors = np.square(coder.decode(stream, *picture.shape[:2], level) - picture.astype(float))
    weight = pixel_values(coder.runtime.distortion_weight(level), coder.runtime.block)
    return 8 * len(stream) + np.sum(weight * errors) / 3


@pytest.mark.parametrize("level", [60, 200, 340, 380])
def test_streams_are_better(picture, level):
    coder = load_coder(PSNR)
    none, one, all_moves = (
        cost(coder, picture, effort, level) for effort in (Effort(0), Effort(1), Effort())
    )
    assert all_moves < 0.995 * one
    assert one < 0.99 * none


def test_several_tiles_and_levels_are_better():
    picture = data.coffee()[100:260, 150:406]
    coder = PictureCoder(load_coder(PSNR).runtime, tile=8)
    assert cost(coder, picture, Effort()) < 0.99 * cost(coder, picture, AS_ANALYSED)
    levels = np.full((10, 16), LEVEL)
    levels[:, 8:] = LEVEL - 40
    assert cost(coder, picture, Effort(), levels) < 0.98 * cost(coder, picture, AS_ANALYSED, levels)


def test_a_move_takes_one_synthesis_and_no_gradient_of_the_filter(picture, monkeypatch):
    graphs, run = [], OnnxEngine.run

    def counted(engine, graph, *inputs):
        graphs.append(graph)
        return run(engine, graph, *inputs)

    monkeypatch.setattr(OnnxEngine, "run", counted)
    coder = load_coder(Runtime(model="flagship-psnr", engine="onnxruntime"))
    names = ("filter", "synthesis", "synthesis_gradient", "filter_gradient", "mean_3")
    for effort, moves in (Effort(0), 0), (Effort(1), 1), (Effort(), coder.runtime.quick_moves):
        graphs.clear()
        coder.encode(picture, LEVEL, effort)
        assert [graphs.count(name) for name in names] == [moves, moves, moves, 0, moves + 1]


@pytest.mark.parametrize("model", ["flagship-iq", "cnn"])
def test_other_models_code_the_latents_of_the_analysis(picture, model):
    coder = load_coder(Runtime(model=model))
    assert coder.encode(picture, LEVEL) == coder.encode(picture, LEVEL, AS_ANALYSED)


@pytest.mark.parametrize("effort", [Effort(), Effort(refinement_steps=2)])
def test_fine_levels_next_to_others_are_better(effort):
    picture = data.coffee()[100:292, 150:406]
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[:64, :64] = 255
    levels = levels_of(395, lowering_of_mask(mask), *picture.shape[:2], 16)
    as_analysed, moved = (cost(load_coder(PSNR), picture, each, levels) for each in (AS_ANALYSED, effort))
    assert moved < 0.97 * as_analysed


def test_the_gradient_that_leaves_out_the_filter_is_that_of_the_transform(picture):
    family = load_coder(PSNR).runtime
    latents = np.round(family.analyse(picture[None].astype(np.float32) - 128, LEVEL).latents)
    slope = np.random.default_rng(0).normal(size=picture.shape).astype(np.float32)
    _, gradient = family.error_gradient(latents, lambda pixels: (0.0, slope), LEVEL, False)
    step = np.float32(0.01) * gradient / np.abs(gradient).max()
    after, before = (family._unfiltered(latents + sign * step, LEVEL)[0] for sign in (1, -1))
    expected = np.sum(slope * (after - before), dtype=float)
    assert 2 * np.sum(gradient * step, dtype=float) == pytest.approx(expected, rel=0.002)


def test_the_halo_is_as_wide_as_the_gradient_needs(picture):
    family = load_coder(PSNR).runtime
    pixels, whole = picture.astype(np.float32) - 128, Area(0, 0, 8, 16)
    latents = np.round(family.analyse(pixels[None], LEVEL).latents)
    original = TilePixels(pixels, pixels.shape[:2], LEVEL, whole)

    def gradient(window, halo):
        error = TileError(family, family.error_gradient, weighted_squared_error, original, window, halo)
        return error.with_gradient(latents, through_filter=False)[1]

    exact, halo = gradient(16, 0), halo_of(family, through_filter=False)
    largest = np.abs(exact).max()
    assert np.abs(gradient(4, halo) - exact).max() < 1e-4 * largest
    assert np.abs(gradient(4, halo - 1) - exact).max() > 1e-4 * largest


def test_noise_is_not_made_worse():
    noise = np.random.default_rng(1).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    coder = load_coder(PSNR)
    # Without a measurement of the last coding, it would be 1.09.
    assert cost(coder, noise, Effort(), 40) < 1.02 * cost(coder, noise, AS_ANALYSED, 40)
