"""The coding passes: every latent once, and each pass reads only what came before."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from compressor.spec.passes import CELLS, CodingPass, coding_passes

PASSES = coding_passes(120, (24, 96, 110))


def test_passes_code_every_latent_once():
    coded, share = np.zeros((4, 4, 120), int), 0.0
    for p in PASSES:
        p.scatter(p.gather(coded) + 1, coded)
        share += p.share * (p.high - p.low) / 120
    assert coded.min() == coded.max() == 1
    assert share == pytest.approx(1)


def test_gather():
    values = np.arange(4 * 4 * 120).reshape(4, 4, 120)
    for p in PASSES:
        found = p.gather(values)
        for view, of_view in zip(p.views, found, strict=True):
            np.testing.assert_array_equal(of_view, values[(*view, slice(p.low, p.high))])
        np.testing.assert_array_equal(p.gather(values[0, 0]), values[0, 0, p.low : p.high])


def test_passes_read_only_earlier_latents():
    known = np.zeros((4, 4, 120), bool)
    for p in PASSES:
        assert known[:: p.spacing, :: p.spacing, : p.seen].any(axis=(0, 1)).all()
        for view in p.views:
            known[(*view, slice(p.low, p.high))] = True


@pytest.mark.parametrize("splits", [(24,), (24, 96), (96, 24), (0, 24)])
def test_groups_are_not_empty(splits):
    with pytest.raises(ValueError, match="splits that rise"):
        coding_passes(96, splits)


def test_passes_come_back_from_a_manifest():
    manifest = json.loads(json.dumps([asdict(p) for p in PASSES]))
    assert tuple(map(CodingPass.from_manifest, manifest)) == PASSES


def test_views_of_a_pass_over_the_whole_grid():
    whole = CodingPass(CELLS, 0, 3, seen=0, kernel=3)
    assert (whole.stride, whole.share, whole.origins) == (1, 1.0, ((0, 0),))
    assert whole.views == ((slice(0, None, 1), slice(0, None, 1)),)


def test_views_of_a_pass_over_one_cell_of_the_coarse_grid():
    coarse = CodingPass(((1, 0),), 0, 3, seen=0, kernel=3, spacing=2)
    assert (coarse.stride, coarse.share, coarse.origins) == (2, 1 / 16, ((1, 0),))
    assert coarse.views == ((slice(2, None, 4), slice(0, None, 4)),)


@pytest.mark.parametrize("shape", [(4, 4, 120), (120,)])
def test_gather_some(shape):
    random = np.random.default_rng(0)
    values = random.integers(0, 100, shape)
    for p in PASSES:
        of_pass = p.gather(np.broadcast_to(values, (4, 4, 120)))
        some = np.flatnonzero(random.random(of_pass.size) < 0.3)
        np.testing.assert_array_equal(p.gather_some(values, some), of_pass.ravel()[some])


@pytest.mark.parametrize("margin", [4, 5])
def test_surroundings(margin):
    """Each pass of the flagship sees the latents on its own grid, with as many zeros around as it reads."""
    random = np.random.default_rng(0)
    values = random.integers(1, 100, (8, 12, 512))
    with_margin = np.pad(values, [(margin, margin), (margin, margin), (0, 0)])
    for p in coding_passes(512):
        zeros = [(p.kernel // 2, p.kernel // 2)] * 2 + [(0, 0)]
        expected = np.pad(values[:: p.spacing, :: p.spacing, : p.seen], zeros)
        np.testing.assert_array_equal(p.surroundings(with_margin, margin), expected)
