"""The report in a browser, loaded from disk without a network."""

import shutil

import pytest
from selenium import webdriver

from eval.cli import main

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
if not (BROWSER and DRIVER):
    pytest.skip("needs chromium and chromedriver", allow_module_level=True)

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync --window-size=1100,900""".split()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    import numpy as np
    from PIL import Image

    folder = tmp_path_factory.mktemp("browser")
    (folder / "kodak").mkdir()
    for index in range(2):
        y, x = np.mgrid[:180, :240]
        image = np.stack([x, y, (x * y) % 251 + index], axis=-1) % 256
        Image.fromarray(image.astype(np.uint8)).save(folder / "kodak" / f"{index}.png")
    options = "--codecs jpeg420 webp --qualities 5 10 30 60 90 --viewer-bpp 2 3 --quiet".split()
    folders = ["--images", str(folder / "kodak"), "--out", str(folder), "--cache", str(folder / "cache")]
    assert main(["run", *folders, *options]) == 0
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, report):
    browser.get_log("performance")
    browser.get(report.as_uri())
    yield browser
    assert browser.get_log("browser") == []  # no console error in any of the tests


def run(page, script):
    return page.execute_script(f"return {script}")


def keys(page, element, *pressed):
    page.find_element("id", element).send_keys(*pressed)


def test_page_loads_without_requests(page):
    import json

    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert [url[:5] for url in urls if not url.startswith("data:")] == ["file:"]
    assert run(page, "document.querySelectorAll('#chart path.curve').length") == 2 + 2  # and two published
    assert run(page, "document.documentElement.scrollWidth <= innerWidth")


def test_controls_change_the_chart(page):
    def curve():
        return run(page, "document.querySelector('#chart path.curve').getAttribute('d')")

    seen = [curve()]
    page.find_element("id", "log").click()
    seen.append(curve())
    run(page, "(metric.selectedIndex = 2, metric.dispatchEvent(new Event('change')))")
    seen.append(curve())
    run(page, "(picture.selectedIndex = 1, picture.dispatchEvent(new Event('change')))")
    seen.append(curve())
    assert len(set(seen)) == 4
    for box in page.find_elements("css selector", "#legend input"):
        box.click()
    assert "No curve" in page.find_element("id", "chart").text


def test_keyboard_and_pointer_show_values(page):
    from selenium.webdriver import ActionChains, Keys

    keys(page, "chart", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    readout = page.find_element("id", "readout")
    assert readout.text.startswith("JPEG 4:2:0, quality 10: ")
    assert "bits per pixel, PSNR (RGB)" in readout.text
    keys(page, "chart", Keys.ARROW_DOWN)
    assert readout.text.startswith("WebP, quality")
    mark = page.find_elements("css selector", "#chart circle.mark")[2]
    ActionChains(page).move_to_element(mark).perform()
    assert readout.text.startswith("JPEG 4:2:0, quality 30: ")


def test_the_slider_moves(page):
    from selenium.webdriver import ActionChains, Keys

    def split():
        return run(page, "parseFloat(document.getElementById('v-left-layer').style.clipPath.split(' ')[1])")

    assert split() == 50
    stage = page.find_element("id", "stage")
    ActionChains(page).click_and_hold(page.find_element("id", "handle")).move_by_offset(
        100, 0
    ).release().perform()
    width = run(page, "stage.clientWidth")
    assert split() == pytest.approx(50 - 100 * 100 / width, abs=1)
    before = split()
    stage.send_keys(Keys.ARROW_LEFT)
    assert split() == pytest.approx(before + 2, abs=0.01)
    keys(page, "v-split", Keys.HOME)
    assert split() == 100


def test_selecting_pictures_codecs_and_rates(page):
    def sources():
        return run(
            page,
            "[document.getElementById('v-left-image').src, document.getElementById('v-right-image').src]",
        )

    def choose(element, index):
        run(page, f"(document.getElementById('{element}').selectedIndex = {index},"
                  f"document.getElementById('{element}').dispatchEvent(new Event('change')))")  # fmt: skip

    seen = [tuple(sources())]
    assert seen[0][0] != seen[0][1]
    for element, index in [("v-left", 0), ("v-rate", 1), ("v-picture", 1)]:
        choose(element, index)
        seen.append(tuple(sources()))
    assert len(set(seen)) == 4
    assert "bpp" in page.find_element("id", "v-right-caption").text
    left, right = sources()
    page.find_element("id", "v-swap").click()
    assert sources() == [right, left]
    assert run(page, "document.getElementById('v-left-image').naturalWidth") == 240


def test_zoomed_picture_can_be_dragged(page):
    from selenium.webdriver import ActionChains

    def matrix():
        return run(page, "(m => [m.a, m.e, m.f])(new DOMMatrix(getComputedStyle("
                         "document.getElementById('v-left-image')).transform))")  # fmt: skip

    fit = matrix()
    page.find_elements("css selector", "#v-zoom button")[4].click()
    zoomed = matrix()
    assert zoomed[0] == 8 / run(page, "devicePixelRatio")
    assert zoomed[0] > fit[0]
    assert (
        run(page, "getComputedStyle(document.getElementById('v-left-image')).imageRendering") == "pixelated"
    )
    stage = page.find_element("id", "stage")
    ActionChains(page).move_to_element_with_offset(stage, 150, 100).click_and_hold().move_by_offset(
        -60, -40).release().perform()  # fmt: skip
    assert matrix()[1:] == pytest.approx([zoomed[1] - 60, zoomed[2] - 40], abs=1)
    stage.send_keys("0")
    assert matrix() == pytest.approx(fit)


def test_light_and_dark(page):
    def ground():
        return run(page, "getComputedStyle(document.body).backgroundColor")

    before = ground()
    keys(page, "theme", " ")
    assert ground() != before


def test_page_fits_a_phone(page):
    size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert run(page, "document.documentElement.scrollWidth") == 360
        assert run(page, "document.querySelector('#chart svg').clientWidth") > 300
        assert run(page, "document.getElementById('stage').clientWidth") > 300
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
