"""The command line: what it writes, what it says, and what it leaves behind when something fails."""

import json
import os
import signal
import stat
import subprocess
import threading
import time

import numpy as np
import pytest
from PIL import Image

import compressor
from compressor.cli import main

RNG = np.random.default_rng(4)


@pytest.fixture
def folder(tmp_path, monkeypatch, fake_coder):
    """Enter an empty folder, with the fake coder in place."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(path, mode="RGB", size=(12, 9), **options):
    image = Image.fromarray(RNG.integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)).convert(mode)
    image.save(path, **options)
    return image


def encoded(path, **options):
    image = picture("source.png", **options)
    assert main(["encode", "source.png", "-o", str(path), "--quiet"]) == 0
    os.unlink("source.png")
    return image


def assert_fails(capsys, *arguments, match, status=1, kept=()):
    """Check the exit status, that one line says why, and which files are there afterwards."""
    if status == 2:
        with pytest.raises(SystemExit) as error:
            main(list(arguments))
        assert error.value.code == 2
    else:
        assert main(list(arguments)) == status
    output, message = capsys.readouterr()
    assert output == ""
    assert message.count("\n") == 1, message
    assert "Traceback" not in message
    assert match in message
    assert sorted(os.listdir()) == sorted(kept)


# What works


def test_encode_and_decode_next_to_the_input(folder, capsys):
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


def test_quiet_and_verbose(folder, capsys):
    picture("photo.png")
    assert main(["encode", "photo.png", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["encode", "photo.png", "-v", "--engine", "other", "-j", "2"]) == 0
    message = capsys.readouterr().err
    assert "model 7 (fake), fake-other" in message
    assert "bytes of sections: picture" in message


def test_notes_go_to_stderr(folder, capsys):
    Image.fromarray(np.zeros((4, 4), np.uint16)).save("deep.png")
    assert main(["encode", "deep.png"]) == 0
    assert "deep.png: note: 16 bits a channel reduced to 8\n" in capsys.readouterr().err
    assert main(["encode", "deep.png", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments", [["-o", "out.webp"], ["--format", "webp"], ["--format", ".WEBP", "-o", "out"]]
)
def test_output_types(folder, arguments):
    image = encoded("photo.cmpr", mode="RGBA")
    assert main(["decode", "photo.cmpr", *arguments]) == 0
    name = arguments[arguments.index("-o") + 1] if "-o" in arguments else "photo.webp"
    with Image.open(name) as decoded:
        assert decoded.format == "WEBP"
        assert decoded.convert("RGBA").tobytes() == image.tobytes()


def test_several_inputs_into_a_folder(folder, capsys):
    for name in ("a.png", "b.png"):
        picture(name)
    os.mkdir("out")
    assert main(["encode", "a.png", "b.png", "-o", "out"]) == 0
    assert sorted(os.listdir("out")) == ["a.cmpr", "b.cmpr"]
    assert main(["decode", "out/a.cmpr", "-o", "out/", "--format", "bmp"]) == 0
    assert sorted(os.listdir("out")) == ["a.bmp", "a.cmpr", "b.cmpr"]


def test_bad_inputs_do_not_stop_the_others(folder, capsys):
    picture("a.png")
    picture("c.png")
    (folder / "b.png").write_text("text")
    assert main(["encode", "a.png", "b.png", "missing.png", "c.png", "--quiet"]) == 1
    assert capsys.readouterr().err.count("\n") == 2
    assert sorted(os.listdir()) == ["a.cmpr", "a.png", "b.png", "c.cmpr", "c.png"]


@pytest.mark.parametrize(("arguments", "expected"), [([], True), (["--no-verify"], False)])
def test_new_streams_are_verified_unless_told_otherwise(folder, monkeypatch, fake_coder, arguments, expected):
    picture("photo.png")
    asked, encode = [], fake_coder.PictureCoder.encode

    def recording(self, image_uint8, level, *, verify):
        asked.append(verify)
        return encode(self, image_uint8, level)

    monkeypatch.setattr(fake_coder.PictureCoder, "encode", recording)
    assert main(["encode", "photo.png", *arguments]) == 0
    assert asked == [expected]


def test_targets(folder, capsys):
    picture("photo.png")
    for arguments in (["--target-size", "1.5k"], ["--target-bpp", "500"], ["--target-psnr", "60"]):
        assert main(["encode", "photo.png", *arguments]) == 0
        # The fake coder's files are of one size: the best quality of that size is taken.
        assert ", quality 100, " in capsys.readouterr().err
    size = os.path.getsize("photo.cmpr")
    match = f"received a target of {size - 1} bytes"
    kept = ["photo.cmpr", "photo.png"]
    arguments = ["encode", "photo.png", "-o", "x.cmpr", "--target-size", str(size - 1)]
    assert_fails(capsys, *arguments, match=match, kept=kept)


def test_strip(folder):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    picture("photo.png", exif=exif)
    for arguments, kept in (
        ([], True),
        (["--strip", "icc", "--strip", "xmp"], True),
        (["--strip", "all"], False),
    ):
        assert main(["encode", "photo.png", "--quiet", *arguments]) == 0
        assert main(["decode", "photo.cmpr", "--quiet", "-o", "decoded.png"]) == 0
        assert (0x010F in Image.open("decoded.png").getexif()) == kept


def test_info(folder, capsys):
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
    assert lines[0]["num_bytes"] == os.path.getsize("photo.cmpr")
    assert main(["info", "--quiet", "photo.cmpr"]) == 0
    assert capsys.readouterr() == ("", "")


def test_overwriting(folder, capsys):
    picture("photo.png")
    (folder / "photo.cmpr").write_text("precious")
    os.chmod("photo.cmpr", 0o640)
    kept = ["photo.cmpr", "photo.png"]
    assert_fails(capsys, "encode", "photo.png", "--no-overwrite", match="exists", kept=kept)
    assert (folder / "photo.cmpr").read_text() == "precious"
    assert main(["encode", "photo.png"]) == 0
    assert compressor.read_info((folder / "photo.cmpr").read_bytes()).width == 12
    assert stat.S_IMODE(os.stat("photo.cmpr").st_mode) == 0o640
    assert main(["encode", "photo.png", "--no-overwrite", "-o", "new.cmpr"]) == 0
    assert sorted(os.listdir()) == ["new.cmpr", *kept]


def test_decode_does_not_replace_the_original_unasked(folder, capsys):
    picture("photo.png")
    original = (folder / "photo.png").read_bytes()
    main(["encode", "photo.png", "--quiet"])
    kept = ["photo.cmpr", "photo.png"]
    assert_fails(capsys, "decode", "photo.cmpr", match="photo.png exists", kept=kept)
    assert (folder / "photo.png").read_bytes() == original
    assert main(["decode", "photo.cmpr", "-o", "photo.png"]) == 0
    assert (folder / "photo.png").read_bytes() != original


def test_a_symbolic_link_is_written_through(folder):
    picture("photo.png")
    os.mkdir("elsewhere")
    os.symlink("elsewhere/real.cmpr", "link.cmpr")
    assert main(["encode", "photo.png", "-o", "link.cmpr", "--quiet"]) == 0
    assert os.path.islink("link.cmpr")
    assert os.listdir("elsewhere") == ["real.cmpr"]


@pytest.mark.parametrize(
    "name", ["with space.png", "ünï-写真.png", "two\nlines.png", "-dash.png", "quote'\".png"]
)
def test_unusual_names(folder, capsys, name):
    picture(name)
    assert main(["encode", "--", name]) == 0
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["info", "--", name[:-4] + ".cmpr"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    (folder / name).write_text("no picture")
    assert main(["encode", "--", name]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_fifo_is_written_and_stays_a_fifo(folder):
    picture("photo.png")
    os.mkfifo("pipe.cmpr")
    received = []
    reader = threading.Thread(target=lambda: received.append((folder / "pipe.cmpr").read_bytes()))
    reader.start()
    assert main(["encode", "photo.png", "-o", "pipe.cmpr", "--quiet"]) == 0
    reader.join(10)
    assert compressor.read_info(received[0]).width == 12
    assert stat.S_ISFIFO(os.stat("pipe.cmpr").st_mode)


# What fails


def test_input_files_that_fail(folder, capsys):
    (folder / "text.png").write_text("text")
    (folder / "empty.png").write_bytes(b"")
    os.mkdir("folder.png")
    kept = ["text.png", "empty.png", "folder.png"]
    assert_fails(capsys, "encode", "missing.png", match="No such file", kept=kept)
    assert_fails(capsys, "encode", "text.png", match="not a picture", kept=kept)
    assert_fails(capsys, "encode", "empty.png", match="not a picture", kept=kept)
    assert_fails(capsys, "encode", "folder.png", match="Is a directory", kept=kept)
    assert_fails(capsys, "decode", "missing.cmpr", match="No such file", kept=kept)
    assert_fails(capsys, "decode", "text.png", "-o", "out.png", match="not a .cmpr file", kept=kept)
    assert_fails(capsys, "info", "text.png", match="not a .cmpr file", kept=kept)


def test_pictures_of_wide_range_are_refused(folder, capsys):
    Image.new("F", (4, 4)).save("hdr.tiff")
    assert_fails(capsys, "encode", "hdr.tiff", match="mode F", kept=["hdr.tiff"])


def test_damaged_streams(folder, capsys):
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
        assert_fails(capsys, "decode", name, match=message, kept=kept)
        assert_fails(capsys, "info", name, match=message, kept=kept)


def test_a_damaged_stream_leaves_an_older_output_alone(folder, capsys):
    encoded("photo.cmpr")
    (folder / "photo.cmpr").write_bytes((folder / "photo.cmpr").read_bytes()[:-1])
    (folder / "out.png").write_text("precious")
    kept = ["photo.cmpr", "out.png"]
    assert_fails(capsys, "decode", "photo.cmpr", "-o", "out.png", match="whole file", kept=kept)
    assert (folder / "out.png").read_text() == "precious"


def test_limit_on_pixels(folder, capsys):
    picture("photo.png")
    assert main(["encode", "photo.png", "--quiet"]) == 0
    kept = ["photo.cmpr", "photo.png"]
    for arguments in (["encode", "photo.png", "-o", "x.cmpr"], ["decode", "photo.cmpr", "-o", "x.png"]):
        assert_fails(capsys, *arguments, "--max-pixels", "50", match="--max-pixels", kept=kept)
    assert_fails(capsys, "info", "photo.cmpr", "--max-pixels", "107", match="at most 107", kept=kept)
    assert main(["info", "photo.cmpr", "--max-pixels", "108"]) == 0


def test_output_places_that_fail(folder, capsys):
    picture("photo.png")
    os.mkdir("out")
    kept = ["photo.png", "out"]
    encode = ("encode", "photo.png", "-o")
    assert_fails(capsys, *encode, "out", match="is a folder", kept=kept)
    assert_fails(capsys, *encode, "none/x.cmpr", match="does not exist", kept=kept)
    assert_fails(capsys, *encode, "photo.png", match="is the input", kept=kept)
    os.link("photo.png", "other-name.png")
    assert_fails(capsys, *encode, "other-name.png", match="is the input", kept=[*kept, "other-name.png"])


def test_two_inputs_with_the_same_output(folder, capsys):
    picture("photo.png")
    picture("photo.bmp")
    assert main(["encode", "photo.png", "photo.bmp", "--quiet"]) == 1
    assert "already made from another input" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into read-only folders")
def test_a_read_only_folder(folder, capsys):
    picture("photo.png")
    os.mkdir("locked", 0o500)
    kept = ["locked", "photo.png"]
    assert_fails(capsys, "encode", "photo.png", "-o", "locked/x.cmpr", match="Permission denied", kept=kept)


@pytest.mark.parametrize("failing", ["os.replace", "os.chmod"])
def test_a_failure_while_writing_leaves_nothing_behind(folder, capsys, monkeypatch, failing):
    picture("photo.png")
    (folder / "photo.cmpr").write_text("precious")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(failing, fail)
    kept = ["photo.cmpr", "photo.png"]
    assert_fails(capsys, "encode", "photo.png", match="(No space left on device): make room", kept=kept)
    assert (folder / "photo.cmpr").read_text() == "precious"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_device(folder, capsys):
    picture("photo.png")
    message = "No space left on device"
    assert_fails(capsys, "encode", "photo.png", "-o", "/dev/full", match=message, kept=["photo.png"])


def test_an_internal_error_is_one_line(folder, capsys, monkeypatch, fake_coder):
    picture("photo.png")

    def fail(*_, **__):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(fake_coder.PictureCoder, "encode", fail)
    message = "internal error (RuntimeError: two lines): please report"
    assert_fails(capsys, "encode", "photo.png", match=message, kept=["photo.png"])


def test_an_interruption_leaves_nothing_behind(folder, monkeypatch):
    picture("photo.png")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupt)
    assert main(["encode", "photo.png"]) == 130
    assert os.listdir() == ["photo.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected encode, decode or info"),
        (["encode"], "INPUT"),
        (["paint", "x.png"], "invalid choice"),
        (["encode", "x.png", "-q", "0"], "expected a number from 1 to 100"),
        (["encode", "x.png", "-q", "best"], "expected a number from 1 to 100"),
        (["encode", "x.png", "-j", "0"], "expected a whole number from 1"),
        (["encode", "x.png", "-q", "50", "--target-bpp", "1"], "not allowed with"),
        (["encode", "x.png", "--target-size", "9k", "--target-psnr", "40"], "not allowed with"),
        (["encode", "x.png", "--target-bpp", "nan"], "expected a number above 0"),
        (["encode", "x.png", "--target-psnr", "-1"], "expected a number above 0"),
        (["encode", "x.png", "--target-size", "0"], "such as 50000, 200k or 1.5M"),
        (["encode", "x.png", "--target-size", "2G"], "such as 50000, 200k or 1.5M"),
        (["encode", "x.png", "--target-size", "infM"], "such as 50000, 200k or 1.5M"),
        (["encode", "x.png", "--strip", "gps"], "invalid choice"),
        (["encode", "x.png", "y.png", "-o", "z"], "expected a folder that exists"),
        (["encode", "x.png", "-o", "z/"], "expected a folder that exists"),
        (["encode", "-", "-"], "received - several times"),
        (["decode", "x.cmpr", "-o", "x.doc"], "received .doc"),
        (["decode", "x.cmpr", "-o", "x.cmpr"], "received .cmpr"),
        (["decode", "x.cmpr", "-o", "x"], "no extension"),
        (["decode", "x.cmpr", "--format", "doc"], "received .doc"),
        (["info", "x.cmpr", "--max-pixels", "-1"], "expected"),
    ],
)
def test_wrong_usage(folder, capsys, arguments, message):
    assert_fails(capsys, *arguments, match=message, status=2)


def test_version_and_help(capsys):
    for arguments, expected in ((["--version"], compressor.__version__), (["--help"], "examples:")):
        with pytest.raises(SystemExit) as error:
            main(arguments)
        assert error.value.code == 0
        assert expected in capsys.readouterr().out


# In a process of its own


def test_pipes(folder, run_process):
    image = picture("photo.png", mode="LA")
    data = run_process("encode", "-", input=(folder / "photo.png").read_bytes())
    assert (data.returncode, data.stderr.count(b"\n")) == (0, 1)
    decoded = run_process("decode", "-", "-o", "-", "--quiet", input=data.stdout)
    assert (decoded.returncode, decoded.stderr) == (0, b"")
    (folder / "decoded.png").write_bytes(decoded.stdout)
    assert Image.open("decoded.png").tobytes() == image.tobytes()
    info = run_process("info", "-", input=data.stdout)
    assert info.stdout.startswith(b"-: 12x9 LA")


def test_failures_in_a_process(folder, run_process):
    missing = run_process("decode", "missing.cmpr")
    assert (missing.returncode, missing.stdout, missing.stderr.count(b"\n")) == (1, b"", 1)
    usage = run_process("decode")
    assert (usage.returncode, usage.stdout, usage.stderr.count(b"\n")) == (2, b"", 1)
    empty = run_process("info", "-")
    assert (empty.returncode, empty.stderr.count(b"\n")) == (1, 1)


def test_a_reader_that_goes_away(folder, run_process):
    encoded("photo.cmpr")
    read_end, write_end = os.pipe()
    os.close(read_end)
    for arguments in (["info", "photo.cmpr"], ["decode", "photo.cmpr", "-o", "-"]):
        run = run_process(*arguments, stdout=write_end)
        assert (run.returncode, run.stderr) == (1, b"")
    os.close(write_end)


def test_names_that_the_terminal_cannot_show(folder, run_process):
    picture("写真.png")
    main(["encode", "写真.png", "--quiet"])
    run = run_process("info", "写真.cmpr", env={"PYTHONIOENCODING": "ascii"})
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.startswith(rb"\u5199\u771f.cmpr: 12x9")


def test_ctrl_c_while_waiting_for_input(folder, start_process):
    os.mkfifo("slow.png")
    # Jobs that a shell has put into the background inherit that Ctrl-C is ignored, and tests may be one.
    options = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    with start_process("encode", "slow.png", stderr=subprocess.PIPE, **options) as process:
        # Opening the pipe waits until the process opens its other end, to read from it.
        with open("slow.png", "wb"):
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, message = process.communicate(timeout=10)
    assert (process.returncode, message) == (130, b"")
    assert os.listdir() == ["slow.png"]
