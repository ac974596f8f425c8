"""Our measurements compared with independent ones, on the Kodak pictures."""

import json
import math
import statistics

import pytest
from scipy.interpolate import PchipInterpolator

from compressor.images.psnr import psnr_db
from eval import published
from eval.codecs import CODECS
from eval.images import find_pictures, pixels

CODEC = {codec.name: codec for codec in CODECS}


@pytest.fixture(scope="module")
def anchors(shared):
    return json.loads((shared / "anchors" / "kodak_rd.json").read_text())


def kodak_mean(shared, name, quality):
    """Average rate and PSNR over the 24 pictures."""
    pictures, _ = find_pictures(shared / "data" / "kodak")
    assert len(pictures) == 24
    points = []
    for picture in pictures:
        image = pixels(picture.path)
        data = CODEC[name].encode(image, quality)
        points.append((8 * len(data) / picture.num_pixels, psnr_db(image, CODEC[name].decode(data))))
    return [statistics.fmean(column) for column in zip(*points, strict=True)]


@pytest.mark.parametrize(
    ("name", "anchor", "quality"),
    [
        ("jpeg420", "jpeg420", 70),
        ("jpeg444", "jpeg444", 80),
        ("webp", "webp", 75),
        ("avif444", "avif444", 45),
    ],
)
def test_points_agree_within_1_percent(shared, anchors, name, anchor, quality):
    bpp, psnr = kodak_mean(shared, name, quality)
    [expected] = [point for point in anchors["measured"][anchor] if point["q"] == quality]
    assert bpp == pytest.approx(expected["bpp"], rel=0.01)
    assert psnr == pytest.approx(expected["psnr"], rel=0.01)
    assert psnr == pytest.approx(expected["psnr"], abs=0.05)  # 1 % of 34 dB alone would be too lenient


def test_jpeg_quality_75_is_on_the_measured_curve(shared, anchors):
    bpp, psnr = kodak_mean(shared, "jpeg420", 75)
    curve = anchors["measured"]["jpeg420"]
    log_rate = PchipInterpolator([p["psnr"] for p in curve], [math.log(p["bpp"]) for p in curve])
    assert bpp == pytest.approx(math.exp(log_rate(psnr)), rel=0.01)


def test_shipped_curves_match_the_publications(anchors, shared):
    shipped = published.load("kodak", shared)
    for name in ("jpeg", "vtm", "mbt2018"):
        pairs = zip(shipped[name]["points"], anchors["published"][name], strict=True)
        for point, expected in pairs:
            assert point["bpp"] == pytest.approx(expected["bpp"], abs=1e-5)
            assert point["psnr_rgb_db"] == pytest.approx(expected["psnr"], abs=1e-3)
