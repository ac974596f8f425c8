"""Pictures of a folder: which are found, how they are read, what is refused."""

import os

import numpy as np
import pytest
from PIL import Image

from eval.errors import EvalError, PictureError
from eval.images import find_pictures, load_all, load_rgb, picture_paths, spread


def test_natural_order_and_other_files(tmp_path):
    for name in ("10.png", "2.png", "1.png"):
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "LICENSE").write_text("free")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "folder").mkdir()
    pictures, problems = find_pictures(tmp_path)
    assert [picture.name for picture in pictures] == ["1.png", "2.png", "10.png"]
    assert [problem.split(":")[0] for problem in problems] == ["notes.txt"]


def test_truncated_file_is_reported(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)).save(tmp_path / "cut.png")
    data = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(PictureError, match=r"cut\.png: "):
        load_rgb(tmp_path / "cut.png")


@pytest.mark.parametrize("mode", ["F", "I"])
def test_float_and_32_bit_pictures_are_refused(tmp_path, mode):
    Image.new(mode, (4, 4)).save(tmp_path / "odd.tif")
    with pytest.raises(
        PictureError, match=rf"^odd\.tif: received a picture of mode {mode}, expected 8 or 16 bits"
    ):
        load_rgb(tmp_path / "odd.tif")


@pytest.mark.parametrize(
    ("image", "suffix", "expected", "note"),
    [
        (Image.new("I;16", (4, 4), 9 * 257), "png", 9, "16 bits per channel reduced to 8"),
        (Image.new("RGBA", (4, 4), (9, 9, 9, 100)), "png", 9, "alpha is left out"),
        (Image.new("LA", (4, 4), (9, 0)), "png", 0, "alpha is left out"),
        (Image.new("CMYK", (4, 4), (0, 0, 0, 255)), "tif", 0, "CMYK converted to RGB without a profile"),
    ],
    ids=["16-bit-gray", "alpha", "hidden-pixels", "cmyk"],
)
def test_lossy_conversions_are_noted(tmp_path, image, suffix, expected, note):
    path = tmp_path / f"odd.{suffix}"
    image.save(path)
    notes = []
    assert np.array_equal(load_rgb(path, notes.append), np.full((4, 4, 3), expected))
    assert f"odd.{suffix}: {note}" in notes[-1]


@pytest.mark.parametrize("name", ["link.png", "folder.png", "absent.png"])
def test_paths_that_are_not_files_are_reported(tmp_path, name):
    (tmp_path / "link.png").symlink_to("nowhere.png")
    (tmp_path / "folder.png").mkdir()
    reason = {"link": "a link to a file that does not exist", "folder": "Is a dir", "absent": "no such file"}
    with pytest.raises(PictureError, match=rf"{name}: {reason[name.removesuffix('.png')]}"):
        load_rgb(tmp_path / name)


def test_gray_is_converted_and_orientation_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    Image.new("L", (6, 3), 9).save(tmp_path / "turned.png", exif=exif)
    image = load_rgb(tmp_path / "turned.png")
    assert image.shape == (6, 3, 3)
    assert (image == 9).all()


@pytest.mark.parametrize("find", [find_pictures, picture_paths])
def test_missing_or_empty_folder(tmp_path, find):
    with pytest.raises(EvalError, match="no such folder"):
        find(tmp_path / "none")
    with pytest.raises(EvalError, match="no pictures in this folder$"):
        find(tmp_path)


def test_folder_without_usable_pictures(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(EvalError, match=r"none of 1 files can be used; a\.txt: the file is not a picture"):
        find_pictures(tmp_path)
    with pytest.raises(
        EvalError, match=r"none of 1 chosen files can be used; a\.txt: the file is not a picture"
    ):
        load_all(picture_paths(tmp_path))


@pytest.mark.parametrize(("wanted", "expected"), [(0, []), (1, [5]), (2, [2, 7]), (20, list(range(10)))])
def test_spread(wanted, expected):
    assert spread(list(range(10)), wanted) == expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_pipes_are_skipped(folder):
    os.mkfifo(folder / "pipe.png")
    pictures, problems = find_pictures(folder)
    assert [picture.name for picture in pictures] == ["a.png", "b.png"]
    assert problems == []
