"""Pictures to time codecs with: those of a folder, a sample photograph, and mosaics of any size."""

import itertools
from pathlib import Path

import numpy as np

from eval.errors import warn
from eval.images import load_all, picture_paths, spread


def sample_photograph() -> np.ndarray:
    """Return the 512x512 photograph of scikit-image, uint8 (512, 512, 3)."""
    from skimage import data

    return data.astronaut()


def load_pictures(folder: Path | None, limit: int) -> tuple[list[np.ndarray], list[str]]:
    """Load at most `limit` pictures of a folder, evenly spaced, or the sample photograph without a folder.

    Returns:
        The pictures, uint8 (H, W, 3), and one line for each chosen file that cannot be used.

    Raises:
        EvalError: if the folder does not exist, or none of the chosen files can be used.
    """
    if folder is None:
        return [sample_photograph()], []
    return load_all(spread(picture_paths(folder), limit), warn)


def mosaic(pictures: list[np.ndarray], width: int, height: int) -> np.ndarray:
    """Tile square crops of photographs, in turn and at their own resolution, into a picture of any size.

    Args:
        pictures: pictures of any sizes, uint8 (H, W, 3); every second repetition of the list is mirrored.
        width, height: size of the result in pixels.

    Returns:
        uint8 (height, width, 3).
    """
    side = min(min(picture.shape[:2]) for picture in pictures)
    result = np.empty((height, width, 3), np.uint8)
    corners = itertools.product(range(0, height, side), range(0, width, side))
    for number, (top, left) in enumerate(corners):
        turn, index = divmod(number, len(pictures))
        square = pictures[index][:side, :side]
        square = square[:, ::-1] if turn % 2 else square
        result[top : top + side, left : left + side] = square[: height - top, : width - left]
    return result
