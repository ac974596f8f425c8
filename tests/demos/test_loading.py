"""Reading picture files, and their errors."""

import numpy as np
import pytest
from PIL import Image

from demos.errors import PictureError
from demos.loading import open_picture


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n broken"])
def test_file_without_a_picture(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=r"x\.png: "):
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
    with pytest.raises(PictureError, match=r"x\.tif: received a picture of mode F"):
        open_picture(tmp_path / "x.tif")
