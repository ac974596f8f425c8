"""Every engine decodes the streams of every other, to the same symbols and to pixels of the same quality."""

import numpy as np
import pytest

from scripts.engine_matrix import MODELS, Cell, installed, largest_difference_db, matrix

MAX_DIFFERENCE_DB = 0.05


def check(names, models, image_uint8):
    cells = matrix(names, image_uint8, models)
    assert {cell[:3] for cell in cells} == {(m, a, b) for m in models for a in names for b in names}
    assert all(cell.is_exact for cell in cells)
    assert largest_difference_db(cells) <= MAX_DIFFERENCE_DB


@pytest.fixture
def image_uint8(random_pictures):
    return np.rint(255 * random_pictures(1, 40, 56)[0]).astype(np.uint8)


def test_engines_decode_each_others_streams(image_uint8):
    check([name for name in installed() if "Keras" not in name], MODELS, image_uint8)


def test_keras_on_jax(image_uint8):
    """The small model alone: the other takes JAX half a minute to compile, and is in the script's table."""
    if "Keras on JAX" not in installed():
        pytest.skip("JAX or Keras is not installed")
    check(["ONNX Runtime", "Keras on JAX"], ["cnn"], image_uint8)


def test_differences_are_those_of_decoders_of_one_stream():
    levels = [("a", "a", 30.0), ("a", "b", 30.1), ("b", "a", 20.0), ("b", "b", 20.02)]
    cells = [Cell("model", encoder, decoder, True, level) for encoder, decoder, level in levels]
    assert largest_difference_db(cells) == pytest.approx(0.1)
