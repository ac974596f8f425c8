"""What every demo shares: errors, argument checks, pictures, and the context that it runs in.

Conventions: a picture is float32 in 0..1, shape (height, width) for gray or (height, width, 3) for
colour; a batch is NHWC. This module imports neither Keras nor Matplotlib, so that listing is quick.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DemoError(Exception):
    """Base of every error that the demos raise on purpose: one line, received / expected."""


class PictureError(DemoError):
    """The file given with --image cannot be read as a picture."""


class ArgumentError(DemoError, ValueError):
    """A size, kernel or shape is outside what the operation is defined for."""


class CheckError(DemoError):
    """A statement that the lesson makes did not hold."""


def require_positive(**values: int) -> None:
    """Raise ArgumentError unless every keyword argument is an integer of at least 1."""
    for name, value in values.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
            raise ArgumentError(f"{name} must be a positive integer, received {value!r}")


def require_not_negative(**values: int) -> None:
    """Raise ArgumentError unless every keyword argument is an integer of at least 0."""
    for name, value in values.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 0:
            raise ArgumentError(f"{name} must be an integer of 0 or more, received {value!r}")


def require_odd(**values: int) -> None:
    """Raise ArgumentError unless every keyword argument is a positive odd integer (it needs a centre)."""
    require_positive(**values)
    for name, value in values.items():
        if value % 2 == 0:
            raise ArgumentError(f"{name} must be odd so that the kernel has a centre, received {value}")


def require_kernel_fits(image: np.ndarray, kernel: np.ndarray) -> None:
    """Raise ArgumentError unless both are non-empty 2-D arrays and the kernel lies inside the image."""
    for name, array in (("image", image), ("kernel", kernel)):
        if np.ndim(array) != 2 or 0 in np.shape(array):
            raise ArgumentError(f"{name} must be a non-empty 2-D array, received shape {np.shape(array)}")
    if any(k > n for k, n in zip(np.shape(kernel), np.shape(image), strict=True)):
        raise ArgumentError(f"kernel {shape(kernel)} is larger than the image {shape(image)}")


def shape(array: object) -> str:
    """The shape of an array or tensor as text, such as 3x3 or 1x28x28x16."""
    return "x".join(str(n) for n in array.shape)


def psnr(reference: np.ndarray, picture: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two pictures in 0..1: -10 log10(mean squared error)."""
    error = np.mean((np.asarray(reference, np.float64) - np.asarray(picture, np.float64)) ** 2)
    return float("inf") if error == 0 else float(-10 * np.log10(error))


def open_picture(path: Path) -> Image.Image:
    """Read a picture file upright and in 8-bit RGB. Raises PictureError with one line."""
    try:
        with warnings.catch_warnings(), Image.open(path) as file:
            warnings.simplefilter("ignore")  # damaged metadata is no reason to refuse the pixels
            file.load()
            upright = ImageOps.exif_transpose(file)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(f"cannot read {path} as a picture: {error}") from error
    if upright.mode.startswith("I"):  # Pillow clips 16-bit gray instead of scaling it
        upright = Image.fromarray((np.asarray(upright, np.float32) / 257).clip(0, 255).astype(np.uint8))
    return upright.convert("RGB")


def sample_picture() -> Image.Image:
    """The portrait that scikit-image carries in its wheel: no download."""
    from skimage import data

    return Image.fromarray(data.astronaut())


@dataclass
class Context:
    """What a demo gets: its options, and where it puts what it has to say and to show.

    Attributes:
        name: the demo's name, which is also the stem of its files.
        out: the folder for figures, made when first needed.
        image: a picture file, or None for the sample picture.
        seed: seed of every random number of the demo.
        lines: what was said so far. figures: (path, caption) of what was drawn so far.
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
        """Say a statement that was tested. Raises CheckError where it does not hold."""
        if not holds:
            raise CheckError(f"{self.name}: this should hold and does not: {statement}")
        self.say(f"  [ok] {statement}")

    @cached_property
    def rng(self) -> np.random.Generator:
        """The demo's random numbers."""
        return np.random.default_rng(self.seed)

    @cached_property
    def _source(self) -> Image.Image:
        return open_picture(self.image) if self.image else sample_picture()

    def colour(self, size: int | tuple[int, int]) -> np.ndarray:
        """The picture as float32 (height, width, 3) in 0..1.

        Args:
            size: an integer: the longer side is at most that (never enlarged); or (height, width):
                cropped to that shape, above the middle where portraits have the face, and resized to it.
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
        """The same as `colour` in one channel: ITU-R BT.601 luma, float32 (height, width) in 0..1."""
        return self.colour(size) @ np.array([0.299, 0.587, 0.114], np.float32)

    def save(self, figure: Figure, caption: str) -> Path:
        """Write a Matplotlib figure as PNG into the demo's folder."""
        path = self.new_file(".png", caption)
        figure.savefig(path, dpi=110)
        return path

    def new_file(self, suffix: str, caption: str) -> Path:
        """The path for the demo's next figure, for demos that write the file themselves."""
        self.out.mkdir(parents=True, exist_ok=True)
        number = len(self.figures) + 1
        path = self.out / f"{self.name}{'' if number == 1 else f'-{number}'}{suffix}"
        self.figures.append((path, caption))
        return path
