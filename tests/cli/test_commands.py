"""The command line: what it writes, and what it says."""

import json
import os
import stat
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import compressor
from compressor.cli.main import main
from tests.samples import exif_with_maker


def test_encode_and_decode_next_to_the_input(folder, capsys, picture):
    image = picture("photo.png")
    assert main(["encode", "photo.png", "-q", "80"]) == 0
    num_bytes = os.path.getsize("photo.cmpr")
    summary = f"photo.png -> photo.cmpr: 12x9 RGB, {num_bytes} bytes, {num_bytes * 8 / 108:.3f} bpp"
    assert capsys.readouterr().err.startswith(summary)
    os.unlink("photo.png")
    assert main(["decode", "photo.cmpr"]) == 0
    assert capsys.readouterr().err.startswith("photo.cmpr -> photo.png: 12x9 RGB")
    assert Image.open("photo.png").tobytes() == image.tobytes()
    assert compressor.read_info((folder / "photo.cmpr").read_bytes()).quality == 80


def test_quiet_and_verbose(folder, capsys, picture):
    picture("photo.png")
    assert main(["encode", "photo.png", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["encode", "photo.png", "-v", "--engine", "keras", "-j", "2"]) == 0
    message = capsys.readouterr().err
    assert "model 7 (fake), fake-keras" in message
    assert "bytes of sections: picture" in message


def test_notes_go_to_stderr(folder, capsys):
    Image.fromarray(np.zeros((4, 4), np.uint16)).save("deep.png")
    assert main(["encode", "deep.png"]) == 0
    assert "deep.png: note: 16 bits per channel reduced to 8\n" in capsys.readouterr().err
    assert main(["encode", "deep.png", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments", [["-o", "out.webp"], ["--format", "webp"], ["--format", ".WEBP", "-o", "out"]]
)
def test_output_types(folder, arguments, encoded):
    image = encoded("photo.cmpr", mode="RGBA")
    assert main(["decode", "photo.cmpr", *arguments]) == 0
    name = arguments[arguments.index("-o") + 1] if "-o" in arguments else "photo.webp"
    with Image.open(name) as decoded:
        assert decoded.format == "WEBP"
        assert decoded.convert("RGBA").tobytes() == image.tobytes()


def test_an_input_that_looks_like_an_option(folder, picture):
    picture("-a.png")
    for arguments in (["encode", "--", "-a.png"], ["encode", "-q", "80", "--no-verify", "--", "-a.png"]):
        assert main(arguments) == 0
    picture("b.png")
    os.mkdir("out")
    assert main(["encode", "b.png", "-o", "out", "--", "-a.png"]) == 0
    assert sorted(os.listdir("out")) == ["-a.cmpr", "b.cmpr"]


def test_several_inputs_into_a_folder(folder, picture):
    for name in ("a.png", "b.png"):
        picture(name)
    os.mkdir("out")
    assert main(["encode", "a.png", "b.png", "-o", "out"]) == 0
    assert sorted(os.listdir("out")) == ["a.cmpr", "b.cmpr"]
    assert main(["decode", "out/a.cmpr", "-o", "out/", "--format", "bmp"]) == 0
    assert sorted(os.listdir("out")) == ["a.bmp", "a.cmpr", "b.cmpr"]


@pytest.mark.parametrize(("arguments", "expected"), [([], True), (["--no-verify"], False)])
def test_new_streams_are_verified_by_default(folder, monkeypatch, fake_coder, arguments, expected, picture):
    picture("photo.png")
    asked, encode = [], fake_coder.PictureCoder.encode

    def recording(self, image_uint8, level, effort, *, verify, on_progress):
        asked.append(verify)
        return encode(self, image_uint8, level, effort)

    monkeypatch.setattr(fake_coder.PictureCoder, "encode", recording)
    assert main(["encode", "photo.png", *arguments]) == 0
    assert asked == [expected]


def test_a_refinement_shows_its_progress_on_a_terminal(folder, capsys, monkeypatch, picture):
    picture("photo.png")
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True, raising=False)
    for effort, shown in ((5, False), (9, True)):
        assert main(["encode", "photo.png", "--tune", "psnr", "-e", str(effort)]) == 0
        assert ("\r\x1b[Kphoto.png: refining, 25 %, 0:00:0" in capsys.readouterr().err) is shown


def test_a_refinement_that_fails_takes_its_progress_away(folder, capsys, monkeypatch, picture, fake_coder):
    picture("photo.png")
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True, raising=False)

    def failing(self, image_uint8, level, effort, *, verify, on_progress):
        on_progress(0.5)
        raise MemoryError

    monkeypatch.setattr(fake_coder.PictureCoder, "encode", failing)
    assert main(["encode", "photo.png", "--tune", "psnr", "-e", "7"]) == 1
    assert "\r\x1b[Kcompressor: photo.png: there is not enough memory" in capsys.readouterr().err


@pytest.mark.parametrize("effort", ["0", "10", "5.5", "high"])
def test_a_wrong_effort_is_a_usage_error(folder, capsys, effort):
    with pytest.raises(SystemExit, match="2"):
        main(["encode", "photo.png", "-e", effort])
    assert f"received '{effort}', expected a whole number from 1 to 9" in capsys.readouterr().err


def test_lossless_is_quality_100(folder, picture):
    picture("photo.png")
    assert main(["encode", "photo.png", "--lossless"]) == 0
    assert compressor.read_info(Path("photo.cmpr").read_bytes()).is_lossless


def test_targets(folder, capsys, picture, assert_fails):
    picture("photo.png")
    # The fake coder's files are of one size below quality 100, and lossless.
    for arguments, is_best in (
        (["--target-size", "1.5k"], True),
        (["--target-bpp", "500"], True),
        (["--target-psnr", "60"], False),
    ):
        assert main(["encode", "photo.png", *arguments]) == 0
        assert (", quality 100, " in capsys.readouterr().err) == is_best
    size = os.path.getsize("photo.cmpr")
    match = f"received a target of {size - 1} bytes"
    kept = ["photo.cmpr", "photo.png"]
    arguments = ["encode", "photo.png", "-o", "x.cmpr", "--target-size", str(size - 1)]
    assert_fails(*arguments, match=match, kept=kept)


def test_a_region(folder, capsys, encoded):
    image = encoded("photo.cmpr", mode="RGBA")
    assert main(["decode", "photo.cmpr", "-o", "part.png", "--region", "2,1,5,4"]) == 0
    assert "photo.cmpr -> part.png: region 5x4 of 12x9 RGBA" in capsys.readouterr().err
    assert Image.open("part.png").tobytes() == image.crop((2, 1, 7, 5)).tobytes()


def test_a_scale(folder, capsys, encoded):
    image = encoded("photo.cmpr", mode="RGBA")
    assert main(["decode", "photo.cmpr", "-o", "small.png", "--scale", "1/4"]) == 0
    assert "photo.cmpr -> small.png: scaled to 3x3 from 12x9 RGBA" in capsys.readouterr().err
    assert Image.open("small.png").tobytes() == image.reduce(4).tobytes()


def test_a_scaled_region(folder, capsys, encoded):
    encoded("photo.cmpr")
    arguments = ["decode", "photo.cmpr", "-o", "small.png", "--region", "2,2,8,6", "--scale", "1/2"]
    assert main(arguments) == 0
    assert "small.png: scaled to 4x3 from region 8x6 of 12x9 RGB" in capsys.readouterr().err


def test_a_file_that_is_cut_off(folder, capsys, encoded, assert_fails):
    encoded("photo.cmpr")
    data = Path("photo.cmpr").read_bytes()
    Path("photo.cmpr").write_bytes(data[:-2])
    assert_fails("decode", "photo.cmpr", match="decode what there is (--partial)", kept=["photo.cmpr"])
    assert main(["decode", "photo.cmpr", "-o", "part.png", "--partial"]) == 0
    note = f"photo.cmpr: note: the file is cut off after {len(data) - 2} of {len(data)} bytes"
    assert note in capsys.readouterr().err
    assert Image.open("part.png").size == (12, 9)
    assert_fails("info", "photo.cmpr", match="get the whole file", kept=["part.png", "photo.cmpr"])
    assert main(["info", "photo.cmpr", "--partial"]) == 0
    assert f"{len(data)} bytes" in (line := capsys.readouterr().out)
    assert line.endswith(f"cut off after {len(data) - 2} bytes\n")
    assert main(["info", "photo.cmpr", "--partial", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_cut"]


def test_a_damaged_file_that_may_be_cut_off(folder, encoded, assert_fails):
    encoded("photo.cmpr")
    data = bytearray(Path("photo.cmpr").read_bytes())
    data[-6] ^= 1
    Path("photo.cmpr").write_bytes(data)
    assert_fails("info", "photo.cmpr", "--partial", match="checksum", kept=["photo.cmpr"])


def test_an_unknown_scale_is_a_usage_error(folder, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["decode", "photo.cmpr", "--scale", "1/3"])
    assert "invalid choice: '1/3'" in capsys.readouterr().err


def test_a_region_outside_the_picture(folder, encoded, assert_fails):
    encoded("photo.cmpr")
    arguments = ("decode", "photo.cmpr", "-o", "part.png", "--region")
    message = "photo.cmpr: received the region 8,0,5,4, expected one inside the picture, which is 12x9"
    assert_fails(*arguments, "8,0,5,4", match=message, kept=["photo.cmpr"])
    assert_fails(*arguments, "8,0,5", match="expected X,Y,W,H", status=2, kept=["photo.cmpr"])


def test_strip(folder, picture):
    picture("photo.png", exif=exif_with_maker("Maker"))
    for arguments, kept in (
        ([], True),
        (["--strip", "icc", "--strip", "xmp"], True),
        (["--strip", "all"], False),
    ):
        assert main(["encode", "photo.png", "--quiet", *arguments]) == 0
        assert main(["decode", "photo.cmpr", "--quiet", "-o", "decoded.png"]) == 0
        assert (0x010F in Image.open("decoded.png").getexif()) == kept


def test_strip_while_decoding(folder, picture):
    picture("photo.png", exif=exif_with_maker("Maker"))
    assert main(["encode", "photo.png", "--quiet"]) == 0
    for name, kept in (("xmp", True), ("exif", False), ("all", False)):
        assert main(["decode", "photo.cmpr", "--quiet", "-o", "decoded.png", "--strip", name]) == 0
        assert (0x010F in Image.open("decoded.png").getexif()) == kept


def test_colours_of_transparent_pixels(folder):
    Image.new("RGBA", (12, 9), (200, 30, 60, 0)).save("photo.png")
    for arguments, colour in (([], (0, 0, 0)), (["--keep-hidden"], (200, 30, 60))):
        assert main(["encode", "photo.png", "--quiet", *arguments]) == 0
        assert main(["decode", "photo.cmpr", "--quiet", "-o", "decoded.png"]) == 0
        assert Image.open("decoded.png").getpixel((5, 5)) == (*colour, 0)


def test_a_mask(folder, picture, assert_fails):
    picture("a.png", size=(150, 70))
    Image.linear_gradient("L").rotate(90).resize((150, 70)).save("mask.png")
    assert main(["encode", "a.png", "--roi", "mask.png", "--quiet"]) == 0
    assert "quality_map" in compressor.read_info(Path("a.cmpr").read_bytes()).section_num_bytes
    os.unlink("a.cmpr")
    Image.new("L", (70, 150)).save("upright.png")
    Path("text.png").write_text("no picture")
    kept = ("a.png", "mask.png", "text.png", "upright.png")
    encode = ("encode", "a.png", "--roi")
    assert_fails(*encode, "upright.png", match="a mask of 70x150 pixels, expected 150x70", kept=kept)
    assert_fails(*encode, "text.png", match="cannot use the mask text.png: ", kept=kept)
    assert_fails(*encode, "none.png", match="cannot read or write none.png", kept=kept)
    Path("mask.png").write_bytes(Path("mask.png").read_bytes()[:-40])
    assert_fails(*encode, "mask.png", match="cannot use the mask: the picture cannot be read", kept=kept)
    lossless = ("mask.png", "-q", "100")
    assert_fails(*encode, *lossless, match="quality 100, which is lossless", kept=kept, status=2)


def test_info(folder, capsys, encoded):
    encoded("photo.cmpr", mode="LA")
    assert main(["info", "photo.cmpr", "-v"]) == 0
    output, message = capsys.readouterr()
    assert output.startswith("photo.cmpr: 12x9 LA, quality 50, ")
    assert "  alpha: " in output
    assert message == ""
    assert main(["info", "--json", "photo.cmpr", "photo.cmpr"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2
    assert (lines[0]["file"], lines[0]["width"], lines[0]["mode"]) == ("photo.cmpr", 12, "LA")
    assert (lines[0]["num_bytes"], lines[0]["is_cut"]) == (os.path.getsize("photo.cmpr"), False)
    assert main(["info", "--quiet", "photo.cmpr"]) == 0
    assert capsys.readouterr() == ("", "")


def test_overwriting(folder, picture, assert_fails):
    picture("photo.png")
    (folder / "photo.cmpr").write_text("precious")
    kept = ["photo.cmpr", "photo.png"]
    assert_fails("encode", "photo.png", "--no-overwrite", match="exists", kept=kept)
    assert (folder / "photo.cmpr").read_text() == "precious"
    assert main(["encode", "photo.png"]) == 0
    assert compressor.read_info((folder / "photo.cmpr").read_bytes()).width == 12
    assert main(["encode", "photo.png", "--no-overwrite", "-o", "new.cmpr"]) == 0
    assert sorted(os.listdir()) == ["new.cmpr", *kept]


def test_decode_does_not_replace_the_original_unasked(folder, picture, assert_fails):
    picture("photo.png")
    original = (folder / "photo.png").read_bytes()
    main(["encode", "photo.png", "--quiet"])
    kept = ["photo.cmpr", "photo.png"]
    assert_fails("decode", "photo.cmpr", match="photo.png exists", kept=kept)
    assert (folder / "photo.png").read_bytes() == original
    assert main(["decode", "photo.cmpr", "-o", "photo.png"]) == 0
    assert (folder / "photo.png").read_bytes() != original


@pytest.mark.parametrize(
    "name", ["with space.png", "ünï-写真.png", "two\nlines.png", "-dash.png", "quote'\".png"]
)
def test_unusual_names(folder, capsys, name, picture):
    picture(name)
    assert main(["encode", "--", name]) == 0
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["info", "--", name[:-4] + ".cmpr"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    (folder / name).write_text("no picture")
    assert main(["encode", "--", name]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_fifo_is_written_and_stays_a_fifo(folder, picture):
    picture("photo.png")
    os.mkfifo("pipe.cmpr")
    received = []
    reader = threading.Thread(target=lambda: received.append((folder / "pipe.cmpr").read_bytes()))
    reader.start()
    assert main(["encode", "photo.png", "-o", "pipe.cmpr", "--quiet"]) == 0
    reader.join(10)
    assert compressor.read_info(received[0]).width == 12
    assert stat.S_ISFIFO(os.stat("pipe.cmpr").st_mode)


@pytest.mark.parametrize("output", ["photo.png", "small.jpg", "small"])
def test_a_stream_is_not_written_under_another_extension(folder, capsys, picture, output):
    picture("photo.png")
    before = (folder / "photo.png").read_bytes()
    with pytest.raises(SystemExit):
        main(["encode", "photo.png", "-o", output])
    assert "expected the extension .cmpr: rename it, or add --force" in capsys.readouterr().err
    assert (folder / "photo.png").read_bytes() == before
    assert main(["encode", "photo.png", "-o", "other.bin", "--force"]) == 0
    assert main(["encode", "photo.png", "-o", "SMALL.CMPR"]) == 0
