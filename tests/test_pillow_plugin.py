"""The format behaves in Pillow like its own formats."""

import copy
import inspect
import io
import os
import pickle

import numpy as np
import pytest
from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

import compressor
from compressor import pillow_plugin
from compressor.bitstream.container import read_container, write_container
from compressor.images.loading import load_picture, open_picture
from tests.samples import XMP, exif_with_maker, noise, saved

pytestmark = pytest.mark.usefixtures("fake_coder")

ICC = b"an ICC profile" * 500


def stream(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "CMPR", **options)
    return buffer.getvalue()


def test_the_format_is_registered():
    assert Image.registered_extensions()[".cmpr"] == "CMPR"
    assert Image.MIME["CMPR"] == "image/x-cmpr"


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_save_and_open_by_name(tmp_path, mode):
    image = Image.fromarray(noise(6, 5, 4) | 1).convert(mode)
    image.save(tmp_path / "picture.cmpr", quality=60)
    with Image.open(tmp_path / "picture.cmpr") as opened:
        assert (opened.format, opened.mode, opened.size) == ("CMPR", mode, (5, 6))
        assert opened.get_format_mimetype() == "image/x-cmpr"
        assert opened.tobytes() == image.tobytes()
    assert compressor.read_info((tmp_path / "picture.cmpr").read_bytes()).quality == 60


def test_opening_decodes_nothing(monkeypatch, fake_coder):
    image = Image.fromarray(noise(6, 5, 3))
    image.info |= {"icc_profile": ICC, "exif": exif_with_maker("Maker").tobytes(), "xmp": b"<x/>"}
    buffer = io.BytesIO(stream(image))
    calls = []
    monkeypatch.setattr(fake_coder, "load_coder", lambda *_, **__: calls.append(1))
    opened = Image.open(buffer)
    assert (opened.mode, opened.size) == ("RGB", (5, 6))
    assert opened.info["icc_profile"] == ICC
    assert opened.getexif()[0x010F] == "Maker"
    assert opened.info["xmp"] == b"<x/>"
    assert calls == []


def test_pixels_are_decoded_once(monkeypatch, fake_coder):
    opened = Image.open(io.BytesIO(stream(Image.fromarray(noise(6, 5, 3)))))
    opened.load()
    monkeypatch.setattr(fake_coder, "load_coder", None)
    opened.load()
    assert opened.resize((3, 3)).size == (3, 3)


def test_metadata_longer_than_the_first_read():
    image = Image.fromarray(noise(60, 50, 4) | 1)
    image.info["icc_profile"] = ICC * 20
    opened = Image.open(io.BytesIO(stream(image)))
    assert opened.info["icc_profile"] == ICC * 20
    assert opened.tobytes() == image.tobytes()


def test_parameters_of_save_replace_what_the_picture_has():
    image = Image.fromarray(noise(6, 5, 3))
    image.info |= {"icc_profile": b"old", "exif": exif_with_maker("Old").tobytes()}
    for exif in (exif_with_maker("New"), exif_with_maker("New").tobytes()):
        opened = Image.open(io.BytesIO(stream(image, icc_profile=b"new", exif=exif)))
        assert (opened.info["icc_profile"], opened.getexif()[0x010F]) == (b"new", "New")
    opened = Image.open(io.BytesIO(stream(image, icc_profile=None, exif=b"")))
    assert not {"icc_profile", "exif"} & set(opened.info)
    assert image.info["icc_profile"] == b"old"


@pytest.mark.parametrize("option", ["exif", "xmp", "icc_profile"])
@pytest.mark.parametrize("nothing", [b"", None])
def test_removed_metadata_are_not_kept_under_another_key(option, nothing):
    exif = exif_with_maker("Maker").tobytes()[6:]
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    text.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n")
    image = Image.open(io.BytesIO(saved(Image.new("RGB", (8, 8)), "PNG", pnginfo=text, icc_profile=ICC)))
    sections = {"exif", "xmp", "icc", "picture"} - {option.removesuffix("_profile")}
    assert set(read_container(stream(image, **{option: nothing})).sections) == sections


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("is_loaded", [False, True])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda image: pickle.loads(pickle.dumps(image))]
)
def test_copies_hold_their_pixels(mode, is_loaded, copied):
    image = Image.fromarray(noise(6, 5, 4) | 1).convert(mode)
    opened = Image.open(io.BytesIO(stream(image)))
    if is_loaded:
        opened.load()
    other = copied(opened)
    assert np.array_equal(np.asarray(other), np.asarray(image))
    assert other.getpixel((2, 3)) == image.getpixel((2, 3))


def test_strip_parameter():
    image = Image.fromarray(noise(6, 5, 3))
    image.info |= {"icc_profile": ICC, "xmp": b"<x/>"}
    assert set(read_container(stream(image, strip="icc")).sections) == {"xmp", "picture"}


@pytest.mark.parametrize("keep_hidden", [True, False])
def test_keep_hidden_parameter(keep_hidden):
    data = stream(Image.new("RGBA", (4, 4), (200, 0, 0, 0)), quality=100, keep_hidden=keep_hidden)
    assert Image.open(io.BytesIO(data)).getpixel((0, 0)) == (200 if keep_hidden else 0, 0, 0, 0)


def test_verify_parameter(monkeypatch):
    given = []
    monkeypatch.setattr(pillow_plugin, "encode", lambda *_, **options: given.append(options) or b"")
    stream(Image.new("L", (4, 4)), verify=True)
    assert given == [{"verify": True}]


def test_runtime_parameter():
    with pytest.raises(ValueError, match="engine 'openvino'"):
        stream(Image.new("RGB", (4, 4)), runtime=compressor.Runtime(engine="openvino"))


def test_roi_parameter():
    mask = Image.linear_gradient("L").resize((80, 90))
    assert "quality_map" in read_container(stream(Image.new("RGB", (80, 90)), roi=mask)).sections
    with pytest.raises(ValueError, match="a mask of 80x90 pixels, expected 4x4"):
        stream(Image.new("RGB", (4, 4)), roi=mask)


def test_target_and_effort_parameters():
    image = Image.linear_gradient("L").resize((50, 40)).convert("RGB")
    assert len(stream(image, target=compressor.Target(num_bytes=300))) <= 300
    with pytest.raises(ValueError, match="received effort 0"):
        stream(image, effort=0)


# The other parameters do not apply to a picture that is already loaded, or not to `Image.save`.
PARAMETERS = inspect.signature(compressor.encode).parameters.keys() - {
    "image",
    "strip",
    "keep_hidden",
    "on_progress",
}


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_of_encode_is_an_option(name, monkeypatch):
    given = {}
    monkeypatch.setattr(pillow_plugin, "encode", lambda picture, **options: given.update(options) or b"")
    stream(Image.new("L", (1, 1)), **{name: "value"})
    assert given == {name: "value"}


def test_lossless_parameter():
    image = Image.fromarray(noise(40, 50, 3))
    assert compressor.read_info(stream(image, lossless=True)).is_lossless
    assert compressor.read_info(stream(image, quality=90, lossless=False)).quality == 90
    with pytest.raises(ValueError, match="received lossless and a quality"):
        stream(image, quality=90, lossless=True)


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_outside_its_range(tmp_path, quality):
    with pytest.raises(ValueError, match="1 to 100"):
        Image.new("RGB", (4, 4)).save(tmp_path / "x.cmpr", quality=quality)
    assert os.listdir(tmp_path) == []


def test_modes_that_cannot_be_saved(tmp_path):
    with pytest.raises(OSError, match="mode F"):
        Image.new("F", (4, 4)).save(tmp_path / "x.cmpr")
    assert os.listdir(tmp_path) == []


def test_every_truncation_raises_os_error():
    data = stream(Image.fromarray(noise(6, 5, 4)))
    for length in range(len(data)):
        with pytest.raises(OSError):  # noqa: PT011  (UnidentifiedImageError where the magic bytes are cut)
            Image.open(io.BytesIO(data[:length])).load()


@pytest.mark.parametrize("is_allowed", [False, True])
def test_truncated_files_load_where_pillow_allows_them(monkeypatch, is_allowed):
    decode, partial = pillow_plugin.decode, []
    monkeypatch.setattr(
        pillow_plugin,
        "decode",
        lambda data, **options: partial.append(options["partial"]) or decode(data, **options),
    )
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", is_allowed)
    Image.open(io.BytesIO(stream(Image.fromarray(noise(6, 5, 3))))).load()
    assert partial == [is_allowed]


def test_damaged_pixels_raise_os_error():
    data = stream(Image.fromarray(noise(6, 5, 3)))
    damaged = Image.open(io.BytesIO(data[:-6] + b"?" + data[-5:]))
    with pytest.raises(OSError, match="checksum"):
        damaged.load()
    with pytest.raises(OSError, match="checksum"):
        damaged.load()


def test_verify():
    data = stream(Image.fromarray(noise(6, 5, 3)))
    Image.open(io.BytesIO(data)).verify()
    with pytest.raises(OSError, match="checksum"):
        Image.open(io.BytesIO(data[:-6] + b"?" + data[-5:])).verify()


def test_a_later_version_says_so():
    data = bytearray(stream(Image.fromarray(noise(6, 5, 3))))
    data[4] = 2
    with pytest.raises(OSError, match="format version 2"):
        Image.open(io.BytesIO(data))


def test_other_files_stay_unidentified():
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(b"CMPX" + bytes(40)))


def test_the_limit_is_that_of_pillow(monkeypatch):
    data = stream(Image.fromarray(noise(10, 10, 3)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))


def test_the_limit_is_that_of_the_time_of_opening(monkeypatch):
    data = stream(Image.linear_gradient("L").convert("RGB"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    assert load_picture(open_picture(data, max_pixels=None)).image.size == (256, 256)


def test_thin_pictures_count_as_the_blocks_that_they_take():
    data = write_container(
        model_id=7, level=0, width=80_000_000, height=1, gray=False, sections={"picture": b"x"}
    )
    opened = Image.open(io.BytesIO(data))
    with pytest.raises(OSError, match="counted as at least 16"):
        opened.load()


def test_files_are_closed_after_loading(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "x.cmpr")
    opened = Image.open(tmp_path / "x.cmpr")
    file = opened.fp
    opened.load()
    assert file.closed
    unread = Image.open(tmp_path / "x.cmpr")
    unread.close()
    with pytest.raises(ValueError, match="closed"):
        unread.load()


def test_thumbnails_are_decoded_at_reduced_size(monkeypatch):
    image = Image.fromarray(noise(200, 320, 3))
    reductions = []
    decode = pillow_plugin.decode
    monkeypatch.setattr(
        pillow_plugin,
        "decode",
        lambda data, **options: reductions.append(options["reduction"]) or decode(data, **options),
    )
    opened = Image.open(io.BytesIO(stream(image)))
    opened.thumbnail((40, 25))
    assert reductions == [4]  # Twice as large as needed, by Pillow's default.
    assert opened.size == (40, 25)
    expected = image.reduce(4).resize((40, 25), Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(opened, int) - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize(("size", "reduction"), [((33, 21), 1), ((16, 10), 2), ((5, 5), 4), ((1, 1), 16)])
def test_draft(size, reduction):
    image = Image.fromarray(noise(21, 33, 3))
    opened = Image.open(io.BytesIO(stream(image)))
    assert opened.draft(None, size) == ("RGB", (0, 0, 33 / reduction, 21 / reduction))
    assert opened.size == (-(-33 // reduction), -(-21 // reduction))
    assert opened.tobytes() == (image.reduce(reduction) if reduction > 1 else image).tobytes()
    assert opened.draft(None, (1, 1)) is None


def test_alpha_has_no_draft():
    opened = Image.open(io.BytesIO(stream(Image.fromarray(noise(21, 33, 4)))))
    assert opened.draft(None, (2, 2)) is None
    assert opened.size == (33, 21)


def test_matplotlib_and_imageio_read_it(tmp_path):
    image_module = pytest.importorskip("matplotlib.image")
    imageio = pytest.importorskip("imageio.v3")
    pixels = noise(6, 5, 3)
    Image.fromarray(pixels).save(tmp_path / "x.cmpr")
    assert np.array_equal(image_module.imread(tmp_path / "x.cmpr"), pixels)
    assert np.array_equal(imageio.imread(tmp_path / "x.cmpr"), pixels)
