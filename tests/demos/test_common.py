"""Argument checks, pictures and errors of the demos."""

import numpy as np
import pytest
from PIL import Image

from demos.common import (
    ArgumentError,
    CheckError,
    Context,
    PictureError,
    open_picture,
    require_kernel_fits,
    require_not_negative,
    require_odd,
    require_positive,
)


@pytest.mark.parametrize("value", [0, -1, 2.0, "3", True, None])
def test_require_positive(value):
    with pytest.raises(ArgumentError, match=r"size must be a positive integer, received"):
        require_positive(size=value)


def test_smallest_values_are_accepted():
    require_positive(size=1)
    require_not_negative(padding=0)
    require_odd(size=np.int64(3))
    require_kernel_fits(np.ones((3, 4)), np.ones((3, 4)))


def test_require_not_negative():
    with pytest.raises(ArgumentError, match="padding must be an integer of 0 or more, received -1"):
        require_not_negative(padding=-1)


@pytest.mark.parametrize("value", [2, 4, 0, -3])
def test_require_odd(value):
    with pytest.raises(ArgumentError, match="size must be"):
        require_odd(size=value)


@pytest.mark.parametrize(
    ("image", "kernel", "message"),
    [
        ((3, 3), (4, 1), "kernel 4x1 is larger than the image 3x3"),
        ((3, 3), (1, 4), "kernel 1x4 is larger"),
        ((3, 3), (0, 3), "kernel must be a non-empty"),
        ((3, 0), (1, 1), "image must be a non-empty"),
        ((3, 3, 3), (1, 1), "image must be a non-empty 2-D"),
    ],
)
def test_require_kernel_fits(image, kernel, message):
    with pytest.raises(ArgumentError, match=message):
        require_kernel_fits(np.ones(image), np.ones(kernel))


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n broken"])
def test_file_without_a_picture(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match="cannot read"):
        open_picture(path)


def test_truncated_picture(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(PictureError):
        open_picture(path)


def test_16_bit_gray_is_scaled(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16)).save(path)
    assert np.asarray(open_picture(path))[0, :, 0].tolist() == [0, 100, 255]


def test_float_picture_is_refused(tmp_path):
    Image.new("F", (8, 8)).save(tmp_path / "x.tif")
    with pytest.raises(
        PictureError, match=r"cannot read .*x\.tif as a picture: received a picture of mode F"
    ):
        open_picture(tmp_path / "x.tif")


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
