"""Which of two models needs fewer bits, by whole files."""

import numpy as np
import pytest
from PIL import Image

from scripts.compare_models import QUALITIES, comparison, curves, main


def test_a_curve_against_half_its_bits():
    psnr = np.linspace(26, 42, len(QUALITIES))
    reference = np.stack([np.exp(psnr / 10), psnr], axis=-1)[None]
    other = reference * [0.5, 1]
    assert comparison(reference, other) == (
        "-50.00 % a picture; averaged curve -50.00 %, -50.00 % below 34 dB, -50.00 % above"
    )


def test_a_model_against_itself(tiny_folder, random_pictures, tmp_path, capsys):
    picture = (255 * random_pictures(1, 64, 64)[0]).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    points = curves(tiny_folder, [picture], effort=5)
    assert (np.diff(points[0, :, 0]) > 0).all()
    main([str(tmp_path), str(tiny_folder), str(tiny_folder)])
    assert f"{tiny_folder.name}: +0.00 % a picture" in capsys.readouterr().out


def test_a_bad_model_is_found_before_measuring(tiny_folder, random_pictures, tmp_path, monkeypatch):
    Image.fromarray((255 * random_pictures(1, 80, 96)[0]).astype(np.uint8)).save(tmp_path / "a.png")
    measured = []

    def measure(folder, images, effort):
        measured.append(images[0].shape)
        return curves(folder, images, effort)

    monkeypatch.setattr("scripts.compare_models.curves", measure)
    with pytest.raises(SystemExit, match=f"error: {tmp_path} holds no usable manifest.json"):
        main([str(tmp_path), str(tiny_folder), str(tmp_path)])
    assert set(measured) == {(64, 64, 3)}


def test_errors_are_one_line(tiny_folder, tmp_path, capsys):
    with pytest.raises(SystemExit, match="error: .*absent: no such folder"):
        main([str(tmp_path / "absent"), str(tiny_folder), str(tiny_folder)])
    with pytest.raises(SystemExit):
        main([str(tmp_path), str(tiny_folder), str(tiny_folder), "--effort", "55"])
    assert "received '55', expected a whole number from 1 to 9" in capsys.readouterr().err
