"""Effort of the encoder. Streams of every effort decode in the same way and equally fast."""

from dataclasses import dataclass
from numbers import Integral

from compressor.errors import OptionError
from compressor.spec.constants import SAVING_SHARE

MIN_EFFORT, DEFAULT_EFFORT, MAX_EFFORT = 1, 5, 9
# Training metrics of the models that benefit from anticipation, which assumes a nearly quadratic error.
ANTICIPATED_METRICS = ("mse",)
REFINEMENT_STEPS = {6: 2, 7: 6, 8: 15, 9: 40}


@dataclass(frozen=True)
class Effort:
    """How an encoder chooses symbols.

    Attributes:
        saving_share: share of the bits saved by a smaller symbol that counts against its error; None to round
            with a dead zone. Not used if latents are moved.
        anticipates: whether latents are moved once, against the error of a simulated decoding, if the model
            benefits from it; see `compressor.coding.anticipation`.
        refinement_steps: how often latents are moved by the effect of their symbols on the decoded picture.
    """

    saving_share: float | None = SAVING_SHARE
    anticipates: bool = True
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
