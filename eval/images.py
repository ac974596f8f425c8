"""Pictures in: a folder of files to 8-bit RGB arrays, with a reason for every file left out."""

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
    """One picture of a run; the pixels are loaded where they are needed, not kept."""

    path: Path
    name: str
    width: int
    height: int
    digest: str

    @property
    def num_pixels(self) -> int:
        return self.width * self.height


def load_rgb(path: Path, opener=Image.open) -> np.ndarray:
    """Read a picture as 8-bit RGB, HWC.

    Raises:
        BadPicture: not a picture, broken, or of a kind whose comparison in 8-bit RGB would lie.
    """
    try:
        with warnings.catch_warnings(), opener(path) as image:
            warnings.simplefilter("ignore")  # Pillow's remarks about odd metadata: not about pixels
            if image.mode == "F" or image.mode.startswith("I"):
                raise BadPicture(f"{path.name}: more than 8 bits a channel ({image.mode}) is not compared")
            if image.has_transparency_data:
                raise BadPicture(f"{path.name}: transparency is not compared; flatten it first")
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError:
        raise BadPicture(f"{path}: no such file") from None
    except BadPicture:
        raise
    except Image.UnidentifiedImageError:
        raise BadPicture(f"{path.name}: not a picture that can be read") from None
    except Exception as error:  # noqa: BLE001  Pillow's decoders raise OSError, SyntaxError, ValueError, ...
        raise BadPicture(f"{path.name}: {one_line(error)}") from None


@lru_cache(maxsize=1)
def pixels(path: Path) -> np.ndarray:
    """`load_rgb` that remembers the last picture: a run asks for the same one many times in a row."""
    image = load_rgb(path)
    image.flags.writeable = False
    return image


def is_paperwork(name: str) -> bool:
    """Files that lie beside every set of pictures; leaving them out is no failure."""
    return name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "README", "MANIFEST"))


def natural_order(path: Path) -> list:
    return [int(part) if part.isdigit() else part.lower() for part in re.split(r"(\d+)", path.name)]


def find_pictures(folder: Path) -> tuple[list[Picture], list[str]]:
    """All pictures of a folder, and one line for each file that is none.

    Folders, hidden files, and licences and such are passed over.

    Raises:
        EvalError: no such folder, or nothing in it that can be compared.
    """
    if not folder.is_dir():
        raise EvalError(f"{folder}: no such folder")
    pictures, problems = [], []
    for path in sorted(folder.iterdir(), key=natural_order):
        if path.is_dir() or path.name.startswith(".") or is_paperwork(path.name):
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
