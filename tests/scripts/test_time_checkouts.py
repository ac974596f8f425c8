"""A checkout against itself."""

from pathlib import Path

import numpy as np
import pytest

from scripts.time_checkouts import compare, main

ROOT = Path(__file__).resolve().parents[2]


def test_both_are_timed_and_write_the_same_bytes(random_pictures):
    picture = (255 * random_pictures(1, 32, 48)[0]).astype(np.uint8)
    kinds = ["encode", "decode", "thumbnail"]
    results = compare([ROOT, ROOT], [picture], kinds, [20, 80], rounds=1)
    assert [result.name for result in results] == [
        f"{kind}, quality {quality}" for quality in (20, 80) for kind in kinds
    ]
    for result in results:
        assert min(result.seconds) > 0
        assert result.num_bytes[0] == result.num_bytes[1]
    assert results[-1].num_bytes[0] > results[0].num_bytes[0]


def test_a_folder_without_the_package(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), str(ROOT)])
    assert f"{tmp_path} holds no package compressor" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--rounds", "--limit"])
def test_numbers_out_of_range(option, capsys):
    with pytest.raises(SystemExit):
        main([str(ROOT), str(ROOT), option, "0"])
    assert f"argument {option}: received '0', expected a whole number from 1" in capsys.readouterr().err
