"""Effort of the encoder. Streams of every effort decode the same way, and as fast."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

from compressor.errors import OptionError

# Called with the share of the work done so far, 0..1.
OnProgress = Callable[[float], object]

MIN_EFFORT, DEFAULT_EFFORT, MAX_EFFORT = 1, 5, 9
REFINEMENT_STEPS = {6: 4, 7: 12, 8: 24, 9: 48}


@dataclass(frozen=True)
class Effort:
    """How an encoder chooses symbols.

    Attributes:
        weighs_symbols: whether each symbol's bits are weighed against its error, instead of rounding it.
        refinement_steps: how often all symbols are reconsidered by their effect on the decoded picture.
    """

    weighs_symbols: bool = True
    refinement_steps: int = 0


DEFAULT = Effort()
# For latents that are decoded already: rounding gives back the same symbols.
ROUNDED = Effort(weighs_symbols=False)


def effort_of(number: int) -> Effort:
    """Return the meaning of an effort of 1 to 9.

    Raises:
        OptionError: if it is not one of them.
    """
    if isinstance(number, bool) or not isinstance(number, Integral) or not MIN_EFFORT <= number <= MAX_EFFORT:
        raise OptionError(
            f"received effort {number!r}, expected a whole number from {MIN_EFFORT} to {MAX_EFFORT}"
        )
    return Effort(weighs_symbols=number >= DEFAULT_EFFORT, refinement_steps=REFINEMENT_STEPS.get(number, 0))


def ignore_progress(share: float) -> None:
    """Do nothing."""


def progress_of_part(on_progress: OnProgress, part: int, parts: int) -> OnProgress:
    """Return a callback that reports the progress of one of several equal parts as that of the whole."""
    return lambda share: on_progress((part + share) / parts)
