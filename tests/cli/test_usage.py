"""Wrong usage of the command line, its version and its help."""

import pytest

import compressor
from compressor.cli.main import main


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
        (["encode", "-", "-"], "received - several times"),
        (["decode", "x.cmpr", "-o", "x.doc"], "received .doc"),
        (["decode", "x.cmpr", "-o", "x.cmpr"], "received .cmpr"),
        (["decode", "x.cmpr", "-o", "x"], "no extension"),
        (["decode", "x.cmpr", "--format", "png", "-o", "y.cmpr"], "expected one type"),
        (["decode", "x.cmpr", "--format", "jpg", "-o", "y.png"], "expected one type"),
        (
            ["encode", "x.png", "y.png", "--roi", "-", "-o", "."],
            "received --roi - in a batch",
        ),
        (["encode", "-", "--roi", "-"], "received --roi - in a batch"),
        (["decode", "x.cmpr", "--format", "doc"], "received .doc"),
        (["info", "x.cmpr", "--max-pixels", "-1"], "expected"),
        (["encode", "x.png", "--model", "cnn", "-e", "6"], "received an effort above 5"),
        (["decode", "x.cmpr", "--engine", "x"], "invalid choice: 'x'"),
        (["encode", "x.png", "-q", "90", "--lossless"], "not allowed with argument"),
        (["encode", "x.png", "x.cmpr"], "if it is the output, put -o in front of it"),
        (["decode", "x.cmpr", "x.png"], "if it is the output, put -o in front of it"),
        (["encode", "x.png", "-q", "30", "x.cmpr"], "if it is the output, put -o in front of it"),
        (["encode", "x.png", "--bogus"], "unrecognized arguments: --bogus; see compressor encode --help"),
        (["encode", "x.png", "-o", "new/"], "expected a folder that exists: create it first"),
        (["encode", "x.png", "-q", "100", "--roi", "x.png"], "received a mask and quality 100"),
        (["encode", "x.png", "--tune", "psnr", "--weights", "y"], "received a tune and a model"),
    ],
)
def test_wrong_usage(folder, arguments, message, assert_fails):
    assert_fails(*arguments, match=message, status=2)


def test_version_and_help(capsys):
    for arguments, expected in ((["--version"], compressor.__version__), (["--help"], "examples:")):
        with pytest.raises(SystemExit) as error:
            main(arguments)
        assert error.value.code == 0
        assert expected in capsys.readouterr().out
