"""Find the quality that meets a target: a size of the file, or a fidelity of the decoded picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compressor.bitstream.header import QUALITY_LEVELS
from compressor.errors import OptionError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# No search takes more trials than this, whatever the picture; a good guess takes it to about half.
MAX_TRIALS = 10

# Where an ordinary photograph lies in the middle of the scale, and how it moves with each level: the search
# starts there. A poor guess costs a trial or two, nothing else.
_MIDDLE_LEVEL = 200
_MIDDLE_BPP, _LOG_SIZE_PER_LEVEL = 0.7, 0.0084
_MIDDLE_DB, _DB_PER_LEVEL = 33.0, 0.042
# Without loss, the PSNR is infinite; interpolation needs a number.
_HIGHEST_DB = 99.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked for: one of the three is given.

    Attributes:
        bpp: at most so many bits per pixel of the whole file.
        num_bytes: at most so many bytes of the whole file.
        psnr_db: at least this PSNR of the decoded 8-bit pixels.
    """

    bpp: float | None = None
    num_bytes: float | None = None
    psnr_db: float | None = None

    def __post_init__(self) -> None:
        given = {"target_bpp": self.bpp, "target_size": self.num_bytes, "target_psnr": self.psnr_db}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) > 1:
            raise OptionError(f"received {' and '.join(given)}, expected one of them")
        for name, value in given.items():
            if not isinstance(value, int | float) or not 0 < value < math.inf:
                raise OptionError(f"received {name} {value!r}, expected a number above 0")


@dataclass(frozen=True, slots=True)
class Trial:
    """The picture at one level.

    Attributes:
        level: quality level 0..396.
        stream: the whole file.
        psnr_db: of the decoded pixels; 0 where nobody asked.
    """

    level: int
    stream: bytes
    psnr_db: float


def encode_to_target(
    target: Target,
    num_pixels: int,
    encode_at: Callable[[int], bytes],
    psnr_of: Callable[[bytes], float],
) -> bytes:
    """Encode at the quality that meets a target best.

    Args:
        target: for a size, the largest file is taken that is not above it; the best quality of all also
            meets a larger target. For a PSNR, the smallest file that has it.
        num_pixels: of the picture, width x height.
        encode_at: level 0..396 -> the whole file.
        psnr_of: a file of `encode_at` -> PSNR of its decoded pixels in dB, infinite without loss.

    Returns:
        The file.

    Raises:
        OptionError: if no level meets the target.
    """
    trials = _Trials(encode_at, psnr_of if target.psnr_db is not None else None)
    if target.psnr_db is not None:
        return _smallest_with(target.psnr_db, trials)
    bpp_of_byte = 8 / num_pixels
    # A millionth of a byte, so that the rate of an existing file is not rounded down to a byte less.
    limit = int(target.num_bytes or (target.bpp or 0) / bpp_of_byte + 1e-6)
    return _largest_within(limit, bpp_of_byte, trials)


class _Trials(dict[int, Trial]):
    """All that was tried, by level; what is missing is tried when it is asked for."""

    def __init__(self, encode_at: Callable[[int], bytes], psnr_of: Callable[[bytes], float] | None) -> None:
        super().__init__()
        self._encode_at, self._psnr_of = encode_at, psnr_of

    def __missing__(self, level: int) -> Trial:
        stream = self._encode_at(level)
        self[level] = Trial(level, stream, self._psnr_of(stream) if self._psnr_of else 0.0)
        return self[level]

    def try_neighbour(self, level: int) -> None:
        """Look beyond a crossing: sizes and fidelities rise with the level up to small wiggles."""
        if 0 <= level < QUALITY_LEVELS:
            self[level]


def _smallest_with(wanted_db: float, trials: _Trials) -> bytes:
    def excess(level: int) -> float:
        return min(trials[level].psnr_db, _HIGHEST_DB + wanted_db) - wanted_db

    guess = _MIDDLE_LEVEL + (wanted_db - _MIDDLE_DB) / _DB_PER_LEVEL
    low, _ = crossing(excess, guess, _DB_PER_LEVEL)
    trials.try_neighbour(low - 1)
    met = [t for t in trials.values() if t.psnr_db >= wanted_db]
    if met:
        return min(met, key=lambda t: (len(t.stream), -t.psnr_db)).stream
    lowest, highest = trials[0].psnr_db, max(t.psnr_db for t in trials.values())
    raise OptionError(
        f"received a target of {wanted_db:g} dB, and this picture reaches {lowest:.2f} to {highest:.2f} dB: "
        "lower it"
    )


def _largest_within(limit: int, bpp_of_byte: float, trials: _Trials) -> bytes:
    # Half a byte above the limit: then a file of exactly that size is on the side of those that fit.
    log_limit = math.log(limit + 0.5)

    def excess(level: int) -> float:
        return math.log(len(trials[level].stream)) - log_limit

    guess = _MIDDLE_LEVEL + (log_limit + math.log(bpp_of_byte / _MIDDLE_BPP)) / _LOG_SIZE_PER_LEVEL
    _, high = crossing(excess, guess, _LOG_SIZE_PER_LEVEL)
    trials.try_neighbour(high + 1)
    fitting = [t for t in trials.values() if len(t.stream) <= limit]
    if fitting:
        return max(fitting, key=lambda t: (len(t.stream), t.level)).stream
    smallest = min(len(t.stream) for t in trials.values())
    largest = len(trials[QUALITY_LEVELS - 1].stream)
    raise OptionError(
        f"received a target of {limit} bytes ({limit * bpp_of_byte:.3f} bpp), and this picture takes "
        f"{smallest} to {largest} bytes ({smallest * bpp_of_byte:.3f} to {largest * bpp_of_byte:.3f} bpp): "
        "raise it"
    )


def crossing(excess: Callable[[int], float], guess: float, slope: float) -> tuple[int, int]:
    """Find two neighbouring levels between which a rising function of the level changes its sign.

    Interpolates between the nearest levels known on both sides, and keeps so close to bisection that
    `MAX_TRIALS` calls always suffice.

    Args:
        excess: level 0..396 -> how far above zero it is; finite. It should rise; where it wiggles, one of its
            crossings is found.
        guess: where to start.
        slope: about how much it rises with each level, above 0.

    Returns:
        (low, low + 1): the first below zero, the second at or above. -1 and 397 stand for "no such level".
    """
    low, high = -1, QUALITY_LEVELS
    below: float | None = None
    above: float | None = None
    for left in reversed(range(MAX_TRIALS)):
        if high - low == 1:
            break
        # `left` more trials settle 2**left - 1 levels by bisection: leave no more on either side.
        reach = 1 << left
        first, last = max(low + 1, high - reach), min(high - 1, low + reach)
        level = min(max(round(guess), first), last)
        value = excess(level)
        if value < 0:
            low, below = level, value
        else:
            high, above = level, value
        if below is not None and above is not None:
            guess = low + (high - low) * below / (below - above)
        else:
            guess = level - value / slope
    return low, high


def psnr_db(decoded_uint8: npt.NDArray[np.uint8], image_uint8: npt.NDArray[np.uint8]) -> float:
    """PSNR in dB of one uint8 array to another of the same shape, over all values; infinite if equal."""
    import numpy as np

    # A strip at a time: the differences of a whole large picture would take eight times its memory.
    total = 0
    for top in range(0, len(image_uint8), 256):
        rows = slice(top, top + 256)
        error = decoded_uint8[rows].astype(np.int32) - image_uint8[rows]
        total += int(np.square(error, out=error).sum(dtype=np.int64))
    return 10 * math.log10(255**2 * image_uint8.size / total) if total else math.inf
