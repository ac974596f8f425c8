"""The Keras model and the runtime of its exported files compute the same, step by step."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from compressor.coding.loading import create_coder
from compressor.coding.tile_coder import CodedTile, TileCoder
from compressor.models.export_arrays import scale_index
from compressor.models.exported import load_exported
from compressor.models.flagship.model import views_of
from compressor.spec.constants import TOP_INDEX
from compressor.spec.passes import coding_passes
from compressor.spec.quality import HIGHEST_SEEN_LEVEL, TOP_LEVEL
from compressor.weights.files import ModelFiles
from training.rebuild import rebuilt

NUM_PASSES = len(coding_passes(104, (24, 96, 100)))


@dataclass
class Case:
    """One picture at one level, coded with the runtime and replayed in Keras.

    Attributes:
        model: Keras model.
        runtime: runtime of the same weights.
        level: quality level.
        quality: the same as (1,) float 0..1.
        images: (1, H, W, 3) floats 0..1.
        latents: (h, w, C), of the runtime.
        coded: by the runtime.
        decoded: latents (h, w, C) that Keras decodes from the same symbols.
        residuals, scales: of Keras, of the side information and of each pass.
    """

    model: Any
    runtime: Any
    level: int
    quality: np.ndarray
    images: np.ndarray
    latents: np.ndarray
    coded: CodedTile
    decoded: np.ndarray
    residuals: list
    scales: list


@pytest.fixture(scope="module")
def pair(tiny_folder):
    """The Keras model and the coder of the tiny flagship's files."""
    files = ModelFiles(tiny_folder)
    return load_exported(files), create_coder(files, "onnxruntime")


@pytest.fixture(scope="module", params=[0, 99, 230, HIGHEST_SEEN_LEVEL])
def case(request, pair, random_pictures, replay):
    level, (model, coder) = request.param, pair
    images = random_pictures(1, 64, 128, seed=3)
    latents = coder.runtime.analyse(255 * images - 128, level).latents
    side = coder.runtime.side_information(latents, level)
    coded = coder.tile_coder.code(latents, side, level)
    decoded, quantise = replay(model, latents, level, coded)
    quality = np.array([level / TOP_LEVEL], np.float32)
    return Case(
        model,
        coder.runtime,
        level,
        quality,
        images,
        latents,
        coded,
        decoded,
        quantise.residuals,
        quantise.scales,
    )


def test_analysis(case):
    expected = np.asarray(case.model.analyse(case.images, case.quality))[0]
    np.testing.assert_allclose(case.latents, expected, rtol=1e-3, atol=1e-2)


def test_side_information(case, random_pictures):
    # A larger picture: the difference is seen only where it changes what is rounded.
    images = random_pictures(1, 256, 384, seed=4)
    latents = case.runtime.analyse(255 * images - 128, case.level).for_side
    side = case.runtime.side_information(latents, case.level)
    expected = np.asarray(case.model.hyper_latents(latents[None], case.quality))[0]
    is_coded = case.runtime.side_indices(*latents.shape[:2]) > 0
    assert is_coded.any()
    assert np.abs(side - expected)[is_coded].max() < 0.502
    assert not side[~is_coded].any()


def test_scale_indices_of_the_side_information(case):
    position = np.broadcast_to(scale_index(np.log(case.scales[0])), case.coded.side_indices.shape)
    np.testing.assert_array_equal(case.coded.side_indices, np.clip(np.rint(position), 0, TOP_INDEX))


@pytest.mark.parametrize("number", range(NUM_PASSES))
def test_means(case, number):
    assert len(case.coded.steps) == NUM_PASSES
    step, _ = case.coded.steps[number]
    p = step.coding_pass
    latents = np.asarray(views_of(case.latents[None, :, :, p.low : p.high], p))
    expected = latents - case.residuals[1 + number]
    assert step.means().std() > 0
    np.testing.assert_allclose(step.means(), expected, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("number", range(NUM_PASSES))
def test_scale_indices(case, number):
    step, _ = case.coded.steps[number]
    position = scale_index(np.log(case.scales[1 + number]))
    assert position.shape == step.indices.shape
    # The integer networks round their weights to 7 bits, and the outputs of every layer.
    difference = np.abs(step.indices - position)
    # Rounding the indices alone gives at most 0.5, and 0.25 on average.
    assert difference.max() < 2
    assert difference.mean() < 0.35


def test_decoded_latents(case):
    np.testing.assert_allclose(case.coded.decoded, case.decoded, rtol=1e-3, atol=2e-3)


def test_synthesis(case):
    expected = 255 * np.asarray(case.model.synthesise(case.decoded[None], case.quality))[0] - 128
    found = case.runtime.synthesis(1).run(case.decoded, case.level)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_bits_that_a_squared_step_is_worth(case):
    expected = np.exp(np.asarray(case.model.log_worth(case.quality))).ravel()
    np.testing.assert_allclose(case.runtime.worth(case.level), expected, rtol=1e-3)


def test_quick_moves(pair, random_pictures, monkeypatch):
    trained, coder = pair
    model = rebuilt(trained, trained.config | {"quick_moves": 2})
    images = np.rint(255 * random_pictures(1, 64, 128, seed=3)) / np.float32(255)
    coded, code = [], TileCoder.code

    def recorded(self, latents, *rest):
        coded.append(latents)
        return code(self, latents, *rest)

    monkeypatch.setattr(TileCoder, "code", recorded)
    monkeypatch.setattr(coder.runtime, "quick_moves", 2)
    coder.encode(np.rint(255 * images[0]).astype(np.uint8), 230)
    quality = np.array([230 / TOP_LEVEL], np.float32)
    latents = model.analyse(images, quality)
    moved = np.asarray(model._moved(latents, images, quality))[0]
    assert len(coded) == 3
    change, difference = moved - coded[0], moved - coded[-1]
    # Bits are those of a density in one and of tables in the other, so some symbols differ.
    assert np.std(difference) < 0.2 * np.std(change)
