"""Refinement: better on the objective, decodable by all, in windows that leave nothing out."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

import compressor
from compressor import refiner
from compressor.effort import DEFAULT, ROUNDED, Effort
from compressor.errors import OptionError
from compressor.latent_coder import Trial
from compressor.picture_coder import load_coder
from compressor.refiner import Refiner

LEVEL = 200


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

    def trial(self, latents, side, level, effort):
        self.efforts.append(effort)
        symbols = np.round(latents).astype(np.int32)
        return Trial(symbols.astype(np.float32), symbols, np.ones(symbols.shape, np.uint8))

    def error_gradient(self, latents, pixels, level):
        self.windows.append(latents.shape[:2])
        return latents - pixels

    def distortion_weight(self, level):
        return 3.0

    def bits_per_square(self, level):
        return np.full(1, 1.0, np.float32)


def test_it_finds_the_symbols_with_the_least_sum_of_bits_and_error(monkeypatch):
    monkeypatch.setattr(refiner, "CURVATURE", (1.0, 1.0))
    bits = [[0, 0, 0, 0], [0, 3, 4, 4.5]]
    pixels = np.linspace(-2.4, 2.4, 97, dtype=np.float32).reshape(97, 1, 1)
    shares = []
    decoder = SquareDecoder(bits)
    refined, side = Refiner(decoder, 40)(pixels, pixels, LEVEL, shares.append)
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


def test_windows_cover_all_and_see_their_surroundings(monkeypatch):
    monkeypatch.setattr(refiner, "WINDOW", 8)
    monkeypatch.setattr(refiner, "SHARE", 1.0)
    monkeypatch.setattr(refiner, "CURVATURE", (0.0, 0.0))
    free = SquareDecoder(np.zeros((2, 4)))
    pixels = np.random.default_rng(0).normal(size=(13, 7, 1)).astype(np.float32)
    refined, _ = Refiner(free, 1)(pixels, pixels, LEVEL, float)
    # Bits cost nothing, and a curvature of none lets every symbol move towards its pixel.
    np.testing.assert_array_equal(refined, np.round(pixels) + np.sign(pixels - np.round(pixels)))
    # Rows 0..10 and 6..13: twice the halo of one.
    assert free.windows == [(10, 7), (7, 7)]


def test_symbols_without_a_table_stay(monkeypatch):
    monkeypatch.setattr(refiner, "SHARE", 1.0)
    refine = Refiner(SquareDecoder([[0, 0, 0, 0], [0, 3, 4, 4.5]]), 1)
    symbols, indices = np.zeros((1, 2, 1), np.int32), np.array([0, 1], np.uint8).reshape(1, 2, 1)
    steep = np.full((1, 2, 1), -9, np.float32)
    moves = refine._moves(symbols, indices, steep, np.ones(1, np.float32), np.random.default_rng(0))
    assert moves.ravel().tolist() == [0, 1]


def test_the_gradient_is_that_of_the_decoded_picture(picture):
    family = load_coder()._family
    pixels = picture.astype(np.float32) - 128
    latents = np.round(family.analyse(pixels[None], LEVEL))
    gradient = family.error_gradient(latents, pixels, LEVEL)
    # Along the gradient itself the slope is steep enough to be measured in float32.
    direction = gradient / np.abs(gradient).max()

    def error(step):
        decoded = family.synthesise(latents + np.float32(step) * direction, LEVEL)
        return np.square(decoded - pixels, dtype=float).sum()

    slope = 2 * np.sum(gradient * direction, dtype=float)
    assert slope == pytest.approx((error(0.001) - error(-0.001)) / 0.002, rel=0.002)


def test_refined_streams_are_better_and_decode_like_others(picture):
    coder = load_coder()

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
    stream = compressor.encode(picture, effort=7)
    assert compressor.encode(picture, effort=7, threads=1) == stream
    assert compressor.decode(stream).size == (71, 53)


def test_a_model_without_a_gradient_says_so(picture):
    with pytest.raises(OptionError, match="model cnn-1 has no error gradient to refine by: take the default"):
        compressor.encode(Image.fromarray(picture), effort=7, model="cnn-1")
