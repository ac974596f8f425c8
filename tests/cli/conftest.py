"""Pictures to try the command line on, and what every failure has in common."""

import os

import pytest
from PIL import Image

from compressor.cli.main import main
from tests.samples import noise


@pytest.fixture
def folder(tmp_path, monkeypatch, fake_coder):
    """Enter an empty folder, with the fake coder in place."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def picture():
    """Return a function that writes a picture of noise, no pixel of it transparent, and returns it."""

    def write(path, mode="RGB", size=(12, 9), **options):
        image = Image.fromarray(noise(size[1], size[0], 4)).convert(mode)
        image.save(path, **options)
        return image

    return write


@pytest.fixture
def encoded(picture):
    """Return a function that writes a stream, and returns its picture."""

    def write(path, **options):
        image = picture("source.png", **options)
        assert main(["encode", "source.png", "-o", str(path), "--quiet"]) == 0
        os.unlink("source.png")
        return image

    return write


@pytest.fixture
def assert_fails(capsys):
    """Return a function that checks the exit status, the one line that says why, and which files remain."""

    def check(*arguments, match, status=1, kept=()):
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

    return check
