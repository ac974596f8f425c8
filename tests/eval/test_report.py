"""The report: charts, tables and the viewer in one file."""

import argparse
import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from compressor.images.psnr import psnr_db
from eval import plots, report, viewer
from eval.codecs import select
from eval.images import find_pictures
from eval.measure import Cache
from eval.metrics import METRICS, usable_metrics
from eval.published import KODAK, load
from eval.runner import plan, run
from eval.tables import bd_table


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Measurements of all tests: none depends on how they were made."""
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def build(cache, folder):
    """Build a report of the small folder; return its text and the data inside."""

    def call(**changes):
        options = argparse.Namespace(
            name="mine", reference="jpeg420", method="pchip", jobs=1, quiet=True,
            viewer_images=2, viewer_bpp=[1.0, 2.0], viewer_mb=5.0,
        )  # fmt: skip
        vars(options).update(changes)
        pictures, problems = find_pictures(folder)
        chosen, _ = select(["jpeg420", "webp"])
        rows, _ = run(plan(pictures, chosen, None), cache, quiet=True)
        curves = load("kodak", folder)
        table = bd_table(rows, "jpeg420", curves)
        about = {"python": "3"}
        results = report.Results(rows, table, curves, pictures, chosen, cache, about, problems)
        text = report.build(results, options)
        data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S).group(1)
        return text, json.loads(data, parse_constant=pytest.fail)

    return call


def test_report_is_self_contained(build):
    text, _ = build()
    visible = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert not re.search(r'(?:src|href|action)\s*=\s*"(?!data:|#)', visible)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_names_are_escaped(build, folder):
    evil = "<b onload=x>&amp;.txt"
    (folder / evil).write_text("no picture")
    (folder / "a.png").rename(folder / "<script>a.png")
    text, data = build()
    assert "<b onload" not in text
    assert "<script>a" not in text
    assert "&lt;b onload=x&gt;&amp;amp;.txt" in text
    assert "<script>a.png" in data["images"]


def test_charts_contain_the_rows(build):
    _, data = build()
    assert [codec["name"] for codec in data["codecs"]] == ["jpeg420", "webp"]
    assert [chart["label"] for chart in data["charts"]] == [
        m.label for m in METRICS if m in usable_metrics()[0] and m.min_px <= 40
    ]
    jpeg = data["charts"][0]["series"][0]
    assert len(jpeg["mean"]) == len(jpeg["images"][0]) == 12
    mean_bpp = np.mean([points[0][0] for points in jpeg["images"]])
    assert jpeg["mean"][0][0] == pytest.approx(mean_bpp, abs=1e-4)
    assert len(data["published"]) == len(json.loads(KODAK.read_text())["curves"])


def test_viewer_shows_decoded_pixels_near_the_rate(build, photo):
    _, data = build()
    shown = data["viewer"]["pictures"]
    assert [picture["name"] for picture in shown] == ["a.png", "b.png"]
    image = Image.open(io.BytesIO(base64.b64decode(shown[0]["original"].split(",")[1])))
    assert np.array_equal(np.asarray(image.convert("RGB")), photo(48, 64))
    for rate in shown[0]["rates"]:
        assert rate["items"]
        for item in rate["items"]:
            assert item["bpp"] == pytest.approx(rate["bpp"], rel=0.15)
            decoded = np.asarray(
                Image.open(io.BytesIO(base64.b64decode(item["src"].split(",")[1]))).convert("RGB")
            )
            assert f"PSNR (RGB) {psnr_db(decoded, photo(48, 64)):.2f} dB" in item["values"]
            assert "SSIMULACRA 2 " in item["values"]
            assert "MS-SSIM" not in item["values"]  # the picture is too small


def test_viewer_stays_within_its_limit(build):
    _, full = build()
    sizes = full["viewer"]["mb"]
    text, data = build(viewer_mb=sizes / 2)
    assert 0 < data["viewer"]["mb"] <= sizes / 2
    assert "The rest exceeded" in text
    assert "No pictures are embedded" in build(viewer_images=0)[0]


def test_large_pictures_are_cropped():
    assert viewer.crop_box(2000, 500) == (616, 0, 768, 500)
    image = np.zeros((900, 800, 3), np.uint8)
    image[66, 16] = 255
    with Image.open(io.BytesIO(base64.b64decode(viewer.data_uri(image).split(",")[1]))) as shown:
        assert shown.size == (768, 768)
        assert shown.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def shown_in_plots(monkeypatch, curves, folder):
    """Draw one picture that is large enough for all metrics and one that is not; return titles and labels."""
    titles, labels = [], []

    def save(figure, path):
        (axes,) = figure.axes
        titles.append(axes.get_title())
        labels.extend(line.get_label() for line in axes.lines)

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", save)
    values = {metric.name: None for metric in METRICS} | {"codec": "webp", "quality": 50, "bpp": 1.0}
    rows = [values | {"image": name, "psnr_rgb_db": 30.0} for name in ("large", "small")]
    rows[0]["ms_ssim"] = 0.9
    plots.draw(rows, curves, folder, "mine")
    return titles, labels


def test_titles_count_the_pictures_of_each_metric(tmp_path, monkeypatch):
    titles, _ = shown_in_plots(monkeypatch, {}, tmp_path)
    assert titles == ["mine: mean over 2 pictures", "mine: mean over 1 picture"]


def test_all_curves_of_a_named_file_are_shown(tmp_path, monkeypatch):
    curve = {"label": "Ours", "source": "us", "points": [{"bpp": 1, "psnr_rgb_db": 30}]}
    (tmp_path / "own.json").write_text(json.dumps({"curves": {"own": curve}}))
    curves = load(str(tmp_path / "own.json"), tmp_path)
    assert "Ours (published)" in shown_in_plots(monkeypatch, curves, tmp_path)[1]
    assert report._curves([], curves)["published"] == [{"label": "Ours", "shown": True}]
    _, labels = shown_in_plots(monkeypatch, load("kodak", tmp_path), tmp_path)
    assert len({label for label in labels if "(published)" in label}) == 3


def test_published_curves_are_shown_for_kodak_only(tmp_path):
    assert load("auto", tmp_path / "Kodak")["vtm"]["label"] == "VTM (VVC intra)"
    assert load("auto", tmp_path / "kodak.csv") == load("kodak", tmp_path)
    for name in ("kodak-12", "kodak.subset"):
        assert load("auto", tmp_path / name) == {}
    assert load("none", tmp_path / "kodak") == {}
    for curve in load("kodak", tmp_path).values():
        assert curve["source"]
        rates = [point["bpp"] for point in curve["points"]]
        assert rates == sorted(rates)
