"""Butteraugli by the program of libjxl."""

import shutil
import stat

import pytest

from eval.butteraugli import butteraugli, parse_3_norm
from eval.errors import EvalError, MetricUnavailableError


def program(tmp_path, monkeypatch, script):
    """Put a fake `butteraugli_main` on the search path."""
    path = tmp_path / "butteraugli_main"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_3_norm_is_read(tmp_path, monkeypatch, photo):
    program(tmp_path, monkeypatch, 'test -s "$1" && test -s "$2" && echo 1.5 && echo "3-norm: 0.25"')
    assert butteraugli(photo(8, 9), photo(8, 9)) == 0.25


def test_failing_program(tmp_path, monkeypatch, photo):
    program(tmp_path, monkeypatch, "echo broken >&2; exit 3")
    with pytest.raises(EvalError, match="butteraugli_main failed with exit code 3: broken"):
        butteraugli(photo(8, 9), photo(8, 9))


def test_output_without_the_3_norm():
    with pytest.raises(EvalError, match="printed no 3-norm"):
        parse_3_norm("0.5\n")


def test_missing_program(no_butteraugli, photo):
    with pytest.raises(MetricUnavailableError, match="install no_such_program"):
        butteraugli(photo(8, 9), photo(8, 9))


@pytest.mark.skipif(not shutil.which("butteraugli_main"), reason="needs libjxl-devtools")
def test_installed_program(photo):
    image = photo(48, 64)
    distances = [butteraugli(image, image // step * step) for step in (1, 8, 32)]
    assert distances[0] == 0
    assert 0 < distances[1] < distances[2] < 50
