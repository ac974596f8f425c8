"""Docstrings of the demos, their text in the README, and a run of each."""

import html
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import demos
from demos.registry import NAMES, describe, run_demo

TRAINED = ("deconvolution", "residual_generator", "segmentation", "unet", "compressor")


@pytest.mark.parametrize("name", NAMES)
def test_every_demo_has_a_docstring(name):
    about = describe(name)
    assert about.title
    assert not about.title.endswith(".")
    assert len(about.summary) > 100
    assert about.summary.endswith(".")
    assert "Reference" in about.sources


def test_readme_shows_every_demo():
    folder = Path(demos.__file__).parent
    readme = html.unescape((folder / "README.md").read_text(encoding="utf-8"))
    for name in NAMES:
        pictures = list((folder / "pictures").glob(f"{name}.*"))
        assert len(pictures) == 1, f"{name} needs one picture"
        about = describe(name)
        text_of_demo = f"[`{name}`]({name}.py) | **{about.title}.** {about.summary}"
        assert f"| {text_of_demo} | ![{about.title}](pictures/{pictures[0].name}) |" in readme
        assert pictures[0].stat().st_size <= 20_000


@pytest.mark.parametrize(
    "name", [n if n not in TRAINED else pytest.param(n, marks=pytest.mark.slow) for n in NAMES]
)
@pytest.mark.filterwarnings("error:::demos.*")
def test_lessons_run(name, tmp_path):
    context = run_demo(name, tmp_path)
    assert len(context.lines) > 2
    for path, caption in context.figures:
        assert caption.count("\n") == 0
        with Image.open(path) as figure:
            assert np.asarray(figure.convert("L")).std() > 5, "an empty figure"
