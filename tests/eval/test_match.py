"""The search for the quality that reaches a rate."""

import pytest

from eval.match import is_near, quality_for_bpp


class Encoder:
    """Encoder with the rate 0.01 * 1.06 ** quality, which counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, quality):
        self.calls += 1
        return 0.01 * 1.06**quality


ENDS = [(0.01 * 1.06, 1), (0.01 * 1.06**100, 100)]


@pytest.mark.parametrize("target", [0.02, 0.25, 1.0, 3.0])
def test_rate_is_within_the_tolerance(target):
    encoder = Encoder()
    quality, _ = quality_for_bpp(encoder, target, ENDS, whole_qualities=False)
    assert 0.01 * 1.06**quality == pytest.approx(target, rel=0.03)
    assert encoder.calls <= 3


def test_whole_qualities_are_rounded():
    quality, _ = quality_for_bpp(Encoder(), 0.25, ENDS, whole_qualities=True, tolerance=0.0)
    assert quality == 55  # log(25) / log(1.06) = 55.2
    assert isinstance(quality, int)


def test_strongly_curved_scale():
    quality, _ = quality_for_bpp(lambda q: 0.01 + (q / 100) ** 6, 0.25, [(0.01, 1), (1.01, 100)], False)
    assert 0.01 + (quality / 100) ** 6 == pytest.approx(0.25, rel=0.03)


def test_the_last_quality_tried_counts_too():
    rates = []

    def encoded(quality):
        rates.append(2.0 if len(rates) < 7 else 1.0)
        return rates[-1]

    found, bpp = quality_for_bpp(encoded, 1.0, [(0.0005, 1), (2.5, 100)], whole_qualities=False)
    assert len(rates) == 8
    assert rates[-1] == 1.0
    assert 1 < found < 100
    assert bpp == 1.0


def test_known_point_needs_no_encoding():
    encoder = Encoder()
    assert quality_for_bpp(encoder, 0.5, [(0.5, 66), *ENDS], whole_qualities=True) == (66, 0.5)
    assert encoder.calls == 0


@pytest.mark.parametrize(("target", "end"), [(0.001, ENDS[0]), (10.0, ENDS[1])])
def test_the_nearer_end_is_found_for_an_unreachable_rate(target, end):
    quality, bpp = quality_for_bpp(Encoder(), target, ENDS, whole_qualities=True)
    assert (bpp, quality) == end
    assert not is_near(bpp, target)
