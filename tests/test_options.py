"""Options as typed values."""

import math
from dataclasses import FrozenInstanceError

import pytest

from compressor import Runtime, Target
from compressor.errors import OptionError


@pytest.mark.parametrize("name", ["bpp", "num_bytes", "psnr_db"])
def test_one_target(name):
    assert getattr(Target(**{name: 1.5}), name) == 1.5


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({}, "received no target"),
        ({"bpp": 1, "psnr_db": 40}, "received bpp and psnr_db"),
        ({"bpp": 1, "num_bytes": 10, "psnr_db": 40}, "received bpp and num_bytes and psnr_db"),
    ],
)
def test_none_or_several_targets(targets, message):
    with pytest.raises(OptionError, match=message):
        Target(**targets)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "40", [40]])
@pytest.mark.parametrize("name", ["bpp", "num_bytes", "psnr_db", "ssimulacra2"])
def test_targets_are_finite_numbers_above_zero(name, value):
    with pytest.raises(OptionError, match=f"target {name}=.*expected a number above 0"):
        Target(**{name: value})


@pytest.mark.parametrize("threads", [0, -1, 2.5, "2", True])
def test_threads_are_whole_numbers_from_one(threads):
    with pytest.raises(OptionError, match="received threads=.*expected a whole number from 1"):
        Runtime(threads=threads)


def test_unknown_engines_are_refused():
    with pytest.raises(OptionError, match="engine 'none', expected one of auto, onnxruntime"):
        Runtime(engine="none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": 3}, "received the model 3, expected the name of a shipped model"),
        (
            {"weights": b"folder"},
            "received the weights b'folder', expected the path of a folder as str or Path",
        ),
        ({"model": "cnn", "weights": "folder"}, "received the model cnn and the weights folder"),
    ],
)
def test_a_model_has_a_name_or_a_folder(options, message):
    with pytest.raises(OptionError, match=message):
        Runtime(**options)


def test_a_runtime_is_a_value():
    runtime = Runtime(engine="openvino", threads=2)
    assert runtime == Runtime(None, None, "openvino", 2)
    with pytest.raises(FrozenInstanceError):
        runtime.threads = 1
