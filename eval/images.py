"""Loading of pictures as 8-bit RGB, from a folder, with a reason for each file that is left out."""

import hashlib
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from compressor.errors import CompressorError, shown
from compressor.images.arrays import colour_array
from compressor.images.loading import load_picture, open_picture
from eval.errors import EvalError, PictureError


@dataclass(frozen=True)
class Picture:
    """A picture of a run. Its pixels are loaded when needed.

    Attributes:
        path: path of the file.
        name: name of the file as printable text, even if the file system allows other names.
        width, height: size in pixels.
        digest: hash of the pixels.
    """

    path: Path
    name: str
    width: int
    height: int
    digest: str

    @property
    def num_pixels(self) -> int:
        """Number of pixels."""
        return self.width * self.height


def load_rgb(path: Path, on_note: Callable[[str], None] = lambda note: None) -> np.ndarray:
    """Read the colours of a picture as the encoder does: 8 bits per channel, upright, without alpha.

    Args:
        path: an image file.
        on_note: called with a line for each thing that was reduced or left out.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        PictureError: if the file is missing, damaged, not a picture, too large, or its mode is not supported.
    """
    name = shown(path.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata, not pixels
            picture = load_picture(open_picture(path.read_bytes()), strip="all")
    except FileNotFoundError:
        reason = "a link to a file that does not exist" if path.is_symlink() else "no such file"
        raise PictureError(f"{shown(str(path))}: {reason}") from None
    except OSError as error:
        raise PictureError(f"{shown(str(path))}: {error.strerror}") from None
    except CompressorError as error:
        raise PictureError(f"{name}: {error}") from None
    notes = picture.notes + ("alpha is left out",) * ("A" in picture.image.getbands())
    for note in notes:
        on_note(f"{name}: {note}")
    return colour_array(picture.image)


@lru_cache(maxsize=1)
def pixels(path: Path) -> np.ndarray:
    """Return the result of `load_rgb`, cached, since a run uses each picture many times in a row."""
    image = load_rgb(path)
    image.flags.writeable = False
    return image


def is_documentation(name: str) -> bool:
    """Return whether a file is a licence, readme or manifest, which a folder of pictures may contain.

    Example:
        >>> is_documentation("LICENSE.txt"), is_documentation("1.png")
        (True, False)
    """
    return name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "README", "MANIFEST"))


def natural_order(path: Path) -> list:
    """Return a sorting key by which 2.png comes before 10.png.

    Example:
        >>> natural_order(Path("kodim10.png"))
        ['kodim', 10, '.png']
    """
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", path.name)]


def picture_paths(folder: Path) -> list[Path]:
    """List the files of a folder that may be pictures, in natural order, without opening them.

    Subfolders, pipes, hidden files and documentation are skipped.

    Raises:
        EvalError: if the folder does not exist or has no such file.
    """
    if not folder.is_dir():
        raise EvalError(f"{folder}: no such folder")

    def may_be_picture(path: Path) -> bool:
        # Broken links are included, so that they are reported. Reading a pipe would wait for a writer.
        is_other = path.exists() and not path.is_file()
        return not (is_other or path.name.startswith(".") or is_documentation(path.name))

    paths = sorted(filter(may_be_picture, folder.iterdir()), key=natural_order)
    if not paths:
        raise EvalError(f"{folder}: no pictures in this folder")
    return paths


def spread(items: list, wanted: int) -> list:
    """Return `wanted` items, evenly spaced; all of them if there are fewer.

    Example:
        >>> spread([0, 1, 2, 3, 4, 5], 2)
        [1, 4]
    """
    wanted = min(wanted, len(items))
    return [items[(2 * index + 1) * len(items) // (2 * wanted)] for index in range(wanted)]


def _readable(
    paths: list[Path], problems: list[str], on_note: Callable[[str], None]
) -> Iterator[tuple[Path, np.ndarray]]:
    """Load pictures one at a time; append a line to `problems` for each file that cannot be used."""
    for path in paths:
        try:
            yield path, load_rgb(path, on_note)
        except PictureError as error:
            problems.append(str(error))


def load_all(
    paths: list[Path], on_note: Callable[[str], None] = lambda note: None
) -> tuple[list[np.ndarray], list[str]]:
    """Load pictures.

    Args:
        paths: image files.
        on_note: see `load_rgb`.

    Returns:
        The pictures, uint8 (H, W, 3), and one line for each file that cannot be used.

    Raises:
        EvalError: if none of the files can be used.
    """
    problems: list[str] = []
    images = [image for _, image in _readable(paths, problems, on_note)]
    if not images:
        raise EvalError("; ".join([f"none of {len(paths)} chosen files can be used", *problems[:3]]))
    return images, problems


def find_pictures(
    folder: Path, on_note: Callable[[str], None] = lambda note: None
) -> tuple[list[Picture], list[str]]:
    """Find the pictures of a folder, in natural order, and read each once.

    Args:
        folder: folder of the pictures; `picture_paths` says which files are skipped.
        on_note: see `load_rgb`.

    Returns:
        The pictures, and one line for each file that cannot be used.

    Raises:
        EvalError: if the folder does not exist or has no usable picture.
    """
    pictures: list[Picture] = []
    problems: list[str] = []
    paths = picture_paths(folder)
    for path, image in _readable(paths, problems, on_note):
        height, width = image.shape[:2]
        digest = hashlib.sha256(f"{width}x{height}:".encode() + image.tobytes()).hexdigest()
        pictures.append(Picture(path, shown(path.name), width, height, digest))
    if not pictures:
        raise EvalError("; ".join([f"{folder}: none of {len(paths)} files can be used", *problems[:3]]))
    return pictures, problems
