"""The command line when something fails: one line says why, and nothing is left behind."""

import os

import pytest
from PIL import Image

from compressor.cli.main import main


def test_input_files_that_fail(folder, assert_fails):
    (folder / "text.png").write_text("text")
    (folder / "empty.png").write_bytes(b"")
    os.mkdir("folder.png")
    kept = ["text.png", "empty.png", "folder.png"]
    assert_fails("encode", "missing.png", match="No such file", kept=kept)
    assert_fails("encode", "missing/", match="expected a folder that exists", kept=kept)
    assert_fails("encode", "text.png", match="not a picture", kept=kept)
    assert_fails("encode", "empty.png", match="not a picture", kept=kept)
    assert_fails("encode", "folder.png", match="Is a directory", kept=kept)
    assert_fails("decode", "missing.cmpr", match="No such file", kept=kept)
    assert_fails("decode", "text.png", "-o", "out.png", match="not a .cmpr file", kept=kept)
    assert_fails("info", "text.png", match="not a .cmpr file", kept=kept)


def test_pictures_of_wide_range_are_refused(folder, assert_fails):
    Image.new("F", (4, 4)).save("hdr.tiff")
    assert_fails("encode", "hdr.tiff", match="mode F", kept=["hdr.tiff"])


def test_damaged_streams(folder, encoded, assert_fails):
    encoded("photo.cmpr")
    data = (folder / "photo.cmpr").read_bytes()
    damages = {
        "truncated.cmpr": (data[:-20], "get the whole file"),
        "flipped.cmpr": (data[:-9] + bytes([data[-9] ^ 1]) + data[-8:], "checksum"),
        "longer.cmpr": (data + b"x", "cut off what follows"),
        "version.cmpr": (data[:4] + b"\x02" + data[5:], "format version 2, expected 1"),
    }
    for name, (damaged, _) in damages.items():
        (folder / name).write_bytes(damaged)
    kept = ["photo.cmpr", *damages]
    for name, (_, message) in damages.items():
        assert_fails("decode", name, match=message, kept=kept)
        assert_fails("info", name, match=message, kept=kept)


def test_a_damaged_stream_leaves_an_older_output_alone(folder, encoded, assert_fails):
    encoded("photo.cmpr")
    (folder / "photo.cmpr").write_bytes((folder / "photo.cmpr").read_bytes()[:-1])
    (folder / "out.png").write_text("precious")
    kept = ["photo.cmpr", "out.png"]
    assert_fails("decode", "photo.cmpr", "-o", "out.png", match="whole file", kept=kept)
    assert (folder / "out.png").read_text() == "precious"


def test_limit_on_pixels(folder, picture, assert_fails):
    picture("photo.png")
    assert main(["encode", "photo.png", "--quiet"]) == 0
    kept = ["photo.cmpr", "photo.png"]
    for arguments in (["encode", "photo.png", "-o", "x.cmpr"], ["decode", "photo.cmpr", "-o", "x.png"]):
        assert_fails(*arguments, "--max-pixels", "50", match="--max-pixels", kept=kept)
    assert_fails("info", "photo.cmpr", "--max-pixels", "107", match="at most 107", kept=kept)
    assert main(["info", "photo.cmpr", "--max-pixels", "108"]) == 0


def test_output_places_that_fail(folder, picture, assert_fails):
    picture("photo.png")
    os.mkdir("out")
    kept = ["photo.png", "out"]
    encode = ("encode", "photo.png", "--force", "-o")
    assert_fails(*encode, "out", match="is a folder", kept=kept)
    assert_fails(*encode, "none/x.cmpr", match="does not exist", kept=kept)
    assert_fails(*encode, "photo.png", match="is an input", kept=kept)
    os.link("photo.png", "other-name.png")
    kept.append("other-name.png")
    assert_fails(*encode, "other-name.png", match="is an input", kept=kept)
    picture("mask.png", mode="L")
    assert_fails(*encode, "mask.png", "--roi", "mask.png", match="is an input", kept=[*kept, "mask.png"])


def test_two_inputs_with_the_same_output(folder, capsys, picture):
    picture("photo.png")
    picture("photo.bmp")
    assert main(["encode", "photo.png", "photo.bmp", "--quiet"]) == 1
    assert "already made from another input" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into read-only folders")
def test_a_read_only_folder(folder, picture, assert_fails):
    picture("photo.png")
    os.mkdir("locked", 0o500)
    kept = ["locked", "photo.png"]
    assert_fails("encode", "photo.png", "-o", "locked/x.cmpr", match="Permission denied", kept=kept)


@pytest.mark.parametrize("failing", ["os.replace", "os.chmod"])
def test_a_failure_while_writing_leaves_nothing_behind(folder, monkeypatch, failing, picture, assert_fails):
    picture("photo.png")
    (folder / "photo.cmpr").write_text("precious")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(failing, fail)
    kept = ["photo.cmpr", "photo.png"]
    assert_fails("encode", "photo.png", match="(No space left on device): make room", kept=kept)
    assert (folder / "photo.cmpr").read_text() == "precious"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_device(folder, picture, assert_fails):
    picture("photo.png")
    message = "No space left on device"
    assert_fails("encode", "photo.png", "-o", "/dev/full", match=message, kept=["photo.png"])


def test_an_internal_error_is_one_line(folder, monkeypatch, fake_coder, picture, assert_fails):
    picture("photo.png")

    def fail(*_, **__):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(fake_coder.PictureCoder, "encode", fail)
    message = "internal error (RuntimeError: two lines): please report"
    assert_fails("encode", "photo.png", match=message, kept=["photo.png"])


def test_an_interruption_leaves_nothing_behind(folder, monkeypatch, picture):
    picture("photo.png")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    assert main(["encode", "photo.png"]) == 130
    assert os.listdir() == ["photo.png"]
