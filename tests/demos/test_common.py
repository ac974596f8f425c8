"""Shared parts of the demos: argument checks, pictures, errors."""

import numpy as np
import pytest
from PIL import Image

from demos.common import (
    ArgumentError,
    CheckError,
    Context,
    PictureError,
    open_picture,
    psnr,
    require_kernel_fits,
    require_not_negative,
    require_odd,
    require_positive,
)


@pytest.mark.parametrize("value", [0, -1, 2.0, "3", True, None])
def test_positive_sizes_only(value):
    with pytest.raises(ArgumentError, match=r"size must be a positive integer, received"):
        require_positive(size=value)


def test_bounds_themselves_are_accepted():
    require_positive(size=1)
    require_not_negative(padding=0)
    require_odd(size=np.int64(3))
    require_kernel_fits(np.ones((3, 4)), np.ones((3, 4)))


def test_negative_padding_is_refused():
    with pytest.raises(ArgumentError, match="padding must be an integer of 0 or more, received -1"):
        require_not_negative(padding=-1)


@pytest.mark.parametrize("value", [2, 4, 0, -3])
def test_a_kernel_needs_a_centre(value):
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
def test_kernel_has_to_fit(image, kernel, message):
    with pytest.raises(ArgumentError, match=message):
        require_kernel_fits(np.ones(image), np.ones(kernel))


def test_psnr_of_a_known_error():
    assert psnr(np.zeros((4, 4)), np.full((4, 4), 0.1)) == pytest.approx(20)
    assert psnr(np.ones(3), np.ones(3)) == float("inf")


def test_psnr_agrees_with_scikit_image():
    metrics = pytest.importorskip("skimage.metrics", reason="the reference is scikit-image")
    a, b = np.random.default_rng(0).random((2, 16, 16))
    assert psnr(a, b) == pytest.approx(metrics.peak_signal_noise_ratio(a, b, data_range=1))


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n broken"])
def test_a_file_that_is_no_picture(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match="cannot read"):
        open_picture(path)


def test_a_truncated_picture(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(PictureError):
        open_picture(path)


def test_sixteen_bit_gray_is_scaled_not_clipped(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16)).save(path)
    assert np.asarray(open_picture(path))[0, :, 0].tolist() == [0, 100, 255]


def picture_file(tmp_path, height, width):
    path = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return path


def test_pictures_shrink_and_never_grow(tmp_path):
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


def test_sample_picture_needs_no_file(tmp_path):
    pytest.importorskip("skimage", reason="the sample picture is in scikit-image's wheel")
    picture = Context("x", tmp_path).colour((32, 48))
    assert picture.shape == (32, 48, 3)
    assert picture.std() > 0.1


def test_check_says_or_raises(tmp_path, capsys):
    context = Context("lesson", tmp_path)
    context.check("1 = 1", True)
    assert capsys.readouterr().out == "  [ok] 1 = 1\n" == context.lines[0] + "\n"
    with pytest.raises(CheckError, match="lesson: this should hold and does not: 1 = 2"):
        context.check("1 = 2", False)


def test_same_seed_same_numbers(tmp_path):
    a, b, c = (Context("x", tmp_path, seed=seed).rng.random(4) for seed in (5, 5, 6))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
