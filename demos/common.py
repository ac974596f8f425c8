"""Errors, argument checks, pictures, and the context that a demo runs in.

Conventions: a picture is float32 in 0..1, of shape (height, width) if gray or (height, width, 3) if colour; a
batch is NHWC. This module imports neither Keras nor Matplotlib, so that listing the demos is fast.
"""

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from compressor.errors import CompressorError
from compressor.images import loading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Weights of red, green and blue in the luma of BT.601.
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


class DemoError(CompressorError):
    """Base of all errors of the demos, with a message of one line."""


class PictureError(DemoError):
    """A file cannot be read as a picture."""


class ArgumentError(DemoError, ValueError):
    """An operation is not defined for a size, kernel or shape."""


class CheckError(DemoError):
    """A statement of a lesson is false."""


def require_positive(**values: int) -> None:
    """Check that every keyword argument is an integer of at least 1.

    Raises:
        ArgumentError: an argument is not such an integer.
    """
    _require_integers(1, "a positive integer", values)


def require_not_negative(**values: int) -> None:
    """Check that every keyword argument is an integer of at least 0.

    Raises:
        ArgumentError: an argument is not such an integer.
    """
    _require_integers(0, "an integer of 0 or more", values)


def _require_integers(minimum: int, expected: str, values: dict[str, int]) -> None:
    """Raise an ArgumentError unless all values are integers of at least `minimum`."""
    for name, value in values.items():
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < minimum:
            raise ArgumentError(f"{name} must be {expected}, received {value!r}")


def require_odd(**values: int) -> None:
    """Check that every keyword argument is a positive odd integer, as kernels with a centre need.

    Raises:
        ArgumentError: an argument is not such an integer.
    """
    require_positive(**values)
    for name, value in values.items():
        if value % 2 == 0:
            raise ArgumentError(f"{name} must be odd so that the kernel has a centre, received {value}")


def require_kernel_fits(image: np.ndarray, kernel: np.ndarray) -> None:
    """Check that both are non-empty 2-D arrays and that the kernel is not larger than the image.

    Raises:
        ArgumentError: an array is empty or not 2-D, or the kernel is too large.
    """
    for name, array in (("image", image), ("kernel", kernel)):
        if np.ndim(array) != 2 or 0 in np.shape(array):
            raise ArgumentError(f"{name} must be a non-empty 2-D array, received shape {np.shape(array)}")
    if any(k > n for k, n in zip(np.shape(kernel), np.shape(image), strict=True)):
        raise ArgumentError(f"kernel {shape(kernel)} is larger than the image {shape(image)}")


def shape(array) -> str:
    """Format the shape of an array or tensor.

    Example:
        >>> shape(np.zeros((1, 28, 28, 16)))
        '1x28x28x16'
    """
    return "x".join(str(n) for n in array.shape)


def open_picture(path: Path) -> Image.Image:
    """Read a picture file as the encoder does, as 8-bit RGB, upright, without alpha.

    Raises:
        PictureError: the file is missing, damaged, not a picture, or its mode is not supported.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings concern metadata, not pixels
            picture = loading.load_picture(loading.open_picture(path.read_bytes()), strip="all")
    except (OSError, CompressorError) as error:
        raise PictureError(f"cannot read {path} as a picture: {error}") from error
    return picture.image.convert("RGB")


def sample_picture() -> Image.Image:
    """Return the 512x512 portrait in the wheel of scikit-image, which needs no download."""
    from skimage import data

    return Image.fromarray(data.astronaut())


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
