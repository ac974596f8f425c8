"""Refinement of latents: better on the objective, decodable by all, in windows that leave nothing out."""

import sys

import numpy as np
import pytest
from PIL import Image
from skimage import data

import compressor
from compressor import refiner
from compressor.effort import Effort
from compressor.errors import MissingDependencyError
from compressor.picture_coder import load_coder
from compressor.refiner import Refiner

LEVEL = 200


class Recorder:
    """Stands in for the Keras model: adds 1 to all latents."""

    def __init__(self, windows):
        self.windows = windows

    def hold(self, latents):
        self.latents = latents + 1

    def fit(self, inputs, *, epochs, callbacks, **options):
        self.windows.append((inputs["images"].shape, self.latents.shape))
        for epoch in range(epochs):
            callbacks[0].on_epoch_end(epoch, {})


def test_windows_cover_all_and_see_their_surroundings(monkeypatch):
    pytest.importorskip("keras", reason="needs the train extra")
    monkeypatch.setattr(refiner, "WINDOW", 8)
    monkeypatch.setattr(refiner, "HALO", 4)
    windows, shares = [], []
    refine = Refiner.__new__(Refiner)
    refine._steps, refine._refinements, refine._new = 2, {}, lambda: Recorder(windows)
    latents = np.arange(13 * 7 * 2, dtype=np.float32).reshape(13, 7, 2)
    refined = refine(np.zeros((13 * 16, 7 * 16, 3), np.float32), latents, LEVEL, shares.append)
    np.testing.assert_array_equal(refined, latents + 1)
    # Rows 0..12 and 4..13, rounded up to a multiple of 4.
    assert windows == [((1, 192, 128, 3), (1, 12, 8, 2)), ((1, 192, 128, 3), (1, 12, 8, 2))]
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_without_keras_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "compressor.models.refinement", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'compressor\[train\]'"):
        compressor.encode(Image.new("RGB", (8, 8)), effort=9)


def test_a_refinement_that_made_things_worse_is_left_out(monkeypatch):
    coder = load_coder()
    picture = data.coffee()[150:214, 200:328]
    monkeypatch.setattr(
        coder, "_refiner", lambda steps: lambda pixels, latents, level, on_progress: 0 * latents
    )
    assert coder.encode(picture, LEVEL, Effort(refinement_steps=1)) == coder.encode(picture, LEVEL)


def test_refined_streams_are_better_and_decode_like_others():
    pytest.importorskip("keras", reason="needs the train extra")
    coder = load_coder()
    picture = data.coffee()[150:214, 200:328]

    def objective(effort):
        stream = coder.encode(picture, LEVEL, effort, verify=True)
        decoded = coder.decode(stream, *picture.shape[:2], LEVEL)
        weight = 0.0007 * (0.25 / 0.0007) ** (LEVEL / 396)
        error = np.mean((decoded - picture.astype(float)) ** 2)
        return 8 * len(stream) / (64 * 128) + weight * error

    rounded, weighed, refined = (
        objective(effort) for effort in (Effort(weighs_symbols=False), Effort(), Effort(refinement_steps=25))
    )
    assert weighed < rounded
    assert refined < 0.99 * weighed


def test_bits_of_whole_symbols_are_those_of_the_tables():
    pytest.importorskip("keras", reason="needs the train extra")
    from compressor.layers.density import LOG_SCALE_STEP, SCALE_MIN
    from compressor.models.refinement import table_bits

    bits = np.array([[0, 4, 6, 9], [1, 3, 5, 7], [2, 2.5, 3, 4]], np.float32)
    scale = (SCALE_MIN * np.exp(LOG_SCALE_STEP * np.array([0, 1, 1.5]))).astype(np.float32)[:, None]
    found = np.asarray(table_bits(np.array([[0, -1, 0.5]], np.float32), scale, bits))
    expected = [[0, 4, 2], [1, 3, 2], [1.5, 2.75, 2.125]]
    np.testing.assert_allclose(found, expected, atol=1e-3)
