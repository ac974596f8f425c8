"""The search over quality levels for the one that meets a target best."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from compressor.errors import OptionError
from compressor.images.pixels import Pixels
from compressor.images.psnr import psnr_db
from compressor.images.ssimulacra2 import ssimulacra2
from compressor.options import Target
from compressor.spec.quality import HIGHEST_SEEN_LEVEL, NUM_LEVELS, TOP_LEVEL

# `crossing` makes no more trials than this, whatever the picture; most need about five.
MAX_TRIALS = 14

# Where an ordinary photograph lies in the middle of the scale, and how it moves with each level: the search
# starts there. A poor guess costs a trial or two, nothing else.
_MIDDLE_LEVEL = 200
_MIDDLE_BPP, _LOG_SIZE_PER_LEVEL = 0.7, 0.0084
# A fine level changes sizes and fidelities about as much as this many levels below.
_FINE_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Fidelity:
    """A measure of how close a decoded picture is to the original; higher is closer.

    Attributes:
        name: for messages.
        middle: value of an ordinary photograph in the middle of the quality scale.
        per_level: how much it rises with each level below the fine ones.
        measure: (original, decoded colours (H, W, 3) uint8) -> its value.
    """

    name: str
    middle: float
    per_level: float
    measure: Callable[[Pixels, NDArray[np.uint8]], float]


def _psnr_of_visible(original: Pixels, decoded_uint8: NDArray[np.uint8]) -> float:
    if original.hidden is None:
        return psnr_db(decoded_uint8, original.image_uint8)
    visible = ~original.hidden
    return psnr_db(decoded_uint8[visible], original.image_uint8[visible])


def _ssimulacra2(original: Pixels, decoded_uint8: NDArray[np.uint8]) -> float:
    return ssimulacra2(original.image_uint8, original.with_hidden(decoded_uint8))


# Keys are fields of `Target`.
FIDELITIES = {
    "psnr_db": Fidelity("dB PSNR", 33.0, 0.042, _psnr_of_visible),
    "ssimulacra2": Fidelity("SSIMULACRA 2", 68.0, 0.15, _ssimulacra2),
}
# Caps the excess of an infinite PSNR, since interpolation needs a number.
_MOST_EXCESS = 99.0


@dataclass(frozen=True, slots=True)
class Trial:
    """The picture at one level.

    Attributes:
        level: quality level 0..396.
        stream: the whole file.
        fidelity: fidelity of the decoded pixels; 0 if it is not needed.
    """

    level: int
    stream: bytes
    fidelity: float


def encode_to_target(
    target: Target,
    num_pixels: int,
    encode_at: Callable[[int], bytes],
    fidelity_of: Callable[[Fidelity, bytes], float],
    *,
    try_top: bool = False,
) -> bytes:
    """Encode at the quality that meets a target best.

    Args:
        target: for a size, the best quality is taken whose file is not above it. For a fidelity, the smallest
            file that has it.
        num_pixels: width x height of the picture.
        encode_at: level 0..396 -> the whole file.
        fidelity_of: one of `FIDELITIES`, file of `encode_at` -> its value for the decoded pixels.
        try_top: whether to always try the top level, which stores pixels without loss; for some pictures, it
            takes fewer bytes than lower levels.

    Returns:
        The file.

    Raises:
        OptionError: if no level meets the target.
    """
    for name, fidelity in FIDELITIES.items():
        wanted = getattr(target, name)
        if wanted is not None:
            trials = _Trials(encode_at, partial(fidelity_of, fidelity))
            if try_top:
                trials.try_level(TOP_LEVEL)
            return _smallest_with(wanted, fidelity, trials)
    bpp_of_byte, trials = 8 / num_pixels, _Trials(encode_at)
    # A millionth of a byte, so that the rate of an existing file is not rounded down to a byte less.
    wanted_num_bytes = target.num_bytes or (target.bpp or 0) / bpp_of_byte + 1e-6
    limit = int(min(wanted_num_bytes, sys.maxsize))
    if try_top:
        trials.try_level(TOP_LEVEL)
        if len(trials[TOP_LEVEL].stream) <= limit:
            return trials[TOP_LEVEL].stream
    return _largest_within(limit, bpp_of_byte, trials)


class _Trials(dict[int, Trial]):
    """All trials by level; a missing one is made when it is accessed."""

    def __init__(
        self, encode_at: Callable[[int], bytes], fidelity_of: Callable[[bytes], float] | None = None
    ) -> None:
        super().__init__()
        self._encode_at, self._fidelity_of = encode_at, fidelity_of

    def __missing__(self, level: int) -> Trial:
        stream = self._encode_at(level)
        self[level] = Trial(level, stream, self._fidelity_of(stream) if self._fidelity_of else 0.0)
        return self[level]

    def try_level(self, level: int) -> None:
        """Make a trial, if there is such a level."""
        if 0 <= level < NUM_LEVELS:
            self[level]


def _smallest_with(wanted: float, fidelity: Fidelity, trials: _Trials) -> bytes:
    def excess(level: int) -> float:
        return min(trials[level].fidelity - wanted, _MOST_EXCESS)

    guess = _MIDDLE_LEVEL + (wanted - fidelity.middle) / fidelity.per_level
    low, _ = crossing(excess, guess, fidelity.per_level)
    # Sizes and fidelities rise with the level, except for small fluctuations: try the next level too.
    trials.try_level(low - 1)
    met = [t for t in trials.values() if t.fidelity >= wanted]
    if met:
        return min(met, key=lambda t: (len(t.stream), -t.fidelity)).stream
    lowest, highest = trials[0].fidelity, max(t.fidelity for t in trials.values())
    raise OptionError(
        f"received a target of {wanted:g} {fidelity.name}, and this picture reaches {lowest:.2f} to "
        f"{highest:.2f}: lower it"
    )


def _largest_within(limit: int, bpp_of_byte: float, trials: _Trials) -> bytes:
    # Half a byte above the limit: then a file of exactly that size is on the side of those that fit.
    log_limit = math.log(limit + 0.5)

    def excess(level: int) -> float:
        return math.log(len(trials[level].stream)) - log_limit

    guess = _MIDDLE_LEVEL + (log_limit + math.log(bpp_of_byte / _MIDDLE_BPP)) / _LOG_SIZE_PER_LEVEL
    _, high = crossing(excess, guess, _LOG_SIZE_PER_LEVEL)
    trials.try_level(high + 1)
    fitting = [t for t in trials.values() if len(t.stream) <= limit]
    if fitting:
        return max(fitting, key=lambda t: t.level).stream
    smallest = min(len(t.stream) for t in trials.values())
    raise OptionError(
        f"received a target of {limit} bytes ({limit * bpp_of_byte:.3f} bpp), and this picture takes "
        f"at least {smallest} bytes ({smallest * bpp_of_byte:.3f} bpp): raise it"
    )


def crossing(excess: Callable[[int], float], guess: float, slope: float) -> tuple[int, int]:
    """Find two neighbouring levels between which a rising function of the level changes its sign.

    Interpolates between the nearest levels known on both sides, and keeps so close to bisection that
    `MAX_TRIALS` calls always suffice.

    Args:
        excess: level 0..396 -> how far above zero it is; finite. It should rise; where it wiggles, one of its
            crossings is found.
        guess: where to start, on a scale on which each fine level counts as `_FINE_LEVEL` levels.
        slope: about how much it rises with each level below the fine ones, above 0.

    Returns:
        (low, low + 1): the first below zero, the second at or above. -1 and 397 stand for "no such level".
    """
    low, high = -1, NUM_LEVELS
    below: float | None = None
    above: float | None = None
    trial: tuple[float, float] | None = None
    for left in reversed(range(MAX_TRIALS)):
        if high - low == 1:
            break
        # `left` more trials settle 2**left - 1 levels by bisection: leave no more on either side.
        reach = 1 << left
        first, last = max(low + 1, high - reach), min(high - 1, low + reach)
        level = round(min(max(_level_at(guess), first), last))
        position, value = _position(level), excess(level)
        if trial is not None:
            run, rise = position - trial[0], value - trial[1]
            slope = rise / run if rise * run > 0 else slope
            # If a bound stays again, half of its value counts, or it may stay for long (Illinois algorithm).
            if (value < 0) == (trial[1] < 0):
                below, above = below and below / 2, above and above / 2
        trial = position, value
        if value < 0:
            low, below = level, value
        else:
            high, above = level, value
        if below is not None and above is not None:
            start, end = _position(low), _position(high)
            guess = start + (end - start) * below / (below - above)
        else:
            # Rather too far, so that the next trial is on the other side.
            guess = position - 1.1 * value / slope
    return low, high


def _position(level: int) -> float:
    """Return where a level lies on a scale on which pictures change evenly."""
    return level + (_FINE_LEVEL - 1) * max(level - HIGHEST_SEEN_LEVEL, 0)


def _level_at(position: float) -> float:
    """Return the level at or nearest to a position, not rounded."""
    position = min(max(position, 0), _position(TOP_LEVEL))
    return position - (1 - 1 / _FINE_LEVEL) * max(position - HIGHEST_SEEN_LEVEL, 0)
