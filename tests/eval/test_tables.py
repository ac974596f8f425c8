"""Mean curves, BD rates and speeds."""

import pytest

from eval.errors import EvalError
from eval.metrics import METRICS
from eval.outputs import bd_lines, bd_to_csv
from eval.tables import bd_table, image_curves, mean_curve, speed_table

METRIC = {metric.name: metric for metric in METRICS}
PSNR, MS_SSIM = METRIC["psnr_rgb_db"], METRIC["ms_ssim"]


def row(image, codec, quality, bpp, psnr, **changes):
    values = {"image": image, "codec": codec, "quality": quality, "width": 1000, "height": 500}
    values |= {"num_bytes": 1, "bpp": bpp, **dict.fromkeys(METRIC), "psnr_rgb_db": psnr, "psnr_y_db": psnr}
    measured = {"encode_s": 0.5, "decode_s": 0.1, "peak_mb": 3.0, "lossless": False, "codec_version": "1"}
    return {**values, **measured, "note": "", **changes}


def rows_of(codec, factor_a=1.0, factor_b=1.0):
    """Rows of two pictures at five qualities; the second takes twice the bits of the first."""
    return [
        row(image, codec, quality, scale * 0.1 * 2**step, 26 + 4 * step)
        for image, scale in (("a", factor_a), ("b", 2 * factor_b))
        for step, quality in enumerate((10, 30, 50, 70, 90))
    ]


def test_mean_curve_by_hand():
    rows = [row("a", "x", 50, 1.0, 30), row("b", "x", 50, 3.0, 40), row("a", "x", 10, 0.5, 20),
            row("b", "x", 10, 0.7, 24), row("a", "y", 10, 9.0, 9)]  # fmt: skip
    assert mean_curve(rows, "x", PSNR) == [(0.6, 22, 10), (2.0, 35, 50)]


def test_incomplete_qualities_are_not_averaged():
    rows = [row("a", "x", 10, 1.0, 30), row("b", "x", 10, 2.0, 32), row("a", "x", 20, 9.0, 50)]
    assert mean_curve(rows, "x", PSNR) == [(1.5, 31, 10)]
    assert image_curves(rows, "x", PSNR)["a"] == [(1.0, 30, 10), (9.0, 50, 20)]


def test_absent_metric_has_no_curve():
    assert mean_curve(rows_of("x"), "x", MS_SSIM) == []
    assert {line.metric.name for line in bd_table(rows_of("x"), "x")} == {"psnr_rgb_db", "psnr_y_db"}


def test_averaged_curve_and_mean_of_images_differ():
    """Half the rate on one picture: -25 % on average, but -17 % for the averaged curve."""
    rows = rows_of("reference") + rows_of("test", factor_a=0.5)
    [line] = [line for line in bd_table(rows, "reference") if line.codec == "test"][:1]
    assert line.mean_of_images == pytest.approx(-25)
    assert line.of_mean_curve.rate_percent == pytest.approx(100 * (2.5 / 3 - 1))
    assert line.per_image["a"].rate_percent == pytest.approx(-50)
    assert line.num_images == 2
    assert (line.of_mean_curve.low, line.of_mean_curve.high) == (28, 40)
    text = "\n".join(bd_lines([line], "reference"))
    assert "| test  | -16.7 " in text
    assert "| -25.0 " in text
    assert "28.0 .. 40.0" in text


def test_ssimulacra2_is_averaged_from_30_to_90():
    rows = [{**one, "ssimulacra2": 2 * one["psnr_rgb_db"]} for one in rows_of("x") + rows_of("y", 0.5, 0.5)]
    [line] = [line for line in bd_table(rows, "x") if (line.codec, line.metric.name) == ("y", "ssimulacra2")]
    assert line.of_mean_curve.rate_percent == pytest.approx(-50)
    assert line.mean_of_images == pytest.approx(-50)
    assert (line.of_mean_curve.low, line.of_mean_curve.high) == (52, 84)
    assert bd_lines([line], "x", line.metric)[0] == "SSIMULACRA 2 against x, 30 .. 90"


def test_butteraugli_is_better_when_lower():
    rows = [
        {**one, "butteraugli": 9 - one["psnr_rgb_db"] / 5} for one in rows_of("x") + rows_of("y", 0.5, 0.5)
    ]
    [line] = [line for line in bd_table(rows, "x") if (line.codec, line.metric.name) == ("y", "butteraugli")]
    assert line.of_mean_curve.rate_percent == pytest.approx(-50)
    assert line.of_mean_curve.gain > 0
    title, _, header, _, cells = bd_lines([line], "x", line.metric)
    assert title == "Butteraugli 3-norm against x, whole overlap, lower is better"
    assert "dB" not in header
    assert "| 0.6 .. 3.8 " in cells


def test_published_curves_have_no_pictures():
    points = [{"bpp": 0.075 * 2**step, "psnr_rgb_db": 26 + 4 * step} for step in range(5)]
    table = bd_table(rows_of("x"), "x", {"vtm": {"label": "VTM", "source": "a paper", "points": points}})
    [line] = [line for line in table if line.published]  # no luma values are published
    assert line.of_mean_curve.rate_percent == pytest.approx(-50)
    assert line.mean_of_images is None
    text = bd_to_csv(table, "x", "pchip")
    assert text.startswith("metric,reference,method,codec,image,bd_rate_percent,bd_gain,low")
    assert "psnr_rgb_db,x,pchip,vtm (published),(averaged curve),-50," in text
    assert "psnr_rgb_db,x,pchip,x,(mean of images),0," in text


def test_table_notes_missing_overlap():
    far = [{**one, "codec": "far", "psnr_rgb_db": one["psnr_rgb_db"] + 30} for one in rows_of("x")]
    text = "\n".join(bd_lines(bd_table(rows_of("x") + far, "x"), "x"))
    assert "the curves do not overlap inside 28 .. 40" in text


def test_reference_must_have_results():
    with pytest.raises(EvalError, match="no results for the reference jpeg420; available: x"):
        bd_table(rows_of("x"), "jpeg420")


def test_speed_is_a_median_and_memory_a_maximum():
    rows = [row("a", "x", 10, 1, 30, encode_s=0.2), row("a", "x", 20, 1, 30, encode_s=0.4, peak_mb=50.0),
            row("b", "x", 10, 1, 30, encode_s=3.0, width=2000, peak_mb=None)]  # fmt: skip
    [line] = speed_table(rows)
    assert line["encode_s_per_mp"] == pytest.approx(0.8)  # the median of 0.4, 0.8 and 3.0
    assert line["peak_mb"] == 50


def test_a_codec_that_lacks_a_picture_has_no_mean_curve():
    rows = [*rows_of("x"), *(line for line in rows_of("y") if line["image"] == "a")]
    assert mean_curve(rows, "y", PSNR) == []
    (line,) = (line for line in bd_table(rows, "x", metrics=(PSNR,)) if line.codec == "y")
    assert line.of_mean_curve.rate_percent is None
    assert line.mean_of_images == pytest.approx(0)
