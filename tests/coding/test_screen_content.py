"""Text, charts, patterns and pixel art are stored where that pays; photographs are not."""

from contextlib import suppress
from itertools import takewhile

import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage import data

import compressor
from compressor import Runtime, Target
from compressor.coding import screen_content, sections, stored_pixels
from compressor.coding.effort import effort_of
from compressor.coding.loading import load_coder
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.screen_content import find_screen_content
from compressor.coding.stored_pixels import StoredPixels
from compressor.errors import OptionError, TruncatedStreamError
from compressor.images.psnr import psnr_db
from compressor.images.ssimulacra2 import ssimulacra2
from tests.samples import checker, stripes

SIZE = 96


def pixel_art():
    random = np.random.default_rng(4)
    return random.integers(0, 256, (8, 3), dtype=np.uint8)[random.integers(0, 8, (SIZE, SIZE))]


def text():
    image = Image.new("RGB", (SIZE, SIZE), "white")
    for line in range(8):
        ImageDraw.Draw(image).text((2, 12 * line), "All that glitters", fill=(20, 20 * line, 120))
    return np.asarray(image)


def colour_noise():
    return np.random.default_rng(4).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)


def large_pixels():
    """Pixel art whose edges all lie between cells."""
    return pixel_art()[:6, :6].repeat(16, axis=0).repeat(16, axis=1)


def faint_text():
    return (text() // 4 + 150).astype(np.uint8)


def gray_text():
    return np.asarray(Image.fromarray(text()).convert("L").convert("RGB"))


MAKERS = (pixel_art, large_pixels, text, faint_text, gray_text, colour_noise)
PICTURES = {"stripes": stripes(SIZE), "checker": checker(SIZE)} | {make.__name__: make() for make in MAKERS}


@pytest.fixture(scope="module")
def screenshot(random_pictures):
    """A photograph next to text."""
    photo = np.uint8(255 * random_pictures(1, SIZE, SIZE)[0])
    return np.concatenate([photo, PICTURES["text"]], axis=1)


@pytest.mark.parametrize("tune", ["iq", "psnr"])
@pytest.mark.parametrize("name", PICTURES)
def test_quality_rises_with_the_setting(name, tune):
    image = PICTURES[name]
    reached = 0.0
    for quality in range(10, 101, 10):
        decoded = np.asarray(compressor.decode(compressor.encode(image, quality, tune=tune)))
        # Beyond 99 dB, pictures differ in a value or two.
        found = min(psnr_db(decoded, image), 99)
        assert found > reached - 0.3, quality
        reached = max(reached, found)
    assert reached == 99


@pytest.mark.parametrize("name", PICTURES)
def test_screen_content_is_found(name):
    found = find_screen_content(PICTURES[name])
    assert found.mask.mean() > 0.8
    # The rest is smooth, so that it takes few bits.
    assert np.abs(np.diff(found.rest.astype(int), axis=0))[found.mask[1:] & found.mask[:-1]].max() < 32


def test_photographs_have_none(random_pictures):
    photo = np.uint8(255 * random_pictures(1, 128, 160)[0])
    assert find_screen_content(photo) is None
    assert find_screen_content(np.full((50, 40, 3), 7, np.uint8)) is None
    assert find_screen_content(np.zeros((1, 1, 3), np.uint8)) is None
    gray = np.asarray(Image.fromarray(photo).convert("L").convert("RGB"))
    assert find_screen_content(gray) is None
    assert "stored" not in compressor.read_info(compressor.encode(photo)).section_num_bytes


def test_a_picture_is_stored_as_a_whole_where_that_takes_fewer_bytes():
    picture = np.full((160, 160, 3), 255, np.uint8)
    picture[16:144, 16:144] = large_pixels()[:, :, :1].repeat(2, axis=0).repeat(2, axis=1)[:128, :128]
    info = compressor.read_info(compressor.encode(picture, 50))
    assert info.is_lossless
    assert info.quality == 100


def test_a_screenshot_keeps_its_photograph_lossy(screenshot):
    found = find_screen_content(screenshot)
    assert not found.mask[:, :SIZE].any()
    data = compressor.encode(screenshot, 50)
    assert set(compressor.read_info(data).section_num_bytes) == {"stored", "picture"}
    decoded = np.asarray(compressor.decode(data))
    assert psnr_db(decoded[found.mask], screenshot[found.mask]) > 33
    # The ground is exact.
    assert np.count_nonzero((decoded == 255).all(axis=2)) >= np.count_nonzero((screenshot == 255).all(axis=2))
    assert 25 < psnr_db(decoded[:, :SIZE], screenshot[:, :SIZE]) < 60


def test_screen_content_is_nearly_exact_at_high_quality(screenshot):
    found = find_screen_content(screenshot)
    decoded = np.asarray(compressor.decode(compressor.encode(screenshot, 97)))
    assert psnr_db(decoded[found.mask], screenshot[found.mask]) > 45


def chart():
    """Smooth coloured lines, whose edges have hundreds of colours."""
    scale, size = 3, 192
    image = Image.new("RGB", (scale * size, scale * size), "white")
    draw = ImageDraw.Draw(image)
    for k, colour in enumerate([(200, 30, 40), (30, 120, 60), (40, 60, 190), (160, 90, 200)]):
        points = [(12 * x, 250 + 60 * k + 120 * np.sin(x / 4 + k)) for x in range(50)]
        draw.line(points, fill=colour, width=7)
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("tune", ["iq", "psnr"])
def test_a_smooth_rest_is_not_stored_with_few_colours(tune):
    y, x = np.mgrid[:128, :128]
    rest = np.stack([60 + x, 60 + y, 180 + 40 * np.sin((x + y) / 20)], axis=-1).astype(np.uint8)
    page = np.tile(text(), (4, 5, 1))
    page[:128, :128] = rest
    share = find_screen_content(page).mask.mean()
    assert sections.MIN_SHARE_FOR_WHOLE < share < 1
    decoded = np.asarray(compressor.decode(compressor.encode(page, 60, tune=tune)))
    assert len(np.unique(decoded[:128, :128].reshape(-1, 3), axis=0)) > 1000
    assert psnr_db(decoded[:128, :128], rest) > 38


@pytest.mark.parametrize("metric", ["psnr_db", "ssimulacra2"])
def test_a_fidelity_target_does_not_store_more_than_it_asks_for(metric, monkeypatch):
    image, measure = chart(), {"psnr_db": psnr_db, "ssimulacra2": ssimulacra2}[metric]
    streams = (compressor.encode(image, quality) for quality in range(10, 100, 5))
    unstored = takewhile(lambda data: "stored" not in compressor.read_info(data).section_num_bytes, streams)
    reached = [measure(np.asarray(compressor.decode(data)), image) for data in unstored]
    # A little more than can be reached before the file jumps to stored content.
    target = Target(**{metric: reached[-1] + 1})
    data = compressor.encode(image, target=target)
    monkeypatch.setattr(screen_content, "find_screen_content", lambda image: None)
    assert len(data) <= len(compressor.encode(image, target=target))


@pytest.mark.parametrize("keep_hidden", [False, True])
def test_hidden_pixels_do_not_hinder_storing(keep_hidden):
    image = np.dstack([chart(), np.full((192, 192), 255, np.uint8)])
    image[:64, :96, 3] = 0
    data = compressor.encode(image, 80, keep_hidden=keep_hidden)
    assert "stored" in compressor.read_info(data).section_num_bytes


def test_regions_and_reductions(screenshot):
    data = compressor.encode(screenshot)
    whole = compressor.decode(data)
    part = compressor.decode(data, region=(80, 10, 60, 50))
    assert np.abs(np.asarray(part, int) - np.asarray(whole.crop((80, 10, 140, 60)), int)).max() <= 1
    assert compressor.decode(data, reduction=4).tobytes() == whole.reduce(4).tobytes()


def test_gray_and_alpha(screenshot):
    for mode in ("L", "LA", "RGBA"):
        image = Image.fromarray(screenshot).convert(mode)
        data = compressor.encode(image, 50, verify=True)
        assert "stored" in compressor.read_info(data).section_num_bytes
        decoded = compressor.decode(data)
        assert decoded.mode == mode
        mask = find_screen_content(np.asarray(image.convert("RGB"))).mask
        assert psnr_db(np.asarray(decoded)[mask], np.asarray(image)[mask]) > 33


def test_a_stream_that_is_cut_off_shows_its_screen_content(screenshot):
    data = compressor.encode(screenshot)
    sizes = compressor.read_info(data).section_num_bytes
    picture = compressor.decode(data[: -sizes["picture"] // 2], partial=True)
    mask = find_screen_content(screenshot).mask
    np.testing.assert_array_equal(np.asarray(picture)[mask], np.asarray(compressor.decode(data))[mask])
    with pytest.raises(TruncatedStreamError):
        compressor.decode(data[: sizes["stored"] // 2], partial=True)


def test_progress_covers_both_trials(screenshot):
    shares = []
    compressor.encode(screenshot, tune="psnr", effort=6, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    effort = effort_of(6)
    quick_moves = effort.quick_moves(load_coder(Runtime(model="flagship-psnr")).runtime.quick_moves)
    assert len(shares) == 2 * (quick_moves + effort.refinement_steps)


@pytest.mark.parametrize(
    "target", [Target(psnr_db=35), Target(ssimulacra2=80), Target(num_bytes=600), Target(num_bytes=30_000)]
)
def test_targets_take_the_file_without_loss_where_it_is_smaller(target):
    image = PICTURES["large_pixels"]
    data = compressor.encode(image, target=target)
    assert len(data) < 600
    assert np.array_equal(np.asarray(compressor.decode(data)), image)


def test_a_size_is_used_where_stored_content_leaves_a_gap(screenshot):
    stored = StoredPixels(screenshot, find_screen_content(screenshot).mask, verify=False)
    limit = min(map(len, stored.payloads())) + 60
    data = compressor.encode(screenshot, target=Target(num_bytes=limit))
    decoded = np.asarray(compressor.decode(data))
    with_stored = compressor.encode(screenshot, 1)
    assert len(data) <= limit
    assert psnr_db(decoded, screenshot) > psnr_db(np.asarray(compressor.decode(with_stored)), screenshot)


@pytest.mark.parametrize("num_bytes", [10, 3_000, 9_000])
def test_no_trial_of_a_target_is_made_twice(screenshot, num_bytes, monkeypatch):
    coded, stored = [], []
    encode, encode_stored = PictureCoder.encode, stored_pixels.encode_stored

    def counting(self, image_uint8, levels, *arguments, **options):
        coded.append((image_uint8.tobytes(), levels))
        return encode(self, image_uint8, levels, *arguments, **options)

    def counting_stored(image_uint8, mask, *, num_colours=None, verify=False):
        stored.append((image_uint8.tobytes(), mask.tobytes(), num_colours))
        return encode_stored(image_uint8, mask, num_colours=num_colours, verify=verify)

    monkeypatch.setattr(PictureCoder, "encode", counting)
    monkeypatch.setattr(stored_pixels, "encode_stored", counting_stored)
    with suppress(OptionError):
        compressor.encode(screenshot, target=Target(num_bytes=num_bytes))
    assert len(coded) == len(set(coded))
    assert len(stored) == len(set(stored))


def test_a_target_below_the_size_of_stored_content_is_met():
    image = PICTURES["text"]
    stored = StoredPixels(image, find_screen_content(image).mask, verify=False)
    num_bytes = min(map(len, stored.payloads())) // 2
    assert len(compressor.encode(image, target=Target(num_bytes=num_bytes))) <= num_bytes
    with pytest.raises(OptionError, match="raise it"):
        compressor.encode(image, target=Target(num_bytes=10))
    data = compressor.encode(image, target=Target(psnr_db=60))
    assert psnr_db(np.asarray(compressor.decode(data)), image) >= 60


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_quality_100_is_lossless(random_pictures, mode):
    image = Image.fromarray(np.uint8(255 * random_pictures(1, 50, 70)[0])).convert(mode)
    data = compressor.encode(image, 100, verify=True)
    assert compressor.decode(data).tobytes() == image.tobytes()
    assert compressor.decode(data, region=(3, 4, 20, 30)).tobytes() == image.crop((3, 4, 23, 34)).tobytes()
    assert compressor.decode(data, reduction=8).tobytes() == image.reduce(8).tobytes()
    assert compressor.read_info(data).is_lossless
    assert not compressor.read_info(compressor.encode(image, 90)).is_lossless


def test_any_fidelity_can_be_met(random_pictures):
    photo = np.uint8(255 * random_pictures(1, 64, 64)[0])
    data = compressor.encode(photo, target=Target(psnr_db=80))
    assert np.array_equal(np.asarray(compressor.decode(data)), photo)


def test_a_gray_picture_is_stored_without_loss_where_that_is_smaller():
    picture = data.moon()
    lossless, fine, plain = (compressor.encode(picture, quality) for quality in (100, 96, 90))
    assert abs(len(fine) - len(lossless)) < 8
    np.testing.assert_array_equal(np.asarray(compressor.decode(fine)), picture)
    assert len(plain) < 0.8 * len(lossless)


GRADIENT = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 320, 3))


@pytest.mark.parametrize("quality", [10, 80, 90, 90.25, 92, 95])
def test_plain_pictures_take_no_more_bytes_than_without_loss(quality):
    for picture in (np.full((192, 256, 3), (200, 30, 90), np.uint8), GRADIENT):
        assert len(compressor.encode(picture, quality)) <= len(compressor.encode(picture, 100)) + 8


def test_a_plain_picture_meets_the_size_that_it_has_without_loss():
    num_bytes = len(compressor.encode(GRADIENT, 100)) + 8
    data = compressor.encode(GRADIENT, target=Target(num_bytes=num_bytes))
    assert len(data) <= num_bytes
    assert np.array_equal(np.asarray(compressor.decode(data)), GRADIENT)
