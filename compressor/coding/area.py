"""Rectangles of a picture, or of the grid of its latents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of pixels or of latent positions; not empty.

    Attributes:
        top, left: its first row and column, from 0.
        bottom, right: the row and column after its last.
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the area in an array of shape (H, W, ...)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def cut(self, size: int) -> Iterator[Area]:
        """Parts of at most size x size, in rows from the top, left to right."""
        for top in range(self.top, self.bottom, size):
            for left in range(self.left, self.right, size):
                yield Area(top, left, min(top + size, self.bottom), min(left + size, self.right))

    def widened(self, halo: int, bounds: Area) -> Area:
        """The area extended by `halo` on every side, within `bounds`."""
        more = Area(self.top - halo, self.left - halo, self.bottom + halo, self.right + halo)
        return more.common(bounds)

    def common(self, other: Area) -> Area:
        """The intersection of two areas that overlap."""
        return Area(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )

    def meets(self, other: Area) -> bool:
        """Return whether two areas overlap."""
        return (
            self.top < other.bottom
            and other.top < self.bottom
            and self.left < other.right
            and other.left < self.right
        )

    def within(self, whole: Area) -> Area:
        """The area relative to the top left corner of another that contains it."""
        return Area(
            self.top - whole.top, self.left - whole.left, self.bottom - whole.top, self.right - whole.left
        )

    def scaled(self, factor: int) -> Area:
        """The same area in units `factor` times finer: latent positions to pixels."""
        return Area(self.top * factor, self.left * factor, self.bottom * factor, self.right * factor)

    def covering(self, factor: int) -> Area:
        """The smallest area that contains this one, in units `factor` times coarser: pixels to positions."""
        return Area(
            self.top // factor, self.left // factor, -(-self.bottom // factor), -(-self.right // factor)
        )
