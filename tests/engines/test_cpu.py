"""Features of the CPU."""

import pytest

from compressor.engines import cpu


def test_flags_are_those_of_the_first_processor(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor : 0\nflags : fpu avx2 amx_bf16\nprocessor : 1\nflags : fpu sse\n")
    flags = cpu.cpu_flags(path)
    assert {"avx2", "amx_bf16"} <= flags
    assert "sse" not in flags


def test_systems_that_list_no_flags(tmp_path):
    assert cpu.cpu_flags(tmp_path / "absent") == set()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [({"amx_bf16"}, True), ({"avx512_bf16", "avx2"}, True), ({"avx512f"}, False), (set(), False)],
)
def test_bfloat16(monkeypatch, flags, expected):
    monkeypatch.setattr(cpu, "cpu_flags", lambda: flags)
    assert cpu.has_bfloat16() == expected
