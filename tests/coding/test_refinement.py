"""Refinement: better on the objective, decodable by all, in windows that leave nothing out."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from skimage import data

import compressor
from compressor import Runtime
from compressor.coding.effort import DEFAULT, ROUNDED, Effort
from compressor.coding.loading import load_coder
from compressor.coding.refinement import Refiner, Schedule
from compressor.errors import OptionError

LEVEL = 200
PSNR = Runtime(model="flagship-psnr")


@pytest.fixture(scope="module")
def picture():
    return data.coffee()[100:228, 150:406]


class SquareDecoder:
    """Latents are pixels, a block is one pixel; coding rounds, and the first of two symbols is free."""

    block, synthesis_halo = 1, 1

    def __init__(self, bits):
        self.tables = type("Tables", (), {"bits": np.array(bits, np.float32)})
        self.tile_coder, self.windows, self.efforts = self, [], []

    def side_information(self, latents, level):
        return np.round(latents).sum()

    def code(self, latents, level, effort, side):
        self.efforts.append(effort)
        symbols = np.round(latents).astype(np.int32)
        planes = symbols, np.ones(symbols.shape, np.uint8)
        return SimpleNamespace(decoded=symbols.astype(np.float32), planes=lambda: planes)

    def error_gradient(self, latents, pixels, level):
        self.windows.append(latents.shape[:2])
        return latents - pixels

    def distortion_weight(self, level):
        return np.float32(3.0)

    def worth(self, level):
        return np.full(1, 1.0, np.float32)


def test_it_finds_the_symbols_with_the_least_sum_of_bits_and_error():
    bits = [[0, 0, 0, 0], [0, 3, 4, 4.5]]
    pixels = np.linspace(-2.4, 2.4, 97, dtype=np.float32).reshape(97, 1, 1)
    shares = []
    decoder = SquareDecoder(bits)
    refined, side = Refiner(decoder, decoder, decoder.error_gradient, 40, Schedule(first_curvature=1.0))(
        pixels, pixels, LEVEL, shares.append
    )
    # An error is worth its square in bits: lambda is shared by three samples.
    choices = np.arange(-3, 4)
    cost = np.array(bits[1])[np.abs(choices)] + np.square(pixels[:, 0] - choices)
    found = np.array(bits[1])[np.abs(refined[:, 0, 0]).astype(int)] + np.square(refined - pixels)[:, 0, 0]
    start = np.round(pixels[:, 0, 0])
    rounded = np.array(bits[1])[np.abs(start).astype(int)] + np.square(start - pixels[:, 0, 0])
    # One at a time: no single move is better, though some pair of moves may be.
    assert np.all(found <= rounded + 1e-6)
    assert np.mean(found < cost.min(axis=1) + 1e-4) > 0.9
    assert side == np.round(pixels).sum()
    assert decoder.efforts == [DEFAULT] + 39 * [ROUNDED]
    assert shares == [(k + 1) / 40 for k in range(40)]


def test_windows_cover_all_and_see_their_surroundings():
    free = SquareDecoder(np.zeros((2, 4)))
    pixels = np.random.default_rng(0).normal(size=(13, 7, 1)).astype(np.float32)
    refined, _ = Refiner(free, free, free.error_gradient, 1, Schedule(8, 1.0, 0.0, 0.0))(
        pixels, pixels, LEVEL, float
    )
    # Bits cost nothing, and a curvature of none lets every symbol move towards its pixel.
    np.testing.assert_array_equal(refined, np.round(pixels) + np.sign(pixels - np.round(pixels)))
    # Rows 0..10 and 6..13: twice the halo of one.
    assert free.windows == [(10, 7), (7, 7)]


def test_symbols_without_a_table_stay():
    decoder = SquareDecoder([[0, 0, 0, 0], [0, 3, 4, 4.5]])
    refine = Refiner(decoder, decoder, decoder.error_gradient, 1, Schedule(share=1.0))
    symbols, indices = np.zeros((1, 2, 1), np.int32), np.array([0, 1], np.uint8).reshape(1, 2, 1)
    steep = np.full((1, 2, 1), -9, np.float32)
    moves = refine.moves(symbols, indices, steep, np.ones((1, 2, 1), np.float32), np.random.default_rng(0))
    assert moves.ravel().tolist() == [0, 1]


def test_the_gradient_is_that_of_the_decoded_picture(picture):
    family = load_coder(PSNR).runtime
    pixels = picture.astype(np.float32) - 128
    latents = np.round(family.analyse(pixels[None], LEVEL))
    gradient = family.error_gradient(latents, pixels, LEVEL)
    # Along the gradient itself the slope is steep enough to be measured in float32.
    direction = gradient / np.abs(gradient).max()

    def error(step):
        decoded = family.synthesis(1).run(latents + np.float32(step) * direction, LEVEL)
        return np.square(decoded - pixels, dtype=float).sum()

    slope = 2 * np.sum(gradient * direction, dtype=float)
    assert slope == pytest.approx((error(0.001) - error(-0.001)) / 0.002, rel=0.002)


def test_refined_streams_are_better_and_decode_like_others(picture):
    coder = load_coder(PSNR)

    def objective(effort):
        stream = coder.encode(picture, LEVEL, effort, verify=True)
        decoded = coder.decode(stream, *picture.shape[:2], LEVEL)
        weight = 0.0007 * (0.25 / 0.0007) ** (LEVEL / 396)
        error = np.mean((decoded - picture.astype(float)) ** 2)
        return 8 * len(stream) / (128 * 256) + weight * error

    rounded, weighed, few, many = (
        objective(effort) for effort in (ROUNDED, DEFAULT, Effort(True, 4), Effort(True, 24))
    )
    assert weighed < rounded
    assert few < 0.99 * weighed
    assert many < 0.99 * few


def test_it_is_the_same_every_time_and_for_any_size():
    picture = Image.fromarray(data.coffee()[150:203, 200:271])
    stream = compressor.encode(picture, effort=7, tune="psnr")
    assert compressor.encode(picture, effort=7, tune="psnr", runtime=Runtime(threads=1)) == stream
    assert compressor.decode(stream).size == (71, 53)


@pytest.mark.parametrize("model", ["flagship-iq", "cnn"])
def test_a_model_that_cannot_refine_says_so_before_the_picture_is_read(model):
    with pytest.raises(OptionError, match=f"above 5.* and model {model}, which does not support that: use"):
        compressor.encode(Image.new("F", (4, 4)), effort=7, runtime=Runtime(model=model))
