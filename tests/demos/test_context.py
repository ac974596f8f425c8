"""The context of a demo: picture, checks, random numbers."""

import numpy as np
import pytest
from PIL import Image

from demos.context import Context
from demos.errors import CheckError


def picture_file(tmp_path, height, width):
    path = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return path


def test_pictures_are_reduced_but_not_enlarged(tmp_path):
    context = Context("x", tmp_path, picture_file(tmp_path, 20, 40))
    assert context.colour(10).shape == (5, 10, 3)
    assert context.colour(100).shape == (20, 40, 3)
    assert context.gray((7, 9)).shape == (7, 9)
    assert context.colour(100).dtype == np.float32


def test_gray_is_luma(tmp_path):
    context = Context("x", tmp_path, picture_file(tmp_path, 8, 8))
    colour, gray = context.colour(8), context.gray(8)
    assert gray == pytest.approx(
        0.299 * colour[..., 0] + 0.587 * colour[..., 1] + 0.114 * colour[..., 2], abs=1e-6
    )


def test_sample_picture(tmp_path):
    picture = Context("x", tmp_path).colour((32, 48))
    assert picture.shape == (32, 48, 3)
    assert picture.std() > 0.1


def test_check_prints_or_raises(tmp_path, capsys):
    context = Context("lesson", tmp_path)
    context.check("1 = 1", True)
    assert capsys.readouterr().out == "  [ok] 1 = 1\n" == context.lines[0] + "\n"
    with pytest.raises(CheckError, match="lesson: a statement is false: 1 = 2"):
        context.check("1 = 2", False)


def test_the_users_own_picture_may_be_an_exception(tmp_path, capsys):
    own = Context("lesson", tmp_path, image=tmp_path / "own.png")
    own.check_on_sample("edges", True)
    own.check_on_sample("colours", False)
    assert capsys.readouterr().out == "  [ok] edges\n  [not for this picture] colours\n"
    with pytest.raises(CheckError, match="lesson: a statement is false: colours"):
        Context("lesson", tmp_path).check_on_sample("colours", False)


def test_numbers_depend_on_the_seed(tmp_path):
    a, b, c = (Context("x", tmp_path, seed=seed).rng.random(4) for seed in (5, 5, 6))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
