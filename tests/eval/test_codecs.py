import io
import sys

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from eval import codecs
from eval.errors import CodecUnavailable, EvalError

PILLOW = [codec for codec in codecs.CODECS if isinstance(codec, codecs.PillowCodec)]


def named(name):
    codec = next(codec for codec in codecs.CODECS if codec.name == name)
    try:
        codec.version()
    except CodecUnavailable as error:
        pytest.skip(str(error))
    return codec


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (17, 33)])
@pytest.mark.parametrize("name", [codec.name for codec in PILLOW])
def test_any_size_comes_back(name, size, photo):
    codec = named(name)
    image = photo(*size)
    decoded = codec.decode(codec.encode(image, 90))
    assert decoded.shape == image.shape
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - image).mean() < 20


@pytest.mark.parametrize("name", [codec.name for codec in PILLOW])
def test_quality_costs_bytes_and_pays_in_error(name, photo):
    codec = named(name)
    image = photo(64, 96)
    files = [codec.encode(image, quality) for quality in (20, 60, 90)]
    errors = [np.square(codec.decode(data).astype(int) - image).mean() for data in files]
    assert len(files[0]) < len(files[1]) < len(files[2])
    assert errors[0] > errors[1] > errors[2]


def test_names_are_unique_and_scales_inside_1_to_100():
    names = [codec.name for codec in codecs.CODECS]
    assert len(set(names)) == len(names)
    for codec in codecs.CODECS:
        assert list(codec.qualities) == sorted(set(codec.qualities))
        assert 1 <= codec.qualities[0] <= codec.qualities[-1] <= 100


@pytest.mark.parametrize(("name", "sampling"), [("jpeg420", 2), ("jpeg444", 0)])
def test_jpeg_is_progressive_and_sampled_as_named(name, sampling, photo):
    with Image.open(io.BytesIO(named(name).encode(photo(32, 32), 50))) as image:
        assert JpegImagePlugin.get_sampling(image) == sampling
        assert image.info["progressive"]


def test_jpeg_2000_uses_the_colour_transform(photo):
    data = named("jpeg2000").encode(photo(64, 64), 60)
    start = data.index(b"\xff\x52")  # COD: length (2), style (1), progression (1), layers (2), transform (1)
    assert data[start + 8] == 1


def test_whole_qualities_are_rounded():
    assert named("jpeg420").save_options(49.7, (8, 8))["quality"] == 50
    assert named("jpeg2000").save_options(50, (8, 8))["quality_layers"] == [37]


def test_our_codec_goes_through_the_public_api(fake_compressor):
    codec = codecs.LearnedCodec("flagship-e9", "Ours", ".x", {"effort": 9}, whole_qualities=False)
    data = codec.encode(np.zeros((3, 5, 3), np.uint8), 33.3)
    assert fake_compressor.seen == [(33.3, {"effort": 9})]
    decoded = codec.decode(data)
    assert decoded.shape == (3, 5, 3)  # gray becomes RGB
    assert (decoded == 7).all()


def test_our_version_follows_code_and_weights(fake_compressor, tmp_path):
    codec = codecs.LearnedCodec("flagship", "Ours", ".x")
    before = codec.version()
    assert before.startswith("compressor 9.9 (")
    (tmp_path / "weights.bin").write_bytes(b"new")
    codecs._source_digest.cache_clear()
    assert codec.version() != before


def test_a_missing_codec_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "compressor", None)  # what an import of it then raises is ImportError
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    usable, missing = codecs.select(["flagship", "jpeg420", "jxl"])
    assert [codec.name for codec in usable] == ["jpeg420"]
    assert [line.split(":")[0] for line in missing] == ["flagship", "jxl"]
    assert "pillow-jxl-plugin" in missing[1]
    with pytest.raises(EvalError, match="none of the codecs works here: flagship"):
        codecs.select(["flagship"])


def test_an_unknown_codec_is_an_error():
    with pytest.raises(EvalError, match="no codec named bpg; there are flagship, cnn, flagship-e7"):
        codecs.select(["jpeg420", "bpg"])


def test_slow_codecs_take_part_only_when_named():
    chosen = {codec.name for codec in codecs.select(None)[0]}
    assert "flagship" in chosen
    assert "flagship-e7" in chosen
    assert "flagship-e9" not in chosen
    assert [codec.name for codec in codecs.select(["flagship-e9"])[0]] == ["flagship-e9"]
