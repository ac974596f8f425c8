"""The number format that hardware is faster in."""

import pytest

pytest.importorskip("keras", reason="needs the train extra")

from training import precision  # noqa: E402


@pytest.mark.parametrize(
    ("backend", "capability", "flags", "expected"),
    [
        ("tensorflow", 9.0, set(), "bfloat16"),
        ("tensorflow", 7.5, {"amx_bf16"}, "float32"),
        ("jax", 8.0, set(), "bfloat16"),
        ("tensorflow", None, {"amx_bf16", "avx2"}, "bfloat16"),
        ("tensorflow", None, {"avx512_bf16"}, "bfloat16"),
        ("tensorflow", None, {"avx512f"}, "float32"),
        ("jax", None, {"amx_bf16"}, "float32"),
    ],
)
def test_precision_follows_the_hardware(monkeypatch, backend, capability, flags, expected):
    monkeypatch.setattr(precision.keras.backend, "backend", lambda: backend)
    monkeypatch.setattr(precision, "gpu_capability", lambda: capability)
    monkeypatch.setattr(precision, "cpu_flags", lambda: flags)
    assert precision.hardware_precision() == expected


def test_cpu_flags(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor : 0\nflags : fpu avx2 amx_bf16\nprocessor : 1\nflags : fpu\n")
    assert {"avx2", "amx_bf16"} <= precision.cpu_flags(path)
    assert precision.cpu_flags(tmp_path / "absent") == set()
