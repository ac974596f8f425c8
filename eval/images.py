"""Loading of pictures as 8-bit RGB, from a folder, with a reason for each file that is left out."""

import hashlib
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from compressor.errors import CompressorError
from compressor.images.arrays import colour_array
from compressor.images.loading import load_picture, open_picture
from eval.errors import BadPicture, EvalError


@dataclass(frozen=True)
class Picture:
    """A picture of a run. Pixels are loaded when needed; `digest` is their hash."""

    path: Path
    name: str
    width: int
    height: int
    digest: str

    @property
    def num_pixels(self) -> int:
        """Return width times height."""
        return self.width * self.height


def load_rgb(path: Path, on_note: Callable[[str], None] = lambda note: None) -> np.ndarray:
    """Read the colours of a picture as the encoder does: 8 bits per channel, upright, without alpha.

    Args:
        path: an image file.
        on_note: called with a line for each thing that was reduced or left out.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        BadPicture: the file is missing, damaged, not a picture, too large, or its mode is not supported.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata, not pixels
            picture = load_picture(open_picture(path.read_bytes()), strip="all")
    except FileNotFoundError:
        reason = "a link to a file that does not exist" if path.is_symlink() else "no such file"
        raise BadPicture(f"{path}: {reason}") from None
    except OSError as error:
        raise BadPicture(f"{path}: {error.strerror}") from None
    except CompressorError as error:
        raise BadPicture(f"{path.name}: {error}") from None
    notes = picture.notes + ("alpha is left out",) * ("A" in picture.image.getbands())
    for note in notes:
        on_note(f"{path.name}: {note}")
    return colour_array(picture.image)


@lru_cache(maxsize=1)
def pixels(path: Path) -> np.ndarray:
    """Cache the last result of `load_rgb`, since a run uses each picture many times in a row."""
    image = load_rgb(path)
    image.flags.writeable = False
    return image


def is_documentation(name: str) -> bool:
    """Tell whether a file is a licence, readme or manifest, which a folder of pictures may contain.

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


def find_pictures(
    folder: Path, on_note: Callable[[str], None] = lambda note: None
) -> tuple[list[Picture], list[str]]:
    """Find the pictures of a folder, in natural order.

    Subfolders, pipes, hidden files and documentation are skipped.

    Args:
        folder: where to look.
        on_note: see `load_rgb`.

    Returns:
        The pictures, and one line for each file that cannot be used.

    Raises:
        EvalError: the folder does not exist or has no usable picture.
    """
    if not folder.is_dir():
        raise EvalError(f"{folder}: no such folder")
    pictures, problems = [], []
    for path in sorted(folder.iterdir(), key=natural_order):
        # Broken links are reported below. Reading a pipe would wait for a writer.
        is_other = path.exists() and not path.is_file()
        if is_other or path.name.startswith(".") or is_documentation(path.name):
            continue
        try:
            image = load_rgb(path, on_note)
        except BadPicture as error:
            problems.append(str(error))
            continue
        height, width = image.shape[:2]
        digest = hashlib.sha256(f"{width}x{height}:".encode() + image.tobytes()).hexdigest()
        pictures.append(Picture(path, path.name, width, height, digest))
    if not pictures:
        raise EvalError("; ".join([f"{folder}: no pictures in this folder", *problems[:3]]))
    return pictures, problems
