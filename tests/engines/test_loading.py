"""The choice between engines."""

import sys

import pytest

from compressor.engines import loading
from compressor.engines.loading import load_engine, resolve_engine
from compressor.errors import MissingDependencyError
from compressor.options import ENGINES
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import shipped_folder


@pytest.mark.parametrize("name", ENGINES)
def test_engines_that_are_not_installed_name_what_installs_them(monkeypatch, name):
    monkeypatch.setattr(loading, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=rf"{name} is not installed; pip install '\."):
        resolve_engine(name)


@pytest.mark.parametrize(
    ("flags", "installed", "expected"),
    [
        ({"avx512_bf16", "amx_bf16"}, {"openvino", "onnxruntime"}, "openvino"),
        ({"amx_bf16"}, {"onnxruntime"}, "onnxruntime"),
        ({"avx512_bf16"}, {"openvino", "onnxruntime"}, "onnxruntime"),
        (set(), {"openvino", "onnxruntime"}, "onnxruntime"),
    ],
)
def test_auto_takes_openvino_where_the_cpu_has_amx(monkeypatch, flags, installed, expected):
    monkeypatch.setattr(loading, "cpu_flags", lambda: flags)
    monkeypatch.setattr(loading, "find_spec", lambda name: name if name in installed else None)
    assert resolve_engine("auto") == expected


def test_a_missing_package_of_an_engine_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "compressor.engines.onnx_engine", None)
    files = ModelFiles(shipped_folder())
    with pytest.raises(MissingDependencyError, match=r"onnxruntime needs compressor\.engines\.onnx_engine"):
        load_engine("onnxruntime", files, 1, dict)
