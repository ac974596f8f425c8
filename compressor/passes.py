"""The order in which latents are decoded: strong channels first, a quarter of the positions at a time."""

from dataclasses import dataclass

# Positions in a 2x2 pattern, diagonal first: each later cell has known neighbours on two or four sides.
CELLS = ((0, 0), (1, 1), (0, 1), (1, 0))


@dataclass(frozen=True)
class CodingPass:
    """One decoding pass: which latents it codes, and which it may look at.

    Attributes:
        cells: (row, column) offsets in the 2x2 pattern of positions that are coded.
        low, high: range of channels that are coded.
        seen: channels 0..seen were coded, wholly or in part, by earlier passes and are visible.
        kernel: size of the neighbourhood that is looked at.
    """

    cells: tuple[tuple[int, int], ...]
    low: int
    high: int
    seen: int
    kernel: int

    @property
    def stride(self) -> int:
        """1 when every position is coded, else 2: networks are evaluated only where a pass codes."""
        return 1 if len(self.cells) == len(CELLS) else 2


def coding_passes(channels: int, strong: int = 24, middle: int = 96) -> tuple[CodingPass, ...]:
    """Seven passes: `strong` channels in four quarters, up to `middle` in two halves, then the rest.

    Raises:
        ValueError: unless 0 < strong < middle < channels.
    """
    if not 0 < strong < middle < channels:
        raise ValueError(
            f"need 0 < strong < middle < channels, received strong={strong}, middle={middle}, "
            f"channels={channels}"
        )
    quarters = [CodingPass((cell,), 0, strong, strong if k else 0, 5) for k, cell in enumerate(CELLS)]
    halves = [
        CodingPass(CELLS[:2], strong, middle, strong, 3),
        CodingPass(CELLS[2:], strong, middle, middle, 3),
    ]
    return (*quarters, *halves, CodingPass(CELLS, middle, channels, middle, 3))
