"""Refinement: better on the objective, decodable by all, in windows that leave nothing out."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from skimage import data

import compressor
from compressor import Runtime
from compressor.coding.effort import DEFAULT, Effort
from compressor.coding.loading import load_coder
from compressor.coding.objectives import AveragedTargets, Objective, squared_error
from compressor.coding.refinement import Refiner
from compressor.errors import OptionError
from compressor.images.ssimulacra2_gradient import Ssimulacra2Gradient

LEVEL = 200
PSNR = Runtime(model="flagship-psnr")


@pytest.fixture(scope="module")
def picture():
    return data.coffee()[100:228, 150:406]


class SquareDecoder:
    """Latents are pixels, and a block is one pixel; coding rounds."""

    block, synthesis_halo = 1, 1

    def __init__(self):
        self.tile_coder, self.windows, self.shares = self, [], []

    def side_information(self, latents, level):
        return np.round(latents).sum()

    def code(self, latents, level, saving_share, side):
        self.shares.append(saving_share)
        return SimpleNamespace(decoded=np.round(latents))

    def error_gradient(self, latents, slope, level):
        self.windows.append(latents.shape[:2])
        return slope(latents)

    def distortion_weight(self, level):
        return np.float32(3.0)

    def worth(self, level):
        return np.full(1, 1.0, np.float32)


class Follow:
    """Moves latents from where they were decoded by the whole gradient."""

    def __init__(self, worth, steps):
        assert (worth.tolist(), steps) == ([1.0], 2)

    def move(self, latents, decoded, gradient):
        return decoded - gradient


def test_windows_cover_all_and_see_their_surroundings():
    decoder, progress = SquareDecoder(), []
    pixels = np.random.default_rng(0).normal(size=(13, 7, 1)).astype(np.float32)
    objective = Objective(lambda original: lambda pixels: (pixels - original) / 3, Follow, 0.5)
    refine = Refiner(decoder, decoder, decoder.error_gradient, objective, 2, window=8)
    refined, side = refine(pixels, pixels, LEVEL, progress.append)
    np.testing.assert_allclose(refined, pixels, atol=1e-6)
    # Rows 0..10 and 6..13: twice the halo of one.
    assert decoder.windows == 2 * [(10, 7), (7, 7)]
    assert decoder.shares == 2 * [refine.saving_share] == [0.5, 0.5]
    assert side == np.round(pixels).sum()
    assert progress == [0.5, 1.0]


def test_an_error_is_worth_lambda():
    decoder = SquareDecoder()
    pixels = np.float32([[[10.0], [20.0]]])
    objective = Objective(squared_error, AveragedTargets, 0.5)
    refined, _ = Refiner(decoder, decoder, decoder.error_gradient, objective, 1)(
        pixels, pixels + 1, LEVEL, float
    )
    # The slope of a squared error of 1, a third of it for each sample, is 2 / 3, and lambda is 3.
    moved = AveragedTargets.RATE * -2 / (2 * AveragedTargets.CURVATURE)
    np.testing.assert_allclose(refined - (pixels + 1), moved, rtol=1e-5)


def test_the_gradient_goes_back_through_the_whole_synthesis(picture):
    family = load_coder(PSNR).runtime
    latents = np.round(family.analyse(picture[None].astype(np.float32) - 128, LEVEL))
    random = np.random.default_rng(0)
    slope = random.normal(size=picture.shape).astype(np.float32)
    gradient = family.error_gradient(latents, lambda pixels: slope, LEVEL)
    # Along the gradient itself the change is large enough to be measured in float32.
    step = np.float32(0.002) * gradient / np.abs(gradient).max()
    after, before = (family.synthesis(1).run(latents + sign * step, LEVEL) for sign in (1, -1))
    expected = np.sum(slope * (after - before), dtype=float)
    assert 2 * np.sum(gradient * step, dtype=float) == pytest.approx(expected, rel=0.002)


def test_the_gradient_is_that_at_the_decoded_picture(picture):
    family = load_coder(Runtime()).runtime
    latents, seen = np.round(family.analyse(picture[None].astype(np.float32) - 128, LEVEL)), []

    def slope(pixels):
        seen.append(pixels)
        return np.zeros_like(pixels)

    assert not family.error_gradient(latents, slope, LEVEL).any()
    np.testing.assert_array_equal(seen[0], family.synthesis(1).run(latents, LEVEL))


@pytest.mark.parametrize("runtime", [PSNR, Runtime()])
def test_refined_streams_are_better_and_decode_like_others(picture, runtime):
    coder = load_coder(runtime)
    original = picture.astype(np.float32)
    distance = Ssimulacra2Gradient(original / 255)

    def objective(effort):
        stream = coder.encode(picture, LEVEL, effort, verify=True)
        decoded = coder.decode(stream, *picture.shape[:2], LEVEL)
        weight = 0.0007 * (0.25 / 0.0007) ** (LEVEL / 396)
        error = np.mean((decoded - original) ** 2)
        if runtime != PSNR:
            error = 0.2 * error + 0.8 * 4 * distance(decoded / np.float32(255))[0]
        return 8 * len(stream) / (128 * 256) + weight * error

    weighed = objective(DEFAULT)
    few, many = (objective(Effort(refinement_steps=steps)) for steps in (5, 30))
    assert few < 0.997 * weighed
    assert many < 0.997 * few
    if runtime == PSNR:
        assert weighed < objective(Effort(saving_share=0))


@pytest.mark.parametrize("tune", ["iq", "psnr"])
def test_it_is_the_same_every_time_and_for_any_size(tune):
    picture = Image.fromarray(data.coffee()[150:203, 200:271])
    stream = compressor.encode(picture, effort=7, tune=tune)
    assert compressor.encode(picture, effort=7, tune=tune, runtime=Runtime(threads=1)) == stream
    assert compressor.decode(stream).size == (71, 53)


def test_a_model_that_cannot_refine_says_so_before_the_picture_is_read():
    with pytest.raises(OptionError, match="above 5.* and model cnn, which does not support that: use"):
        compressor.encode(Image.new("F", (4, 4)), effort=7, runtime=Runtime(model="cnn"))
