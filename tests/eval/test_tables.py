import pytest

from eval.errors import EvalError
from eval.outputs import bd_lines, bd_to_csv
from eval.tables import bd_table, image_curves, mean_curve, speed_table


def row(image, codec, quality, bpp, psnr, **changes):
    values = {"image": image, "codec": codec, "quality": quality, "bpp": bpp, "psnr_rgb_db": psnr}
    others = {"width": 1000, "height": 500, "num_bytes": 1, "psnr_y_db": psnr, "ssim": None, "ms_ssim": None}
    measured = {"encode_s": 0.5, "decode_s": 0.1, "peak_mb": 3.0, "lossless": False, "codec_version": "1"}
    return {**values, **others, **measured, "note": "", **changes}


def rows_of(codec, factor_a=1.0, factor_b=1.0):
    """Two pictures, five qualities; the second picture costs twice the first."""
    return [
        row(image, codec, quality, scale * 0.1 * 2**step, 26 + 4 * step)
        for image, scale in (("a", factor_a), ("b", 2 * factor_b))
        for step, quality in enumerate((10, 30, 50, 70, 90))
    ]


def test_mean_curve_by_hand():
    rows = [row("a", "x", 50, 1.0, 30), row("b", "x", 50, 3.0, 40), row("a", "x", 10, 0.5, 20),
            row("b", "x", 10, 0.7, 24), row("a", "y", 10, 9.0, 9)]  # fmt: skip
    assert mean_curve(rows, "x", "psnr_rgb_db") == [(0.6, 22, 10), (2.0, 35, 50)]


def test_a_quality_that_a_picture_lacks_is_not_averaged():
    rows = [row("a", "x", 10, 1.0, 30), row("b", "x", 10, 2.0, 32), row("a", "x", 20, 9.0, 50)]
    assert mean_curve(rows, "x", "psnr_rgb_db") == [(1.5, 31, 10)]
    assert image_curves(rows, "x", "psnr_rgb_db")["a"] == [(1.0, 30, 10), (9.0, 50, 20)]


def test_an_absent_metric_has_no_curve():
    assert mean_curve(rows_of("x"), "x", "ms_ssim") == []
    assert {line.metric.column for line in bd_table(rows_of("x"), "x")} == {"psnr_rgb_db", "psnr_y_db"}


def test_averaged_curve_and_mean_of_images_are_told_apart():
    """Half the rate on the cheap picture, the same on the dear one: a mean of -25 %, a curve of 2.5 / 3."""
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


def test_published_curves_have_no_pictures():
    points = [{"bpp": 0.075 * 2**step, "psnr_rgb_db": 26 + 4 * step} for step in range(5)]
    table = bd_table(rows_of("x"), "x", {"vtm": {"label": "VTM", "source": "a paper", "points": points}})
    [line] = [line for line in table if line.published]  # luma is not published
    assert line.of_mean_curve.rate_percent == pytest.approx(-50)
    assert line.mean_of_images is None
    text = bd_to_csv(table, "x", "pchip")
    assert text.startswith("metric,reference,method,codec,image,bd_rate_percent")
    assert "psnr_rgb_db,x,pchip,vtm (published),(averaged curve),-50," in text
    assert "psnr_rgb_db,x,pchip,x,(mean of images),0," in text


def test_no_overlap_is_said_in_the_table():
    far = [{**one, "codec": "far", "psnr_rgb_db": one["psnr_rgb_db"] + 30} for one in rows_of("x")]
    text = "\n".join(bd_lines(bd_table(rows_of("x") + far, "x"), "x"))
    assert "the curves do not overlap inside 28 .. 40" in text


def test_the_reference_must_be_there():
    with pytest.raises(EvalError, match="the reference jpeg420 has no results; there are x"):
        bd_table(rows_of("x"), "jpeg420")


def test_speed_is_per_megapixel_and_memory_the_largest():
    rows = [row("a", "x", 10, 1, 30, encode_s=0.2), row("a", "x", 20, 1, 30, encode_s=0.4, peak_mb=50.0),
            row("b", "x", 10, 1, 30, encode_s=3.0, width=2000, peak_mb=None)]  # fmt: skip
    [line] = speed_table(rows)
    assert line["encode_s_per_mp"] == pytest.approx(0.8)  # of 0.4, 0.8 and 3.0
    assert line["peak_mb"] == 50
