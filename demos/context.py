"""The context that a demo runs in: its options, picture and random numbers, its text and figures.

Conventions: a picture is float32 in 0..1, of shape (height, width) if gray or (height, width, 3) if colour; a
batch is NHWC. This module imports neither Keras nor Matplotlib, so that listing the demos is fast.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from demos.errors import CheckError
from demos.loading import open_picture, sample_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Weights of red, green and blue in the luma of BT.601.
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass
class Context:
    """Options and results of a demo.

    Attributes:
        name: name of the demo and stem of its files.
        out: folder for figures, created when needed.
        image: a picture file, or None for the sample picture.
        seed: seed of all random numbers.
        lines: text printed so far.
        figures: (path, caption) of the figures drawn so far.
    """

    name: str
    out: Path
    image: Path | None = None
    seed: int = 0
    lines: list[str] = field(default_factory=list)
    figures: list[tuple[Path, str]] = field(default_factory=list)

    def say(self, text: str = "") -> None:
        """Print a line and keep it for the gallery."""
        print(text, flush=True)
        self.lines.append(text)

    def check(self, statement: str, holds: bool) -> None:
        """Print a statement that was tested.

        Raises:
            CheckError: the statement is false.
        """
        if not holds:
            raise CheckError(f"{self.name}: a statement is false: {statement}")
        self.say(f"  [ok] {statement}")

    def check_on_sample(self, statement: str, holds: bool) -> None:
        """Print a statement that depends on the picture, and that must be true for the sample picture only.

        Raises:
            CheckError: the statement is false for the sample picture.
        """
        if holds or self.image is None:
            self.check(statement, holds)
        else:
            self.say(f"  [not for this picture] {statement}")

    @cached_property
    def rng(self) -> np.random.Generator:
        """Return the demo's random generator."""
        return np.random.default_rng(self.seed)

    @cached_property
    def _source(self) -> Image.Image:
        return open_picture(self.image) if self.image else sample_picture()

    def colour(self, size: int | tuple[int, int]) -> np.ndarray:
        """Return the picture in colour.

        Args:
            size: (height, width) in pixels, to which the picture is cropped, a little above the centre, and
                resized; or the largest allowed side, to which larger pictures are reduced.

        Returns:
            float32 (height, width, 3) in 0..1.
        """
        picture = self._source
        if isinstance(size, tuple):
            picture = ImageOps.fit(
                picture, (size[1], size[0]), Image.Resampling.LANCZOS, centering=(0.5, 0.2)
            )
        else:
            picture = picture.copy()
            picture.thumbnail((size, size), Image.Resampling.LANCZOS)
        return np.asarray(picture, np.float32) / 255

    def gray(self, size: int | tuple[int, int]) -> np.ndarray:
        """Return the BT.601 luma of `colour(size)`, float32 (height, width) in 0..1."""
        return self.colour(size) @ LUMA_WEIGHTS

    def save(self, figure: "Figure", caption: str) -> Path:
        """Write a Matplotlib figure as PNG to the demo's folder, and return the path."""
        path = self.new_file(".png", caption)
        figure.savefig(path, dpi=110)
        return path

    def new_file(self, suffix: str, caption: str) -> Path:
        """Register the next figure and return the path that the demo has to write it to."""
        self.out.mkdir(parents=True, exist_ok=True)
        number = len(self.figures) + 1
        path = self.out / f"{self.name}{'' if number == 1 else f'-{number}'}{suffix}"
        self.figures.append((path, caption))
        return path
