"""The order in which latents are decoded: strong channels first, a quarter of the positions at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from compressor.spec.arrays import stacked

_Number = TypeVar("_Number", bound=np.generic)
# Positions in a 2x2 pattern, diagonal first: each later cell has known neighbours on two or four sides.
CELLS = ((0, 0), (1, 1), (0, 1), (1, 0))


@dataclass(frozen=True)
class CodingPass:
    """One decoding pass: the latents that it codes, and those that its networks read.

    Attributes:
        cells: (row, column) offsets, in the 2x2 pattern of positions, of the positions that are coded.
        low, high: range of channels that are coded.
        seen: number of channels, from 0, that earlier passes coded in whole or in part and that are read.
        kernel: side of the neighbourhood that is read, in positions.
        spacing: 1, or 2 for a pass that reads and codes only even rows and columns: pattern and
            neighbourhood are those of this coarser grid.
    """

    cells: tuple[tuple[int, int], ...]
    low: int
    high: int
    seen: int
    kernel: int
    spacing: int = 1

    @classmethod
    def from_manifest(cls, entry: Mapping[str, Any]) -> CodingPass:
        """Return the pass that an entry of a manifest's "passes" describes."""
        return cls(**{**entry, "cells": tuple(map(tuple, entry["cells"]))})

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

    @property
    def reach(self) -> int:
        """How far the neighbourhood reaches from its centre, in positions."""
        return self.spacing * (self.kernel // 2)

    def surroundings(self, values: NDArray[_Number], margin: int) -> NDArray[_Number]:
        """Return a view of the values that the pass reads, on its own grid, with the margin it needs.

        Args:
            values: (h + 2 * margin, w + 2 * margin, C), zero in the margins.
            margin: at least `reach`.

        Returns:
            (h / spacing + kernel - 1, w / spacing + kernel - 1, seen).
        """
        first = margin - self.reach
        inner = slice(first, -first or None, self.spacing)
        return values[inner, inner, : self.seen]

    def gather(self, values: NDArray[_Number]) -> NDArray[_Number]:
        """Return the values of the latents that are coded, perhaps as a view: do not modify them.

        Args:
            values: (h, w, C), or (C,) if they are the same everywhere.

        Returns:
            (views, rows, columns, channels) or (channels,).
        """
        coded = slice(self.low, self.high)
        if values.ndim == 1:
            return values[coded]
        return stacked([values[(*view, coded)] for view in self.views])

    def gather_some(self, values: NDArray[_Number], positions: NDArray[np.intp]) -> NDArray[_Number]:
        """Return the values of some of the latents that are coded.

        Args:
            values: (h, w, C), or (C,) if they are the same everywhere.
            positions: their positions in a flat array of all latents that are coded, (n,).

        Returns:
            (n,).
        """
        gathered = self.gather(values)
        return gathered[positions % len(gathered)] if values.ndim == 1 else gathered.ravel()[positions]

    def scatter(self, values: NDArray[_Number], into: NDArray[_Number]) -> None:
        """Store values of the latents that are coded, as from `gather`, in an array (h, w, C)."""
        for view, of_view in zip(self.views, values, strict=True):
            into[(*view, slice(self.low, self.high))] = of_view


def coding_passes(channels: int, splits: tuple[int, ...] = (24, 96, 224)) -> tuple[CodingPass, ...]:
    """Return the passes over all channels, strong ones first, in groups that end at each of `splits`.

    The first group is coded a quarter of the positions at a time, its first quarter again a quarter at a
    time; the second group in two halves; every other group at once.

    Args:
        channels: number of latent channels.
        splits: at least two.

    Raises:
        ValueError: unless the splits rise from above 0 to below `channels`.

    Example:
        >>> len(coding_passes(512))
        11
    """
    bounds = (0, *splits, channels)
    if len(splits) < 2 or any(low >= high for low, high in pairwise(bounds)):
        raise ValueError(f"need two or more splits that rise below {channels} channels, received {splits}")
    strong, middle = splits[:2]
    first, *others = CELLS
    passes = [CodingPass((first,), 0, strong, 0, 5, spacing=2)]
    passes += [CodingPass((cell,), 0, strong, strong, 5, spacing=2) for cell in others]
    passes += [CodingPass((cell,), 0, strong, strong, 5) for cell in others]
    passes += [
        CodingPass(CELLS[:2], strong, middle, strong, 3),
        CodingPass(CELLS[2:], strong, middle, middle, 3),
    ]
    passes += [CodingPass(CELLS, low, high, low, 3) for low, high in pairwise(bounds[2:])]
    return tuple(passes)
