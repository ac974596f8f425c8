"""Checkerboard measure, automatic differentiation, animations, the gallery, and every lesson run once."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

for module in ("tensorflow", "scipy", "skimage", "matplotlib"):
    pytest.importorskip(module, reason="needs the extras demos and train")
keras = pytest.importorskip("keras", reason="needs Keras")

from PIL import Image  # noqa: E402
from scipy import signal  # noqa: E402

import demos  # noqa: E402
from demos import animations, autodiff, checkerboard, gallery  # noqa: E402
from demos.common import ArgumentError, Context  # noqa: E402
from demos.registry import NAMES, run_demo  # noqa: E402

TRAINED = ("deconvolution", "residual_generator", "segmentation", "unet", "compressor")


@pytest.fixture
def rng():
    return np.random.default_rng(17)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_stride_energy_agrees_with_fourier(stride, rng):
    image = rng.random((12 * stride, 5 * stride))
    power = np.abs(np.fft.fft2(image) / image.size) ** 2
    bins = power[::12, ::5]  # multiples of 1 / stride cycles per pixel
    assert checkerboard.stride_energy(image, stride) == pytest.approx(bins.sum() - power[0, 0])


def test_stride_energy_of_known_patterns():
    i, j = np.mgrid[:20, :30]
    assert checkerboard.stride_energy(5 + 0.3 * (-1.0) ** (i + j), 2) == pytest.approx(0.09)
    assert checkerboard.stride_energy(np.cos(2 * np.pi * j / 3), 3) == pytest.approx(0.5)
    assert checkerboard.stride_energy(np.full((7, 7), 3.0), 2) == 0
    assert checkerboard.stride_energy(np.cos(2 * np.pi * i / 5), 2) == pytest.approx(0, abs=1e-12)


def test_stride_energy_of_invalid_arguments():
    with pytest.raises(ArgumentError, match="a map of 1x9 is smaller than the stride 2"):
        checkerboard.stride_energy(np.ones((1, 9)), 2)
    with pytest.raises(ArgumentError, match="stride must be"):
        checkerboard.stride_energy(np.ones((4, 4)), 0)


def test_overlap_of_kernel_3():
    maps = checkerboard.inside(
        checkerboard.upsampler("transposed, kernel 3", "ones")(np.ones((1, 12, 12, 1)))
    )
    assert sorted(maps[0, :2, :2].ravel().tolist()) == [1, 2, 2, 4]  # kernels that overlap at each phase
    assert checkerboard.relative_energy(maps) == pytest.approx(np.var([1, 2, 2, 4]) / np.mean([1, 4, 4, 16]))


@pytest.mark.parametrize("kind", checkerboard.KINDS)
def test_only_resizing_first_has_no_checkerboard(kind):
    keras.utils.set_random_seed(0)
    even = np.ones((1, 16, 16, 1), np.float32)
    energy = checkerboard.relative_energy(checkerboard.inside(checkerboard.upsampler(kind, filters=8)(even)))
    assert energy < 1e-9 if "Conv2D" in kind else energy > 0.05


def test_unknown_upsampler():
    with pytest.raises(ArgumentError, match="unknown kind 'cubic', expected one of"):
        checkerboard.upsampler("cubic")


def test_gradient():
    assert autodiff.gradient(lambda x: x**3, 2.0) == 12
    assert autodiff.gradient(lambda x: keras.ops.stop_gradient(x), 2.0) is None


def test_descent_with_and_without_accumulation():
    assert autodiff.descend(3, 0.1, False) == pytest.approx([0.8, 0.64, 0.512])
    # Gradients 2, then 2 + 1.6, then 3.6 + 0.88.
    assert autodiff.descend(3, 0.1, True) == pytest.approx([0.8, 0.44, 0.008], abs=1e-6)


def test_accumulated_gradients_overshoot():
    path = autodiff.descend(40, 0.1, True)
    assert max(path[-10:]) > 0.5


@pytest.mark.parametrize("scene", animations.SCENES)
def test_animated_numbers(scene):
    output = scene.output()
    numbers = np.arange(1, scene.size**2 + 1).reshape(scene.size, scene.size) % 10
    kernel = np.zeros((scene.dilation * (scene.kernel - 1) + 1,) * 2)
    kernel[:: scene.dilation, :: scene.dilation] = 1
    if scene.transposed:
        images = numbers[None, :, :, None].astype(np.float32)
        full = keras.ops.conv_transpose(
            images, kernel[:, :, None, None].astype(np.float32), scene.stride, "valid"
        )
        crop = slice(scene.padding, full.shape[1] - scene.padding)
        expected = np.asarray(full)[0, crop, crop, 0]
    else:
        padded = np.pad(numbers, scene.padding)
        expected = signal.correlate2d(padded, kernel, mode="valid")[:: scene.stride, :: scene.stride]
    assert np.array_equal(output, expected)


def test_frames_mark_the_moving_kernel():
    scene = animations.SCENES[1]
    frames = animations.draw_frames(scene)
    assert len(frames) == scene.output().size == 9
    cell = animations.CELL

    def colour(frame, row, column):
        corner = (animations.GAP + cell * column + 3, animations.TITLE + 8 + cell * row + 3)
        return "#" + bytes(frame.getpixel(corner)).hex()

    for frame, left in zip(frames[:3], (0, 2, 4), strict=True):
        marked = [colour(frame, 0, column) == animations.KERNEL for column in range(7)]
        assert marked == [left <= column < left + 3 for column in range(7)]


@pytest.mark.parametrize("field", ["size", "kernel", "stride", "dilation"])
def test_scenes_need_positive_sizes(field):
    with pytest.raises(ArgumentError, match=f"{field} must be a positive integer"):
        animations.Scene("x", **{"size": 5, "kernel": 3, field: 0}).output()


def test_scene_with_too_large_a_kernel():
    with pytest.raises(ArgumentError, match="the output would be empty"):
        animations.Scene("x", 2, 3).output()


@pytest.mark.parametrize(
    "name", [n if n not in TRAINED else pytest.param(n, marks=pytest.mark.slow) for n in NAMES]
)
@pytest.mark.filterwarnings("error:::demos.*")
def test_lessons_run(name, tmp_path):
    context = run_demo(name, tmp_path)
    assert len(context.lines) > 2
    for path, caption in context.figures:
        assert caption.count("\n") == 0
        with Image.open(path) as figure:
            assert np.asarray(figure.convert("L")).std() > 5, "an empty figure"


class Page(HTMLParser):
    """Collects tags and attributes, and checks the nesting."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_well_formed_and_complete(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "convolve.png")
    context = Context(
        "convolve", tmp_path, lines=["a < b & c"], figures=[(tmp_path / "convolve.png", 'edges "seen"')]
    )
    text = gallery.render_page([context])
    page = Page(text)
    assert page.open == []
    image = next(attributes for tag, attributes in page.tags if tag == "img")
    assert (image["src"], image["alt"]) == ("convolve.png", 'edges "seen"')
    assert (image["width"], image["height"]) == ("30", "20")
    assert "a &lt; b &amp; c" in text
    assert ("section", {"id": "convolve"}) in page.tags
    assert "prefers-color-scheme: dark" in text
    assert not [a for _, a in page.tags for value in a.values() if value and "://" in value], (
        "the page must not use the network"
    )


def test_thumbnails_are_small(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (800, 1000, 3), np.uint8)).save(
        tmp_path / "x.png"
    )
    path = gallery.write_thumbnail(tmp_path / "x.png", tmp_path / "small", "x")
    with Image.open(path) as picture:
        assert picture.size == gallery.THUMBNAIL_SIZE


def test_readme_shows_every_demo():
    folder = Path(demos.__file__).parent
    text = (folder / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        pictures = list((folder / "pictures").glob(f"{name}.*"))
        assert len(pictures) == 1, f"{name} needs one picture"
        assert f"pictures/{pictures[0].name}" in text
        assert f"[`{name}`]({name}.py)" in text
        assert pictures[0].stat().st_size <= 20_000
