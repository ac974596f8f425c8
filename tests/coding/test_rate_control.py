"""Targets: the search on its own, and through the public interface with real (small, random) networks."""

import math

import numpy as np
import pytest

import compressor
from compressor import Target, decode, encode, read_info
from compressor.coding.rate_control import MAX_TRIALS, crossing, encode_to_target
from compressor.errors import OptionError
from compressor.images.psnr import psnr_db
from compressor.spec.quality import HIGHEST_SEEN_LEVEL

LEVELS = range(397)


def sizes(seed, wiggle=0.0):
    """File sizes by level like those of a small photograph: exponential, with a slope that changes."""
    random = np.random.default_rng(seed)
    slopes = np.repeat(random.uniform(0.002, 0.02, 9), 45)[:397]
    slopes[HIGHEST_SEEN_LEVEL + 1 :] *= 5
    logs = random.uniform(5, 8) + np.cumsum(slopes) + wiggle * random.standard_normal(397)
    return np.exp(logs).astype(int)


def search(table, target, psnr=None):
    """Run the search over a table; returns the level found and how many were tried."""
    tried = []

    def encode_at(level):
        tried.append(level)
        return level.to_bytes(2, "big") + bytes(int(table[level]) - 2)

    stream = encode_to_target(target, 100_000, encode_at, lambda _, s: psnr[int.from_bytes(s[:2], "big")])
    return int.from_bytes(stream[:2], "big"), len(tried)


@pytest.mark.parametrize("seed", range(20))
def test_size_target_takes_the_largest_file_that_fits(seed):
    table = sizes(seed)
    random = np.random.default_rng(seed)
    counts = []
    for target in (*random.integers(table[0], table[-1], 10), table[0], table[200], table[-1], 10**9):
        level, tried = search(table, Target(num_bytes=int(target)))
        assert table[level] == table[table <= target].max()
        counts.append(tried)
    assert max(counts) <= MAX_TRIALS + 1
    assert np.mean(counts) <= 8


def test_bpp_is_of_the_whole_file():
    table = sizes(1)
    level, _ = search(table, Target(bpp=table[123] * 8 / 100_000))
    assert table[level] == table[123]


@pytest.mark.parametrize("seed", range(10))
def test_psnr_target_takes_the_smallest_file_that_has_it(seed):
    table, random = sizes(seed), np.random.default_rng(seed)
    psnr = np.cumsum(random.uniform(0, 0.1, 397)) + random.uniform(15, 40)
    psnr[390:] = math.inf
    for target in (*random.uniform(psnr[0], psnr[389], 10), psnr[0], 5, psnr[389] + 1):
        level, tried = search(table, Target(psnr_db=float(target)), psnr)
        assert level == np.flatnonzero(psnr >= target)[0]
        assert tried <= MAX_TRIALS + 1


@pytest.mark.parametrize("seed", range(10))
def test_wiggles_cost_little(seed):
    """Where sizes do not rise strictly, what is found fits, and is close to the best."""
    table = sizes(seed, wiggle=0.003)
    for target in np.random.default_rng(seed).integers(table[5], table[-5], 10):
        level, _ = search(table, Target(num_bytes=int(target)))
        assert table[level] <= target
        assert table[level] >= 0.97 * table[table <= target].max()


def test_crossing_settles_any_rising_function():
    for zero in (0, 0.5, 1, 57, 211.5, 395.5, 396, 397):
        for power in (0.2, 1, 5):
            calls = []

            def excess(level, zero=zero, power=power, calls=calls):
                calls.append(level)
                return math.copysign(abs(level - zero) ** power, level - zero) if level != zero else 0.0

            assert crossing(excess, 200, 0.01) == (math.ceil(zero) - 1, math.ceil(zero))
            assert len(calls) <= MAX_TRIALS
            assert len(set(calls)) == len(calls)


def test_a_constant_size_takes_the_best_quality():
    assert search([500] * 397, Target(num_bytes=500))[0] == 396


@pytest.mark.parametrize("target", [Target(bpp=1e308), Target(num_bytes=10**400)])
def test_a_size_beyond_every_file_gives_the_best_quality(target):
    table = sizes(0)
    assert search(table, target)[0] == len(table) - 1


def test_a_psnr_beyond_every_number():
    table = sizes(0)
    with pytest.raises(OptionError, match="a target of 1e\\+308 dB PSNR"):
        search(table, Target(psnr_db=1e308), [20 + 0.1 * level for level in LEVELS])


def test_impossible_targets_name_the_reachable_range():
    table = sizes(3)
    with pytest.raises(OptionError, match=f"takes at least {table[0]} bytes"):
        search(table, Target(num_bytes=int(table[0]) - 1))
    with pytest.raises(OptionError, match="0.000 bpp"):
        search(table, Target(bpp=1e-9))
    with pytest.raises(OptionError, match=r"60 dB PSNR, and this picture reaches 20\.00 to 59\.60"):
        search(table, Target(psnr_db=60), [20 + 0.1 * level for level in LEVELS])


def test_a_picture_that_is_too_small_for_the_metric():
    with pytest.raises(OptionError, match="received a picture of 4x4 pixels, expected at least 8x8"):
        encode(np.zeros((4, 4), np.uint8), target=Target(ssimulacra2=70))


@pytest.mark.parametrize("number", [np.float32, np.float64, np.int64])
def test_targets_may_be_numpy_scalars(number):
    assert Target(psnr_db=number(30)).psnr_db == 30


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 4)])
def test_targets_are_met_by_real_files(shape, tiny_folder, random_pictures):
    image = np.rint(255 * random_pictures(1, 48, 64)[0]).astype(np.uint8)
    image = image[:, :, 0] if len(shape) == 2 else np.dstack([image, image[:, :, 0]])
    options = {"runtime": compressor.Runtime(weights=tiny_folder)}

    def psnr_of(stream):
        decoded = np.asarray(decode(stream, **options))
        colours = slice(None) if len(shape) == 2 else slice(0, 3)
        return psnr_db(decoded[:, :, colours] if len(shape) == 3 else decoded, image[..., colours])

    middle = encode(image, 60, **options)
    found = encode(image, target=Target(num_bytes=len(middle) + 1), **options)
    assert 0.97 * len(middle) <= len(found) <= len(middle) + 1
    assert encode(image, target=Target(bpp=8 * (len(middle) + 1) / (48 * 64)), **options) == found
    # With random networks the fidelity does not rise steadily; that the smallest is taken is tested above.
    coarse = encode(image, 15, **options)
    by_psnr = encode(image, target=Target(psnr_db=psnr_of(coarse)), **options)
    assert psnr_of(by_psnr) >= psnr_of(coarse)
    assert len(by_psnr) < len(encode(image, 100, **options))
    # Encoding at the quality that was found gives the same file.
    assert encode(image, read_info(found).quality, **options) == found
