"""The codecs that are compared, other codecs and ours."""

import io
import json
import shutil
import sys

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

import compressor
from compressor.weights.shipped import shipped_folder
from eval import codecs
from eval.errors import CodecUnavailableError, EvalError

OTHERS = [codec for codec in codecs.CODECS if not isinstance(codec, codecs.LearnedCodec)]


def named(name):
    codec = next(codec for codec in codecs.CODECS if codec.name == name)
    try:
        codec.version()
    except CodecUnavailableError as error:
        pytest.skip(str(error))
    return codec


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (17, 33)])
@pytest.mark.parametrize("name", [codec.name for codec in OTHERS])
def test_any_size_round_trips(name, size, photo):
    codec = named(name)
    image = photo(*size)
    decoded = codec.decode(codec.encode(image, 90))
    assert decoded.shape == image.shape
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - image).mean() < 20


@pytest.mark.parametrize("name", [codec.name for codec in OTHERS])
def test_quality_trades_bytes_for_error(name, photo):
    codec = named(name)
    image = photo(64, 96)
    files = [codec.encode(image, quality) for quality in (20, 60, 90)]
    errors = [np.square(codec.decode(data).astype(int) - image).mean() for data in files]
    assert len(files[0]) < len(files[1]) < len(files[2])
    assert errors[0] > errors[1] > errors[2]


def test_names_are_unique_and_qualities_in_range():
    names = [codec.name for codec in codecs.CODECS]
    assert len(set(names)) == len(names)
    for codec in codecs.CODECS:
        assert list(codec.qualities) == sorted(set(codec.qualities))
        assert 1 <= codec.qualities[0] <= codec.qualities[-1] <= 100


@pytest.mark.parametrize(("name", "sampling"), [("jpeg420", 2), ("jpeg444", 0)])
def test_jpeg_is_progressive_with_the_named_subsampling(name, sampling, photo):
    with Image.open(io.BytesIO(named(name).encode(photo(32, 32), 50))) as image:
        assert JpegImagePlugin.get_sampling(image) == sampling
        assert image.info["progressive"]


@pytest.mark.parametrize("slow", ["", "-slow"])
def test_avif_tune_reaches_the_encoder(slow, photo):
    image = photo(96, 128)
    codec, tuned = named(f"avif444{slow}"), named(f"avif444-psnr{slow}")
    assert tuned.options == {**codec.options, "advanced": {"tune": "psnr"}}
    assert tuned.encode(image, 50) != codec.encode(image, 50)


def test_jpeg_2000_uses_the_colour_transform(photo):
    data = named("jpeg2000").encode(photo(64, 64), 60)
    start = data.index(b"\xff\x52")  # COD: length (2), style (1), progression (1), layers (2), transform (1)
    assert data[start + 8] == 1


def test_whole_qualities_are_rounded():
    assert named("jpeg420").save_options(49.7, (8, 8))["quality"] == 50
    assert named("jpeg2000").save_options(50, (8, 8))["quality_layers"] == [37]


def test_our_codec_uses_the_public_api(fake_compressor):
    codec = codecs.LearnedCodec("ours", "Ours", ".x", {"tune": "psnr", "effort": 9}, whole_qualities=False)
    data = codec.encode(np.zeros((3, 5, 3), np.uint8), 33.3)
    codecs.LearnedCodec("cnn", "CNN", ".x", {"model": "cnn"}).encode(np.zeros((3, 5, 3), np.uint8), 50)
    assert fake_compressor.seen == [(33.3, None, {"tune": "psnr", "effort": 9}), (50, "cnn", {})]
    decoded = codec.decode(data)
    assert decoded.shape == (3, 5, 3)  # gray becomes RGB
    assert (decoded == 7).all()


def test_our_version_depends_on_code_and_weights(fake_compressor, tmp_path):
    codec = codecs.LearnedCodec("flagship", "Ours", ".x")
    before = codec.version()
    assert before.startswith("compressor 9.9 (")
    (tmp_path / "weights.bin").write_bytes(b"new")
    codecs._source_digest.cache_clear()
    assert codec.version() != before


def test_missing_codecs_are_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)  # makes its import fail
    usable, missing = codecs.select(["jpeg420", "jxl"])
    assert [codec.name for codec in usable] == ["jpeg420"]
    assert missing[0].startswith("jxl: install pillow-jxl-plugin")
    with pytest.raises(EvalError, match="none of the codecs works: jxl"):
        codecs.select(["jxl"])


def exported(folder, **changes):
    """Return a copy of a shipped model with changes to its manifest."""
    shutil.copytree(shipped_folder("cnn"), folder, dirs_exist_ok=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"model_id": 0} | changes))
    return folder


def test_an_exported_model(tmp_path, photo):
    codec = codecs.select(["webp"], [exported(tmp_path, name="mine")])[0][1]
    image = photo(40, 50)
    data = codec.encode(image, 50)
    assert codec.name == "mine"
    assert compressor.read_info(data).model_id == 0
    assert codec.decode(data).shape == image.shape
    before = codec.settings()
    exported(tmp_path, name="mine", provenance={"steps": 1})
    assert codec.settings() != before


def test_folders_that_are_no_model_to_measure(tmp_path):
    with pytest.raises(EvalError, match="manifest"):
        codecs.select(["webp"], [tmp_path])
    with pytest.raises(EvalError, match="has the name of another codec, cnn"):
        codecs.select(["webp"], [exported(tmp_path / "a", name="cnn")])
    with pytest.raises(EvalError, match="has the name of another codec, mine"):
        codecs.select(["webp"], [exported(tmp_path / name, name="mine") for name in "ab"])


def test_unknown_codec():
    with pytest.raises(
        EvalError, match="no codec named bpg; available: flagship, flagship-psnr, cnn, flagship-e6"
    ):
        codecs.select(["jpeg420", "bpg"])


def test_slow_codecs_run_only_when_named():
    chosen = {codec.name for codec in codecs.select(None)[0]}
    assert "flagship" in chosen
    assert not [name for name in chosen if "-e" in name]
    assert [codec.name for codec in codecs.select(["flagship-psnr-e9"])[0]] == ["flagship-psnr-e9"]


def test_jxl_is_lossless_at_100(photo):
    codec, image = named("jxl"), photo(17, 33)
    np.testing.assert_array_equal(codec.decode(codec.encode(image, 100)), image)
