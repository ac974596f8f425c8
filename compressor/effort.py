"""How hard the encoder tries: any effort's stream decodes the same way, and as fast."""

from collections.abc import Callable
from dataclasses import dataclass

from compressor.errors import OptionError

# Called with the share of the work that is done, 0..1.
OnProgress = Callable[[float], object]

MIN_EFFORT, DEFAULT_EFFORT, MAX_EFFORT = 1, 5, 9
REFINEMENT_STEPS = {6: 4, 7: 12, 8: 24, 9: 48}


@dataclass(frozen=True)
class Effort:
    """What an encoder does beyond one run of the networks.

    Attributes:
        weighs_symbols: whether each symbol's bits are weighed against its error, or it is only rounded.
        refinement_steps: how often all symbols are looked at again in the decoded picture.
    """

    weighs_symbols: bool = True
    refinement_steps: int = 0


DEFAULT = Effort()
# For latents that are decoded ones already: what they were rounded to is found again.
ROUNDED = Effort(weighs_symbols=False)


def effort_of(number: int) -> Effort:
    """What an effort of 1 to 9 stands for.

    Raises:
        OptionError: if it is not one of them.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not MIN_EFFORT <= number <= MAX_EFFORT:
        raise OptionError(
            f"received effort {number!r}, expected a whole number from {MIN_EFFORT} to {MAX_EFFORT}"
        )
    return Effort(weighs_symbols=number >= DEFAULT_EFFORT, refinement_steps=REFINEMENT_STEPS.get(number, 0))


def ignore_progress(share: float) -> None:
    """For who does not want to know."""


def progress_of_part(on_progress: OnProgress, part: int, parts: int) -> OnProgress:
    """What reports the progress of one of several equal parts as that of the whole."""
    return lambda share: on_progress((part + share) / parts)
