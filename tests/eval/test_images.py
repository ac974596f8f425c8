import numpy as np
import pytest
from PIL import Image

from eval.errors import BadPicture, EvalError
from eval.images import find_pictures, load_rgb


def test_natural_order_and_other_files(tmp_path):
    for name in ("10.png", "2.png", "1.png"):
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "LICENSE").write_text("free")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "folder").mkdir()
    pictures, problems = find_pictures(tmp_path)
    assert [picture.name for picture in pictures] == ["1.png", "2.png", "10.png"]
    assert problems == ["notes.txt: not a readable picture"]


def test_truncated_file_is_reported(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)).save(tmp_path / "cut.png")
    data = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadPicture, match=r"cut\.png: "):
        load_rgb(tmp_path / "cut.png")


@pytest.mark.parametrize(
    ("mode", "reason"), [("RGBA", "transparency"), ("I;16", "more than 8 bits"), ("LA", "transparency")]
)
def test_modes_beyond_8_bit_rgb_are_refused(tmp_path, mode, reason):
    Image.new(mode, (4, 4)).save(tmp_path / "odd.png")
    with pytest.raises(BadPicture, match=reason):
        load_rgb(tmp_path / "odd.png")


def test_gray_is_converted_and_orientation_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    Image.new("L", (6, 3), 9).save(tmp_path / "turned.png", exif=exif)
    image = load_rgb(tmp_path / "turned.png")
    assert image.shape == (6, 3, 3)
    assert (image == 9).all()


def test_missing_or_empty_folder(tmp_path):
    with pytest.raises(EvalError, match="no such folder"):
        find_pictures(tmp_path / "none")
    with pytest.raises(EvalError, match="no pictures in this folder$"):
        find_pictures(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(EvalError, match=r"no pictures in this folder; a\.txt: not a readable picture"):
        find_pictures(tmp_path)
