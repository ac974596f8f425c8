"""Effort of the encoder. Streams of every effort decode in the same way and equally fast."""

from dataclasses import dataclass
from numbers import Integral

from compressor.errors import OptionError

MIN_EFFORT, DEFAULT_EFFORT, MAX_EFFORT = 1, 5, 9


@dataclass(frozen=True)
class Effort:
    """How an encoder moves latents before their symbols are chosen.

    Attributes:
        max_quick_moves: largest number of quick moves; None for as many as the model asks for. The number of
            the model is never exceeded.
        refinement_steps: number of moves after these, by the gradient through the whole synthesis.
    """

    max_quick_moves: int | None = None
    refinement_steps: int = 0

    def quick_moves(self, of_model: int) -> int:
        """Return the number of quick moves with a model that asks for `of_model` of them."""
        return of_model if self.max_quick_moves is None else min(of_model, self.max_quick_moves)


_EFFORTS = {
    1: Effort(0),
    2: Effort(0),
    3: Effort(1),
    4: Effort(2),
    5: Effort(),
    6: Effort(refinement_steps=2),
    7: Effort(refinement_steps=6),
    8: Effort(refinement_steps=15),
    9: Effort(refinement_steps=40),
}


def effort_of(number: int) -> Effort:
    """Return the meaning of an effort of 1 to 9.

    Raises:
        OptionError: if it is not one of them.
    """
    if isinstance(number, bool) or not isinstance(number, Integral) or not MIN_EFFORT <= number <= MAX_EFFORT:
        raise OptionError(
            f"received effort {number!r}, expected a whole number from {MIN_EFFORT} to {MAX_EFFORT}"
        )
    return _EFFORTS[int(number)]
