"""The number format in which the hardware is faster."""

import pytest

from training import precision


@pytest.mark.parametrize(
    ("backend", "capability", "cpu", "expected"),
    [
        ("tensorflow", 9.0, False, "bfloat16"),
        ("tensorflow", 7.5, True, "float32"),
        ("jax", 8.0, False, "bfloat16"),
        ("tensorflow", None, True, "bfloat16"),
        ("tensorflow", None, False, "float32"),
        ("jax", None, True, "float32"),
    ],
)
def test_precision_follows_the_hardware(monkeypatch, backend, capability, cpu, expected):
    monkeypatch.setattr(precision.keras.backend, "backend", lambda: backend)
    monkeypatch.setattr(precision, "gpu_capability", lambda: capability)
    monkeypatch.setattr(precision, "has_bfloat16", lambda: cpu)
    assert precision.hardware_precision() == expected
