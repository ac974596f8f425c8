"""Effort of the encoder. Streams of every effort decode in the same way and equally fast."""

from dataclasses import dataclass
from numbers import Integral

from compressor.errors import OptionError
from compressor.spec.constants import SAVING_SHARE

MIN_EFFORT, DEFAULT_EFFORT, MAX_EFFORT = 1, 5, 9
REFINEMENT_STEPS = {6: 2, 7: 6, 8: 15, 9: 40}


@dataclass(frozen=True)
class Effort:
    """How an encoder chooses symbols.

    Attributes:
        saving_share: share of the bits saved by a smaller symbol that counts against its error; None to round
            with a dead zone. Not used if latents are moved.
        uses_quick_moves: whether latents are first moved quickly, as often as the model was trained for.
        refinement_steps: how often latents are moved by the gradient through the whole synthesis.
    """

    saving_share: float | None = SAVING_SHARE
    uses_quick_moves: bool = True
    refinement_steps: int = 0


def effort_of(number: int) -> Effort:
    """Return the meaning of an effort of 1 to 9.

    Raises:
        OptionError: if it is not one of them.
    """
    if isinstance(number, bool) or not isinstance(number, Integral) or not MIN_EFFORT <= number <= MAX_EFFORT:
        raise OptionError(
            f"received effort {number!r}, expected a whole number from {MIN_EFFORT} to {MAX_EFFORT}"
        )
    weighs = number >= DEFAULT_EFFORT
    return Effort(SAVING_SHARE if weighs else None, weighs, REFINEMENT_STEPS.get(number, 0))
