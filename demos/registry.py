"""The list of demos. A demo is a module of this package whose docstring is its title, one paragraph of
summary and its sources, and which defines `run(context)`. Nothing is imported before it is run."""

from __future__ import annotations

import ast
import importlib
from dataclasses import dataclass
from pathlib import Path

from demos.common import ArgumentError, Context

# In the order of reading: each lesson uses only what those above it have shown.
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
    """A demo's title, its one paragraph, and where it comes from."""

    name: str
    title: str
    summary: str
    sources: str


def describe(name: str) -> Description:
    """Read a demo's docstring without importing the demo (and so without importing Keras)."""
    if name not in NAMES:
        raise ArgumentError(f"unknown demo {name!r}, expected one of: {', '.join(NAMES)}")
    source = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    title, summary, *sources = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")
    return Description(
        name, title.rstrip("."), " ".join(summary.split()), " ".join(" ".join(sources).split())
    )


def run_demo(name: str, out: Path, image: Path | None = None, seed: int = 0) -> Context:
    """Run one demo and return its context with everything that it said and drew."""
    about = describe(name)
    context = Context(name, out, image, seed)
    if image is not None:
        context.colour(1)  # a file that is no picture is refused before anything slow is imported
    import keras

    keras.utils.set_random_seed(seed)
    context.say(f"{name}: {about.title}")
    importlib.import_module(f"demos.{name}").run(context)
    return context
