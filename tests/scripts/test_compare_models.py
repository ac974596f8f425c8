"""Which of two models needs fewer bits, by whole files."""

import numpy as np
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
