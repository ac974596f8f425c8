"""Training files that are not ordinary 8-bit RGB pictures: read as by the encoder, or named in a warning."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from compressor.images.loading import load_picture
from training.errors import TrainingError
from training.photos import decode_photo, load_photos

PICTURE_PX = 64
RAMP = np.arange(PICTURE_PX * PICTURE_PX, dtype=np.uint16).reshape(PICTURE_PX, PICTURE_PX) * 16


def file_of(image, suffix, **options):
    buffer = io.BytesIO()
    image.save(buffer, suffix, **options)
    return buffer.getvalue()


def coloured(mode):
    rgb = np.stack([RAMP >> 8, RAMP.T >> 8, RAMP % 256], axis=-1).astype(np.uint8)
    return Image.fromarray(rgb).convert(mode)


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    return {"exif": exif}


@pytest.mark.parametrize(
    ("image", "suffix", "options"),
    [
        (Image.fromarray(RAMP), "PNG", {}),
        (Image.fromarray(RAMP), "TIFF", {}),
        (coloured("RGB").crop((0, 0, 64, 40)), "JPEG", turned()),
        (coloured("RGBA"), "PNG", {}),
        (coloured("LA"), "PNG", {}),
        (coloured("P"), "PNG", {"transparency": 3}),
        (coloured("CMYK"), "JPEG", {}),
    ],
    ids=["16-bit-gray-png", "16-bit-gray-tiff", "orientation", "alpha", "gray-alpha", "palette", "cmyk"],
)
def test_unusual_pictures_are_read_as_by_the_encoder(image, suffix, options):
    data = file_of(image, suffix, **options)
    expected = load_picture(Image.open(io.BytesIO(data))).image.convert("RGB")
    np.testing.assert_array_equal(decode_photo(data), np.asarray(expected))


def test_16_bit_gray_keeps_its_range():
    photo = decode_photo(file_of(Image.fromarray(RAMP), "PNG"))
    assert (photo.min(), photo.max()) == (0, 255)
    assert len(np.unique(photo)) == 256


def save_float(path):
    Image.new("F", (PICTURE_PX, PICTURE_PX)).save(path.with_suffix(".tif"))


def save_32_bit(path):
    Image.new("I", (PICTURE_PX, PICTURE_PX)).save(path.with_suffix(".tif"))


def save_damaged(path):
    data = file_of(coloured("RGB"), "PNG")
    path.write_bytes(data[: len(data) // 2])


@pytest.fixture
def folder(tmp_path):
    """A folder with one good picture, large enough."""
    coloured("RGB").save(tmp_path / "good.png")
    return tmp_path


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (save_float, r"x\.tif \(received a picture of mode F, expected 8 or 16 bits"),
        (save_32_bit, r"x\.tif \(received a picture of mode I, expected 8 or 16 bits"),
        (save_damaged, r"x\.png \(the picture cannot be read"),
        (lambda path: path.write_text("text"), r"x\.png \(the file is not a picture"),
        (lambda path: path.symlink_to("absent.png"), r"x\.png \(a link to a file that does not exist\)"),
        (lambda path: path.symlink_to(path.name), r"x\.png \(Too many levels of symbolic links\)"),
    ],
    ids=["float", "32-bit", "damaged", "text", "dangling-link", "link-to-itself"],
)
def test_unreadable_files_are_named_with_the_reason(folder, save, message):
    save(folder / "x.png")
    with pytest.warns(UserWarning, match="skipped 1 unreadable files of .*: " + message):
        assert len(load_photos(str(folder), PICTURE_PX)) == 1


def test_many_unreadable_files_are_counted_and_some_named(folder):
    for number in range(20):
        (folder / f"{number:02}.png").write_text("text")
    with pytest.warns(
        UserWarning, match=r"skipped 20 unreadable files of .*: 00\.png .*; 11\.png .*; \.\.\.$"
    ):
        load_photos(str(folder), PICTURE_PX)


def test_a_folder_named_like_a_picture_is_searched_like_others(folder):
    (folder / "x.png").mkdir()
    coloured("RGB").save(folder / "x.png" / "inside.png")
    assert len(load_photos(str(folder), PICTURE_PX)) == 2


def test_only_a_folder_named_like_a_picture_is_no_data(tmp_path):
    (tmp_path / "x.png").mkdir()
    with pytest.raises(TrainingError, match="nothing found there"):
        load_photos(str(tmp_path), PICTURE_PX)


def test_folders_and_dangling_links_in_shards(folder, tmp_path_factory):
    (folder / "x.png").mkdir()
    (folder / "y.png").symlink_to("absent.png")
    shard = tmp_path_factory.mktemp("shards") / "photos.tar"
    with tarfile.open(shard, "w") as tar:
        tar.add(folder, arcname=".")
    with pytest.warns(UserWarning, match=r"skipped 1 .*y\.png \(a link to a file that does not exist\)"):
        assert len(load_photos(f"shards:{shard}", PICTURE_PX)) == 1


@pytest.mark.parametrize("content", [None, b"", b"no tar file" * 100], ids=["dangling-link", "empty", "text"])
def test_a_shard_that_is_no_tar_file(tmp_path, content):
    shard = tmp_path / "photos.tar"
    if content is None:
        shard.symlink_to("absent.tar")
    else:
        shard.write_bytes(content)
    with pytest.raises(TrainingError, match=r"photos\.tar: cannot be read as a tar file"):
        load_photos(f"shards:{tmp_path}/*.tar", PICTURE_PX)
