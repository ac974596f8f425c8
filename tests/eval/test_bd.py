"""Bjontegaard deltas, against their definition and published numbers."""

import json
import math

import numpy as np
import pytest

from eval.bd import bjontegaard_delta, monotone
from eval.published import KODAK

RATES = [0.1, 0.2, 0.5, 1.0, 2.0, 3.0]
VALUES = [26.0, 29.0, 33.0, 36.5, 40.0, 42.0]
CURVE = list(zip(RATES, VALUES, strict=True))


def scaled(factor):
    return [(factor * rate, value) for rate, value in CURVE]


@pytest.mark.parametrize("method", ["pchip", "akima"])
@pytest.mark.parametrize("limits", [None, (28, 40)])
@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25])
def test_constant_factor_in_rate(method, limits, factor):
    bd = bjontegaard_delta(CURVE, scaled(factor), method, limits)
    assert bd.rate_percent == pytest.approx(100 * (factor - 1), abs=1e-6)
    assert bd.gain * (1 - factor) > 0  # cheaper is better
    assert (bd.low, bd.high) == (limits or (26.0, 42.0))


def test_constant_gain_on_a_straight_line():
    """10 dB per factor of 10 in rate, so that 2 dB are worth a factor of 10 ** -0.2."""
    reference = [(10 ** (value / 10), value) for value in (20, 25, 30, 35)]
    test = [(rate, value + 2) for rate, value in reference]
    bd = bjontegaard_delta(reference, test)
    assert bd.gain == pytest.approx(2)
    assert bd.rate_percent == pytest.approx(100 * (10**-0.2 - 1))
    assert (bd.low, bd.high) == (22, 35)


def test_limits_restrict_the_integral():
    """Curves that are equal up to 27 dB and differ by a factor of 2 from 33 dB on."""
    reference = [(2 ** (value / 3), value) for value in np.arange(20, 41, 0.5)]
    test = [(rate if value <= 27 else rate / 2, value) for rate, value in reference if not 27 < value < 32]
    low = bjontegaard_delta(reference, test, limits=(20, 26))
    high = bjontegaard_delta(reference, test, limits=(33, 40))
    assert low.rate_percent == pytest.approx(0, abs=0.01)
    assert high.rate_percent == pytest.approx(-50, abs=0.01)


def test_agrees_with_the_trapezoid_rule():
    """The oracle averages the difference of log rates, linearly interpolated."""
    other = [(0.08, 26.5), (0.17, 29.5), (0.4, 33.2), (0.9, 37.0), (1.7, 40.3)]
    dense = np.linspace(26.5, 40.3, 5000)
    logs = [
        np.interp(dense, *zip(*[(v, math.log(r)) for r, v in curve], strict=True)) for curve in (CURVE, other)
    ]
    expected = 100 * (math.exp(np.mean(logs[1] - logs[0])) - 1)
    assert bjontegaard_delta(CURVE, other).rate_percent == pytest.approx(expected, abs=1.0)


def test_no_overlap_gives_a_warning():
    above = [(rate, value + 30) for rate, value in CURVE]
    assert bjontegaard_delta(CURVE, above).rate_percent is None
    assert "do not overlap" in bjontegaard_delta(CURVE, above).warning
    assert "inside 50 .. 60" in bjontegaard_delta(CURVE, CURVE, limits=(50, 60)).warning


def test_short_overlap_gives_a_warning():
    bd = bjontegaard_delta(CURVE, [(0.9, 36.0), (1.8, 39.5), (2.5, 42.0)], limits=(28, 40))
    assert bd.warning == "overlap of only 33 %"
    assert (bd.low, bd.high) == (36, 40)


@pytest.mark.parametrize(
    "curve", [[], [(1.0, 30.0)], [(1.0, 30.0), (2.0, math.inf)], [(1.0, 30.0), (2.0, 29.0)]]
)
def test_too_few_points_give_a_warning(curve):
    assert "fewer than two" in bjontegaard_delta(CURVE, curve).warning


def test_monotone_drops_dominated_and_infinite_points():
    points = [(3.0, math.inf), (1.0, 30.0), (0.5, 25.0), (1.5, 29.0), (1.5, 30.0), (2.0, 31.0)]
    assert monotone(points).tolist() == [[0.5, 25.0], [1.0, 30.0], [2.0, 31.0]]


@pytest.mark.parametrize("method", ["pchip", "akima"])
def test_values_may_be_negative(method):
    """Distances are integrated with their sign changed."""
    curve = [(rate, value - 50) for rate, value in CURVE]
    cheaper = [(0.8 * rate, value) for rate, value in curve]
    assert bjontegaard_delta(curve, cheaper, method).rate_percent == pytest.approx(-20, abs=1e-6)


def test_akima_may_overshoot():
    """Between the limits, the rate of an interpolated curve need not rise with its value."""
    random, gains = np.random.default_rng(0), []
    for _ in range(60):
        steps = random.exponential([[[0.25], [2]]] * 2, size=(2, 2, 8))
        curves = [list(zip(rates, 25 + values, strict=True)) for rates, values in np.cumsum(steps, axis=2)]
        delta = bjontegaard_delta(*curves, "akima", limits=(28, 40))
        assert math.isfinite(delta.rate_percent)
        gains += [] if delta.gain is None else [delta.gain]
    # The other curves share no rates.
    assert len(gains) > 40
    assert np.isfinite(gains).all()


@pytest.mark.parametrize("method", ["pchip", "akima"])
def test_published_vtm_compared_with_published_jpeg(method):
    curves = json.loads(KODAK.read_text())["curves"]
    jpeg, vtm = ([(p["bpp"], p["psnr_rgb_db"]) for p in curves[name]["points"]] for name in ("jpeg", "vtm"))
    assert bjontegaard_delta(jpeg, vtm, method).rate_percent == pytest.approx(-67.6, abs=1)
