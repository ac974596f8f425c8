"""The order in which latents are decoded: strong channels first, a quarter of the positions at a time."""

from dataclasses import dataclass
from itertools import pairwise

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
        spacing: 1, or 2 for a pass that knows and codes positions in even rows and columns alone: pattern
            and neighbourhood are those of this coarser grid.
    """

    cells: tuple[tuple[int, int], ...]
    low: int
    high: int
    seen: int
    kernel: int
    spacing: int = 1

    @property
    def stride(self) -> int:
        """1 when the whole grid is coded, else 2: networks are evaluated only where a pass codes."""
        return 1 if len(self.cells) == len(CELLS) else 2

    @property
    def share(self) -> float:
        """Share of all positions that are coded."""
        return len(self.cells) / (len(CELLS) * self.spacing**2)

    @property
    def origins(self) -> tuple[tuple[int, int], ...]:
        """First positions, in the pass's own grid, of the strided views that it codes."""
        return self.cells if self.stride == 2 else CELLS[:1]

    @property
    def views(self) -> tuple[tuple[slice, slice], ...]:
        """Rows and columns of those views."""
        step = self.stride * self.spacing
        starts = [(self.spacing * row, self.spacing * column) for row, column in self.origins]
        return tuple((slice(row, None, step), slice(column, None, step)) for row, column in starts)


def coding_passes(
    channels: int, splits: tuple[int, ...] = (24, 96, 224), coarse_first: bool = True
) -> tuple[CodingPass, ...]:
    """The passes over all channels, strong ones first, in groups that end at each of `splits`.

    The first group is coded a quarter of the positions at a time, the second in two halves, every other
    group at once.

    Args:
        channels: of the latents.
        splits: at least two.
        coarse_first: whether the first quarter is itself coded a quarter at a time.

    Raises:
        ValueError: unless the splits rise from above 0 to below `channels`.
    """
    bounds = (0, *splits, channels)
    if len(splits) < 2 or any(low >= high for low, high in pairwise(bounds)):
        raise ValueError(f"need two or more splits that rise below {channels} channels, received {splits}")
    strong, middle = splits[:2]
    first, *others = CELLS
    passes = [CodingPass((first,), 0, strong, 0, 5, spacing=2 if coarse_first else 1)]
    if coarse_first:
        passes += [CodingPass((cell,), 0, strong, strong, 5, spacing=2) for cell in others]
    passes += [CodingPass((cell,), 0, strong, strong, 5) for cell in others]
    passes += [
        CodingPass(CELLS[:2], strong, middle, strong, 3),
        CodingPass(CELLS[2:], strong, middle, middle, 3),
    ]
    passes += [CodingPass(CELLS, low, high, low, 3) for low, high in pairwise(bounds[2:])]
    return tuple(passes)
