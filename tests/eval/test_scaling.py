"""Time and memory by the size of the picture."""

import json

import pytest

from eval.cli import main


def test_scaling_prints_a_row_for_each_size(tmp_path, capsys):
    file = tmp_path / "scaling.json"
    assert main(["scaling", "--megapixels", "0.01", "0.3", "--json", str(file), "--quiet"]) == 0
    small, large = json.loads(file.read_text())["results"]
    assert (small["width"], small["height"]) == (123, 82)
    assert large["width"] * large["height"] == pytest.approx(3e5, rel=0.01)
    for line in (small, large):
        assert min(line["encode_peak_mb"], line["decode_peak_mb"], line["region_peak_mb"]) > 30
        assert 0.1 < line["bpp"] < 10
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert f" {large['decode_peak_mb']:.0f} " in rows[-1]


def test_too_large_sizes_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["scaling", "--megapixels", "500"])
    assert "a number of megapixels above 0, at most 170" in capsys.readouterr().err
