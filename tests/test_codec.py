"""The public interface, with a lossless fake in the place of the picture coder."""

import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import compressor
from compressor import Runtime, Target
from compressor.bitstream.container import read_container
from compressor.errors import (
    CompressorError,
    CorruptStreamError,
    ImageInputError,
    LimitError,
    NotAStreamError,
    OptionError,
    StreamError,
    TruncatedStreamError,
    UnsupportedStreamError,
)
from compressor.images.filling import filled_colours
from compressor.images.loading import load_picture, open_picture
from tests.samples import exif_with_maker, noise, png_with_size, rebuilt, saved

pytestmark = pytest.mark.usefixtures("fake_coder")

ICC = b"an ICC profile"
XMP = b"<x:xmpmeta/>"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from(["L", "LA", "RGB", "RGBA"]),
    st.floats(1, 100),
    st.booleans(),
)
def test_any_size_mode_and_quality(width, height, mode, quality, as_array):
    # No alpha of 0: hidden colours are cleared.
    image = Image.fromarray(noise(height, width, 4) | 1).convert(mode)
    data = compressor.encode(np.asarray(image) if as_array else image, quality)
    decoded = compressor.decode(data)
    assert (decoded.mode, decoded.size) == (mode, (width, height))
    assert decoded.tobytes() == image.tobytes()
    info = compressor.read_info(data)
    assert (info.mode, info.width, info.height) == (mode, width, height)
    assert info.is_lossless or abs(info.quality - quality) <= 0.125


def test_info():
    image = Image.fromarray(noise(20, 30, 4))
    image.info["icc_profile"] = ICC
    data = compressor.encode(image, 60.25)
    info = compressor.read_info(data)
    sections = read_container(data).sections
    assert info == compressor.StreamInfo(
        format_version=1,
        model_id=7,
        tune=None,
        width=30,
        height=20,
        mode="RGBA",
        quality=60.25,
        num_bytes=len(data),
        bpp=len(data) * 8 / 600,
        section_num_bytes={name: len(sections[name]) for name in ("icc", "alpha", "picture")},
    )


def test_info_of_the_beginning_of_a_file():
    data = compressor.encode(noise(20, 30, 3))
    assert compressor.read_info(data[:30], partial=True) == compressor.read_info(data)
    with pytest.raises(TruncatedStreamError):
        compressor.read_info(data[:30])
    with pytest.raises(TruncatedStreamError):
        compressor.read_info(data[:10], partial=True)


def test_info_checks_the_whole_stream():
    data = compressor.encode(noise(20, 30, 3))
    with pytest.raises(CorruptStreamError):
        compressor.read_info(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_metadata_of_a_file_are_kept(file_format):
    buffer = io.BytesIO()
    options = {"icc_profile": ICC, "exif": exif_with_maker("Maker").tobytes()}
    if file_format in ("JPEG", "WEBP"):
        options["xmp"] = XMP
    Image.fromarray(noise(16, 16, 3)).save(buffer, file_format, **options)
    source = Image.open(buffer)
    decoded = compressor.decode(compressor.encode(source))
    assert decoded.info["icc_profile"] == source.info["icc_profile"] == ICC
    assert decoded.getexif()[0x010F] == "Maker"
    assert decoded.info.get("xmp") == source.info.get("xmp")
    if file_format in ("PNG", "JPEG"):
        assert decoded.info["exif"] == source.info["exif"]


def test_strip_leaves_nothing():
    image = Image.fromarray(noise(8, 8))
    image.info |= {"icc_profile": ICC, "exif": exif_with_maker("Maker").tobytes(), "xmp": XMP}
    plain = compressor.encode(Image.fromarray(np.asarray(image)))
    assert compressor.encode(image, strip="all") == plain
    assert len(compressor.encode(image)) > len(plain)


def test_a_decoded_picture_encodes_to_the_same_bytes():
    image = Image.fromarray(noise(8, 9, 4))
    image.info |= {"icc_profile": ICC, "exif": exif_with_maker("Maker").tobytes(), "xmp": XMP}
    data = compressor.encode(image, 70)
    assert compressor.encode(compressor.decode(data), 70) == data


@pytest.mark.parametrize("wrap", [bytearray, memoryview])
def test_data_of_other_types(wrap):
    data = compressor.encode(noise(4, 4, 3))
    assert compressor.decode(wrap(data)).tobytes() == compressor.decode(data).tobytes()


def test_data_must_be_bytes():
    with pytest.raises(TypeError, match="received str, expected bytes"):
        compressor.decode("photo.cmpr")


def test_every_truncation_and_some_changes_give_stream_errors():
    data = compressor.encode(noise(9, 9, 4))
    for length in range(len(data)):
        with pytest.raises(TruncatedStreamError if length else NotAStreamError):
            compressor.decode(data[:length])
    for position in range(len(data)):
        with pytest.raises(StreamError):
            compressor.decode(data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])


def test_limit_on_pixels_comes_before_the_model():
    data = rebuilt(compressor.encode(noise(4, 4, 3)), width=2**31 - 1, height=2**31 - 1, model_id=99)
    for function in (compressor.decode, compressor.read_info):
        with pytest.raises(LimitError, match="at most 178956970"):
            function(data)
    with pytest.raises(UnsupportedStreamError):
        compressor.decode(data, max_pixels=None)


def test_limit_on_pixels_is_settable():
    data = compressor.encode(noise(4, 5, 3))
    assert compressor.decode(data, max_pixels=20).size == (5, 4)
    with pytest.raises(LimitError):
        compressor.decode(data, max_pixels=19)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_region_is_the_crop_of_the_whole(mode):
    image = Image.fromarray(noise(20, 30, 4)).convert(mode)
    image.info["icc_profile"] = ICC
    part = compressor.decode(compressor.encode(image), region=(4, 3, 25, 6))
    assert (part.mode, part.size) == (mode, (25, 6))
    assert part.tobytes() == image.crop((4, 3, 29, 9)).tobytes()
    assert part.info["icc_profile"] == ICC


def test_a_region_is_one_of_the_upright_picture():
    image = Image.fromarray(noise(20, 30, 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.info["exif"] = exif.tobytes()
    part = compressor.decode(compressor.encode(image), region=(12, 20, 8, 10))
    assert part.tobytes() == image.transpose(Image.Transpose.ROTATE_270).crop((12, 20, 20, 30)).tobytes()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("reduction", [2, 16])
def test_a_model_without_reductions_is_reduced_from_full_size(mode, reduction):
    image = Image.fromarray(noise(21, 30, 4)).convert(mode)
    image.info["icc_profile"] = ICC
    data = compressor.encode(image, keep_hidden=True)
    reduced = compressor.decode(data, reduction=reduction)
    assert (reduced.mode, reduced.size) == (mode, (-(-30 // reduction), -(-21 // reduction)))
    assert reduced.tobytes() == image.reduce(reduction).tobytes()
    assert reduced.info["icc_profile"] == ICC
    part = compressor.decode(data, region=(3, 5, 20, 16), reduction=2)
    assert part.tobytes() == image.crop((2, 4, 24, 21)).reduce(2).tobytes()


def test_hidden_pixels_continue_the_others_unless_they_are_kept():
    pixels = noise(40, 30, 4) | 1
    pixels[10:30, 5:25, 3] = 0
    image = Image.fromarray(pixels)
    decoded = np.asarray(compressor.decode(compressor.encode(image, 60)))
    np.testing.assert_array_equal(decoded[..., :3], filled_colours(image))
    np.testing.assert_array_equal(decoded[..., 3], pixels[..., 3])
    lossless = np.asarray(compressor.decode(compressor.encode(image, 100)))
    np.testing.assert_array_equal(lossless[..., :3], np.where(pixels[..., 3:], pixels[..., :3], 0))
    for kept in (
        compressor.encode(image, 60, keep_hidden=True),
        compressor.encode(load_picture(image, keep_hidden=True), 60),
    ):
        np.testing.assert_array_equal(np.asarray(compressor.decode(kept)), pixels)


def test_regions_with_alpha_ignore_pillows_pixel_limit(monkeypatch):
    image = Image.linear_gradient("L").convert("RGB")
    image.putalpha(Image.linear_gradient("L").rotate(90))
    data = compressor.encode(image)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    part = compressor.decode(data, region=(5, 6, 30, 20), max_pixels=None)
    monkeypatch.undo()
    assert part.getchannel("A").tobytes() == image.getchannel("A").crop((5, 6, 35, 26)).tobytes()


def test_partial_streams():
    image = Image.fromarray(noise(40, 50, 3))
    image.info["icc_profile"] = ICC
    data = compressor.encode(image)
    assert compressor.decode(data, partial=True).tobytes() == image.tobytes()
    # Only a part of the last checksum is missing.
    assert compressor.decode(data[:-1], partial=True).tobytes() == image.tobytes()
    with pytest.raises(TruncatedStreamError):
        compressor.decode(data[:-1])
    with pytest.raises(TruncatedStreamError, match="get"):
        compressor.decode(data[: len(ICC)], partial=True)
    damaged = data[:-20] + bytes(16) + data[-4:]
    with pytest.raises(CorruptStreamError):
        compressor.decode(damaged, partial=True)


@pytest.mark.parametrize("reduction", [0, 3, 32, 2.5, "2", None])
def test_unknown_reductions(reduction):
    data = compressor.encode(noise(4, 5, 3))
    with pytest.raises(OptionError, match="expected one of 1, 2, 4, 8, 16"):
        compressor.decode(data, reduction=reduction)


def test_regions_are_checked_before_the_model_is_loaded():
    data = rebuilt(compressor.encode(noise(4, 5, 3)), model_id=99)
    for region, message in (((0, 0, 6, 4), "which is 5x4"), ((0, 0, 0, 4), "expected X,Y,W,H")):
        with pytest.raises(OptionError, match=message):
            compressor.decode(data, region=region)


def test_unknown_model():
    with pytest.raises(UnsupportedStreamError, match="model 9"):
        compressor.decode(rebuilt(compressor.encode(noise(4, 4, 3)), model_id=9))


@pytest.mark.parametrize("alpha", [b"no png", b"\x89PNG\r\n\x1a\n", b"12"])
def test_a_bad_alpha_section_with_a_good_checksum(alpha):
    with pytest.raises(CorruptStreamError, match="alpha"):
        compressor.decode(rebuilt(compressor.encode(noise(4, 4, 4)), sections={"alpha": alpha}))


def test_alpha_of_another_size_is_not_decoded():
    bomb = png_with_size(saved(Image.new("L", (4, 4)), "PNG"), 2**31 - 1, 2**31 - 1)
    data = rebuilt(compressor.encode(noise(4, 4, 4)), sections={"alpha": bomb})
    with pytest.raises(CorruptStreamError, match="a PNG of 2147483647x2147483647 and mode L, expected one"):
        compressor.decode(data)


def test_a_bad_picture_section_with_a_good_checksum():
    with pytest.raises(CorruptStreamError, match="contradicts"):
        compressor.decode(rebuilt(compressor.encode(noise(4, 4, 3)), width=5))


@pytest.mark.parametrize("quality", [0, 101, float("nan")])
def test_quality_is_checked_before_the_picture_is_read(quality):
    with pytest.raises(OptionError):
        compressor.encode(Image.new("F", (4, 4)), quality)


def test_unsupported_pictures():
    with pytest.raises(ImageInputError):
        compressor.encode(Image.new("F", (4, 4)))


def test_conformance_pictures_are_coded_or_refused(conformance_folder):
    refused = []
    modes = set()
    for path in conformance_folder.rglob("*.*"):
        if path.suffix in (".bin", ".txt") or not path.is_file():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                picture = load_picture(open_picture(path.read_bytes()), keep_hidden=True)
                data = compressor.encode(picture, 50)
            except CompressorError:
                refused.append(path.name)
                continue
        decoded = compressor.decode(data)
        assert (decoded.mode, decoded.size) == (picture.image.mode, picture.image.size), path
        assert decoded.tobytes() == picture.image.tobytes(), path
        modes.add(decoded.mode)
    assert modes == {"L", "LA", "RGB", "RGBA"}
    assert 10 < len(refused) < 50


def test_engine_is_passed_on():
    with pytest.raises(OptionError, match="engine 'openvino'"):
        compressor.encode(noise(4, 4, 3), runtime=Runtime(engine="openvino"))
    data = compressor.encode(noise(4, 4, 3), runtime=Runtime(engine="keras"))
    with pytest.raises(OptionError, match="engine 'openvino'"):
        compressor.decode(data, runtime=Runtime(engine="openvino"))


def test_a_tune_and_a_model_contradict_each_other():
    with pytest.raises(OptionError, match="received tune 'ssim', expected one of iq, psnr"):
        compressor.encode(noise(4, 4, 3), tune="ssim")
    with pytest.raises(OptionError, match=r"received tune \['iq'\]"):
        compressor.encode(noise(4, 4, 3), tune=["iq"])
    with pytest.raises(OptionError, match="a tune and a model, expected one of them"):
        compressor.encode(noise(4, 4, 3), tune="psnr", runtime=Runtime(model="cnn"))


def test_progress_is_passed_on():
    shares = []
    compressor.encode(noise(4, 4, 3), tune="psnr", effort=9, on_progress=shares.append)
    assert shares == [0.25]


def test_a_quality_and_a_target_contradict_each_other():
    with pytest.raises(OptionError, match="a quality and a target, expected one of them"):
        compressor.encode(noise(4, 4, 3), 50, target=Target(bpp=1))


def test_a_target_is_a_target():
    with pytest.raises(OptionError, match=r"received the target 5, expected compressor.Target"):
        compressor.encode(noise(4, 4, 3), target=5)


@pytest.mark.parametrize("code", [compressor.encode, compressor.decode])
def test_a_runtime_is_a_runtime(code):
    with pytest.raises(OptionError, match=r"received the runtime 'keras', expected compressor.Runtime"):
        code(noise(4, 4, 3), runtime="keras")


def test_a_mask_and_a_large_target_stay_below_the_quality_without_loss():
    image, mask = noise(64, 256, 3), np.zeros((64, 256), np.uint8)
    mask[:, :64] = 255
    stream = compressor.encode(image, target=Target(num_bytes=10**7), roi=mask)
    assert compressor.read_info(stream).quality == 99.75


def test_a_target_of_bytes_is_not_exceeded():
    image = noise(16, 16, 3)
    num_bytes = len(compressor.encode(image))
    assert len(compressor.encode(image, target=Target(num_bytes=num_bytes))) <= num_bytes
    with pytest.raises(OptionError, match="raise it"):
        compressor.encode(image, target=Target(num_bytes=20))


def test_a_target_of_fidelity_is_met():
    image = noise(16, 16, 3)
    data = compressor.encode(image, target=Target(psnr_db=40))
    assert np.array_equal(np.asarray(compressor.decode(data)), image)


def test_import_is_light():
    code = (
        "import sys, compressor, compressor.cli.main; "
        "print(sorted({'numpy', 'tensorflow', 'keras', 'onnxruntime', 'constriction'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
