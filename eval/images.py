"""Loading of pictures as 8-bit RGB, from a folder, with a reason for each file that is left out."""

import hashlib
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from eval.errors import BadPicture, EvalError, one_line


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


def load_rgb(path: Path, opener=Image.open) -> np.ndarray:
    """Read a picture as 8-bit RGB, upright.

    Args:
        path: an image file.
        opener: opens it, as `PIL.Image.open` does.

    Returns:
        uint8 (H, W, 3).

    Raises:
        BadPicture: the file is missing, damaged, not a picture, or cannot be represented in 8-bit RGB.
    """
    try:
        with warnings.catch_warnings(), opener(path) as image:
            warnings.simplefilter("ignore")  # about metadata, not pixels
            if image.mode == "F" or image.mode.startswith("I"):
                raise BadPicture(f"{path.name}: more than 8 bits per channel ({image.mode}) is not supported")
            if image.has_transparency_data:
                raise BadPicture(f"{path.name}: transparency is not supported; flatten the picture first")
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError:
        raise BadPicture(f"{path}: no such file") from None
    except BadPicture:
        raise
    except Image.UnidentifiedImageError:
        raise BadPicture(f"{path.name}: not a readable picture") from None
    except Exception as error:  # noqa: BLE001  Pillow's decoders raise OSError, SyntaxError, ValueError, ...
        raise BadPicture(f"{path.name}: {one_line(error)}") from None


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
    return [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", path.name)]


def find_pictures(folder: Path) -> tuple[list[Picture], list[str]]:
    """Find the pictures of a folder, in natural order.

    Subfolders, hidden files and documentation are skipped.

    Returns:
        The pictures, and one line for each file that cannot be used.

    Raises:
        EvalError: the folder does not exist or has no usable picture.
    """
    if not folder.is_dir():
        raise EvalError(f"{folder}: no such folder")
    pictures, problems = [], []
    for path in sorted(folder.iterdir(), key=natural_order):
        if path.is_dir() or path.name.startswith(".") or is_documentation(path.name):
            continue
        try:
            image = load_rgb(path)
        except BadPicture as error:
            problems.append(str(error))
            continue
        height, width = image.shape[:2]
        digest = hashlib.sha256(f"{width}x{height}:".encode() + image.tobytes()).hexdigest()
        pictures.append(Picture(path, path.name, width, height, digest))
    if not pictures:
        raise EvalError("; ".join([f"{folder}: no pictures in this folder", *problems[:3]]))
    return pictures, problems
