"""Refinement: better on the objective, decodable by all, in windows that leave nothing out."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from skimage import data

import compressor
from compressor import Runtime
from compressor.coding.area import Area
from compressor.coding.descent import AveragedTargets
from compressor.coding.effort import Effort, effort_of
from compressor.coding.loading import load_coder
from compressor.coding.objectives import OBJECTIVES, Objective, weighted_squared_error
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.refinement import Refiner
from compressor.coding.tile_error import TilePixels
from compressor.errors import OptionError
from compressor.spec.constants import ERROR_CURVATURE

LEVEL, SIDE = 200, "side information"
PSNR = Runtime(model="flagship-psnr")


@pytest.fixture(scope="module")
def picture():
    return data.coffee()[100:228, 150:406]


class SquareDecoder:
    """Latents are pixels, and a block is one pixel; coding rounds, and costs a bit for each step."""

    block, synthesis_halo = 1, 1

    def __init__(self):
        self.tables = SimpleNamespace(cost=lambda symbols, indices: float(np.abs(symbols).sum()))
        self.windows, self.coded, self.through_filter = [], [], []

    def code(self, latents, side, level, saving_share):
        self.coded.append((latents, saving_share, side))
        symbols = np.round(latents)
        return SimpleNamespace(
            decoded=symbols,
            pairs=lambda: [(symbols, symbols)],
            rate_slope=lambda moved, tables: np.sign(moved - 7),
        )

    def synthesis(self, reduction):
        return SimpleNamespace(run=lambda latents, level: latents)

    def error_gradient(self, latents, error_of, level, through_filter):
        self.through_filter.append(through_filter)
        self.windows.append(latents.shape[:2])
        return error_of(latents)

    def distortion_weight(self, level):
        return np.float32(3.0)

    def worth(self, level):
        return np.full(1, 1.0, np.float32)


def refined(
    decoder, objective, pixels, latents, steps, size=None, tile=None, window=48, on_progress=float, quick=0
):
    refine = Refiner(decoder, decoder, decoder.error_gradient, objective, quick, steps, window)
    whole = Area(0, 0, *pixels.shape[:2])
    original = TilePixels(pixels, size or pixels.shape[:2], LEVEL, tile or whole)
    pairs = refine(original, latents, SIDE, on_progress)
    return pairs[0][0]


def half(original, weight):
    """Half the squared error, so that its slope is the distance."""
    return lambda pixels: (float(np.sum((pixels - original) ** 2)) / 2, pixels - original)


class Follow:
    """Moves latents from where they were decoded by the whole gradient."""

    def __init__(self, worth, steps):
        assert (worth.tolist(), steps) == ([1.0], 2)

    def move(self, latents, decoded, gradient):
        return decoded - gradient


def test_windows_cover_all_and_see_their_surroundings():
    decoder, progress = SquareDecoder(), []
    pixels = 50 * np.random.default_rng(0).normal(size=(13, 7, 1)).astype(np.float32)
    objective = Objective(half, Follow, 0.5, 0)
    found = refined(decoder, objective, pixels, pixels + 9, 2, window=8, on_progress=progress.append)
    np.testing.assert_array_equal(found, np.round(pixels))
    latents, shares, sides = zip(*decoder.coded, strict=True)
    np.testing.assert_allclose(latents, [pixels + 9, pixels, pixels], atol=1e-4)
    assert shares == (0.5, 0.5, 0.5)
    assert set(sides) == {SIDE}
    # Rows 0..10 and 6..13: twice the halo of one.
    assert decoder.windows == 2 * [(10, 7), (7, 7)]
    assert progress == [0.5, 1.0]
    assert all(decoder.through_filter)


def test_quick_moves_come_first():
    decoder, pixels = SquareDecoder(), np.float32([[[10.0], [20.0]]])
    refined(decoder, Objective(half, Follow, 0.5, 0), pixels, pixels + 9, 1, quick=1)
    assert decoder.through_filter == [False, True]


@pytest.mark.parametrize(("distance", "is_used"), [(1, True), (5, False)])
def test_quick_moves_alone_end_with_the_last_coding_unless_the_rate_rises_a_lot(distance, is_used):
    class Worse(Follow):
        def move(self, latents, decoded, gradient):
            return decoded + distance

    decoder, pixels = SquareDecoder(), np.float32([[[30.0], [20.0]]])
    found = refined(decoder, Objective(half, Worse, 0.5, 0), pixels, pixels, 0, quick=2)
    np.testing.assert_array_equal(found, pixels + 2 * distance * is_used)
    assert decoder.through_filter == [False, False]
    assert len(decoder.coded) == 3


def test_the_slope_of_the_rate_has_its_weight():
    gradients = []

    class Keep(Follow):
        def move(self, latents, decoded, gradient):
            gradients.append(gradient)
            return latents

    pixels = np.float32([[[10.0], [4.0]]])
    refined(SquareDecoder(), Objective(half, Keep, 0.5, 1.5), pixels, pixels, 2)
    np.testing.assert_array_equal(gradients, 2 * [[[[1.5], [-1.5]]]])


def test_only_the_tile_is_coded_and_moved():
    decoder, tile = SquareDecoder(), Area(2, 0, 5, 4)
    pixels = np.full((9, 6, 1), 30, np.float32)
    found = refined(decoder, Objective(half, Follow, 0.5, 0), pixels, pixels + 9, 2, tile=tile)
    assert found.shape == (3, 4, 1)
    assert np.all(found == 30)
    # Two positions on each side, where there are any.
    assert decoder.windows == 2 * [(7, 6)]


def test_the_error_of_a_tile_narrower_than_its_surroundings_counts_as_a_whole():
    tile, pixels = Area(2, 0, 5, 4), np.full((9, 6, 1), 30, np.float32)
    latents = pixels.copy()
    latents[tile.slices] -= 3
    # An error of 9 / 2 bits at each position is worth more than 3 bits.
    found = refined(SquareDecoder(), Objective(half, Follow, 0.5, 0), pixels, latents, 2, tile=tile)
    assert np.all(found == 30)


def test_an_error_is_worth_lambda():
    decoder, pixels = SquareDecoder(), np.float32([[[10.4], [20.4]]])
    objective = Objective(weighted_squared_error, lambda worth, steps: AveragedTargets(worth), 0.5, 0)
    refined(decoder, objective, pixels, pixels, 1)
    # The slope of a squared error is 2 / 3 of -0.4, a third of it for each sample, and lambda is 3.
    target = np.floor(pixels) + 0.8 / (2 * ERROR_CURVATURE)
    np.testing.assert_allclose(decoder.coded[1][0], (pixels + target) / 2, rtol=1e-6)


def test_the_coding_without_refinement_is_kept_if_no_other_is_better():
    class Worse(Follow):
        def move(self, latents, decoded, gradient):
            return decoded + 5

    pixels = np.float32([[[1.0], [2.0]]])
    found = refined(SquareDecoder(), Objective(half, Worse, 0.5, 0), pixels, pixels, 2)
    np.testing.assert_array_equal(found, pixels)


def test_a_coding_is_kept_even_if_the_error_is_not_a_number():
    pixels = np.float32([[[1.0], [2.0]]])
    error = Objective(lambda original, weight: lambda seen: (float("nan"), 0 * seen), Follow, 0.5, 0)
    np.testing.assert_array_equal(refined(SquareDecoder(), error, pixels, pixels, 2), pixels)


def test_pixels_beyond_the_picture_do_not_count():
    pixels = np.full((4, 5, 1), 30, np.float32)
    found = refined(SquareDecoder(), Objective(half, Follow, 0.5, 0), pixels, pixels + 9, 2, size=(3, 2))
    assert np.all(found[:3, :2] == 30)
    assert np.all(found[3:] == 39)
    assert np.all(found[:, 2:] == 39)


def test_the_gradient_goes_back_through_the_whole_synthesis(picture):
    family = load_coder(PSNR).runtime
    latents = np.round(family.analyse(picture[None].astype(np.float32) - 128, LEVEL).latents)
    random = np.random.default_rng(0)
    slope = random.normal(size=picture.shape).astype(np.float32)
    error, gradient = family.error_gradient(latents, lambda pixels: (7.0, slope), LEVEL, True)
    assert error == 7
    # Along the gradient itself the change is large enough to be measured in float32.
    step = np.float32(0.002) * gradient / np.abs(gradient).max()
    after, before = (family.synthesis(1).run(latents + sign * step, LEVEL) for sign in (1, -1))
    expected = np.sum(slope * (after - before), dtype=float)
    assert 2 * np.sum(gradient * step, dtype=float) == pytest.approx(expected, rel=0.002)


def test_the_gradient_is_that_at_the_decoded_picture(picture):
    family = load_coder(Runtime()).runtime
    latents, seen = np.round(family.analyse(picture[None].astype(np.float32) - 128, LEVEL).latents), []

    def error_of(pixels):
        seen.append(pixels)
        return 0.0, np.zeros_like(pixels)

    assert not family.error_gradient(latents, error_of, LEVEL, True)[1].any()
    np.testing.assert_array_equal(seen[0], family.synthesis(1).run(latents, LEVEL))


@pytest.mark.parametrize("runtime", [PSNR, Runtime()])
def test_refined_streams_are_better_and_decode_like_others(picture, runtime):
    coder = load_coder(runtime)
    original = picture.astype(np.float32)
    weight = np.float32(0.0007 * (0.25 / 0.0007) ** (LEVEL / 396))
    error_of = OBJECTIVES[coder.runtime.metric].error(original - 128, weight)

    def objective(effort):
        stream = coder.encode(picture, LEVEL, effort, verify=True)
        decoded = coder.decode(stream, *picture.shape[:2], LEVEL)
        return 8 * len(stream) + error_of(decoded - np.float32(128))[0]

    weighed = objective(Effort())
    few, many = (objective(Effort(refinement_steps=steps)) for steps in (5, 30))
    assert few < 0.997 * weighed
    assert many < 0.997 * few
    if runtime == PSNR:
        assert weighed < objective(Effort(0))


@pytest.mark.parametrize("tune", ["iq", "psnr"])
def test_flat_pictures_are_not_made_worse(tune):
    picture = np.full((40, 56, 3), [0, 255, 255], np.uint8)
    plain, refined = (compressor.encode(picture, 2, tune=tune, effort=effort) for effort in (5, 6))
    assert len(refined) <= len(plain) + 4
    errors = [
        np.square(np.asarray(compressor.decode(x)) - picture.astype(float)).mean() for x in (plain, refined)
    ]
    assert errors[1] < 1.1 * errors[0] + 1


def test_several_windows_and_tiles_are_better_than_without_refinement():
    picture = data.coffee()[100:260, 150:406]
    one = load_coder(PSNR)
    many = PictureCoder(one.runtime, tile=8)
    weight, costs = float(one.runtime.distortion_weight(LEVEL)), []
    for effort in (Effort(), Effort(refinement_steps=5)):
        stream = many.encode(picture, LEVEL, effort, verify=True)
        errors = np.square(many.decode(stream, *picture.shape[:2], LEVEL) - picture.astype(float))
        costs.append(8 * len(stream) + weight * errors.sum() / 3)
    # All positions are next to a seam.
    assert costs[1] < 0.98 * costs[0]


@pytest.mark.parametrize("tune", ["iq", "psnr"])
def test_it_is_the_same_every_time_and_for_any_size(tune):
    picture = Image.fromarray(data.coffee()[150:203, 200:271])
    stream = compressor.encode(picture, effort=7, tune=tune)
    assert compressor.encode(picture, effort=7, tune=tune, runtime=Runtime(threads=1)) == stream
    assert compressor.decode(stream).size == (71, 53)


def test_documents_name_the_numbers_of_steps():
    *most, last = (str(effort_of(n).refinement_steps) for n in range(6, 10))
    named = f"in {', '.join(most)} and {last} steps"
    usage = Path(__file__).parents[2] / "docs" / "usage.md"
    assert named in usage.read_text(encoding="utf-8")
    assert named in " ".join(compressor.encode.__doc__.split())


def test_a_model_that_cannot_refine_says_so_before_the_picture_is_read():
    with pytest.raises(OptionError, match="above 5.* and model cnn, which does not support that: use"):
        compressor.encode(Image.new("F", (4, 4)), effort=7, runtime=Runtime(model="cnn"))
