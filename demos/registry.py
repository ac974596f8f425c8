"""The list of demos.

A demo is a module of this package that defines `run(context)` and whose docstring has a title, a paragraph of
summary, and sources. A demo is imported only when it runs.
"""

import ast
import importlib
from dataclasses import dataclass
from pathlib import Path

from compressor.errors import one_line
from demos.context import Context
from demos.errors import ArgumentError, DemoError

# In reading order: each lesson builds on the earlier ones.
NAMES = (
    "convolve",
    "kernels",
    "conv2d",
    "conv2d_transpose",
    "arithmetic",
    "transpose_by_hand",
    "fractional_stride",
    "deconvolution",
    "residual_generator",
    "segmentation",
    "unet",
    "checkerboard",
    "autodiff",
    "animations",
    "compressor",
)


@dataclass(frozen=True)
class Description:
    """The docstring of a demo, in parts."""

    name: str
    title: str
    summary: str
    sources: str


def describe(name: str) -> Description:
    """Parse a demo's docstring without importing it, and hence without importing Keras.

    Raises:
        ArgumentError: the name is unknown.

    Example:
        >>> describe("unet").title
        'U-Net with transposed convolutions'
    """
    if name not in NAMES:
        raise ArgumentError(f"unknown demo {name!r}, expected one of: {', '.join(NAMES)}")
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    title, _, rest = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")
    summary, _, sources = rest.partition("\n\n")
    return Description(name, title.rstrip("."), " ".join(summary.split()), " ".join(sources.split()))


def run_demo(name: str, out: Path, image: Path | None = None, seed: int = 0) -> Context:
    """Run one demo.

    Args:
        name: one of `NAMES`.
        out: folder for figures.
        image: a picture file, or None for the sample picture.
        seed: seed of all random numbers, in 0..2**32 - 1.

    Returns:
        The context, with the text and figures of the demo.

    Raises:
        DemoError: the name or the picture is wrong, Keras cannot be imported or uses a backend other than
            TensorFlow, or a statement of the lesson is false.
    """
    about = describe(name)
    context = Context(name, out, image, seed)
    if image is not None:
        context.colour(1)  # fails on a bad file before the slow imports
    try:
        import keras
    except (ImportError, ValueError) as error:
        # Keras raises a ValueError for the name of a backend that it does not know.
        raise DemoError(
            f"Keras cannot be imported ({one_line(error)}): pip install '.[demos,train]', and set "
            "KERAS_BACKEND=tensorflow"
        ) from error
    if keras.backend.backend() != "tensorflow":
        raise DemoError(
            f"received the Keras backend {keras.backend.backend()}, expected tensorflow: "
            "set KERAS_BACKEND=tensorflow"
        )
    keras.utils.set_random_seed(seed)
    context.say(f"{name}: {about.title}")
    importlib.import_module(f"demos.{name}").run(context)
    return context
