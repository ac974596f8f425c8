"""The lapped transform: perfect reconstruction, mirrored borders, agreement with plain loops."""

import numpy as np
import pytest
from scipy import fft

from compressor.layers import LappedAnalysis, LappedSynthesis
from compressor.layers.lapped import filter_block_edges
from compressor.spec.lapped import block_basis, dct2, post_filter, pre_filter


def pair(channels):
    analysis, synthesis = LappedAnalysis(channels), LappedSynthesis(channels)
    analysis.build(None)
    synthesis.build(None)
    return analysis, synthesis


def test_all_channels_reconstruct_perfectly(random_pictures):
    pixels = 255 * random_pictures(2, 48, 64) - 128
    analysis, synthesis = pair(768)
    restored = np.asarray(synthesis(analysis(pixels)))
    np.testing.assert_allclose(restored, pixels, atol=2e-3)


def test_filters_are_inverse_and_keep_mirrored_signals():
    np.testing.assert_allclose(pre_filter() @ post_filter(), np.eye(16), atol=1e-12)
    mirrored = np.concatenate([np.arange(8.0), np.arange(8.0)[::-1]])
    np.testing.assert_allclose(pre_filter() @ mirrored, mirrored, atol=1e-12)


def test_block_edges_are_filtered_as_plain_loops_do(random_pictures):
    x = random_pictures(1, 32, 48)
    expected = x.astype(np.float64)
    for edge in (16,):
        expected[:, edge - 8 : edge + 8] = np.einsum(
            "ij,njwc->niwc", pre_filter(), expected[:, edge - 8 : edge + 8]
        )
    for edge in (16, 32):
        part = expected[:, :, edge - 8 : edge + 8]
        expected[:, :, edge - 8 : edge + 8] = np.einsum("ij,nhjc->nhic", pre_filter(), part)
    np.testing.assert_allclose(np.asarray(filter_block_edges(x, pre_filter())), expected, atol=1e-5)


def test_cosines_and_basis_agree_with_scipy():
    signal = np.random.default_rng(0).normal(size=16)
    np.testing.assert_allclose(dct2(16) @ signal, fft.dct(signal, norm="ortho"), atol=1e-12)
    flat = block_basis().reshape(-1, 768)
    np.testing.assert_allclose(flat.T @ flat, np.eye(768), atol=1e-10)


def test_selected_channels_hold_the_most_energy(random_pictures):
    smooth = np.repeat(np.repeat(random_pictures(4, 8, 8), 16, 1), 16, 2) * 255 - 128
    analysis, synthesis = pair(40)
    magnitudes = analysis.select(smooth)
    assert magnitudes.shape == (40,)
    synthesis.chosen.assign(analysis.chosen)
    kept = np.asarray(synthesis(analysis(smooth)))
    arbitrary_analysis, arbitrary_synthesis = pair(40)
    last_first = np.arange(768)[::-1][:40]
    arbitrary_analysis.chosen.assign(last_first)
    arbitrary_synthesis.chosen.assign(last_first)
    arbitrary = np.asarray(arbitrary_synthesis(arbitrary_analysis(smooth)))
    assert np.mean((kept - smooth) ** 2) < 0.2 * np.mean((arbitrary - smooth) ** 2)


def test_channel_count_is_checked():
    with pytest.raises(ValueError, match="1..768"):
        LappedAnalysis(769)
