"""The picture of a demo, from a file or a package, as 8-bit RGB."""

from pathlib import Path

from PIL import Image

from demos.errors import PictureError
from eval.errors import EvalError
from eval.images import load_rgb


def open_picture(path: Path) -> Image.Image:
    """Read a picture file as the encoder does, as 8-bit RGB, upright, without alpha.

    Raises:
        PictureError: the file is missing, damaged, not a picture, or its mode is not supported.
    """
    try:
        return Image.fromarray(load_rgb(path))
    except EvalError as error:
        raise PictureError(str(error)) from error


def sample_picture() -> Image.Image:
    """Return the 512x512 portrait in the wheel of scikit-image, which needs no download."""
    from skimage import data

    return Image.fromarray(data.astronaut())
