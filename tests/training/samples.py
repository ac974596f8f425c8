"""A photograph, and damaged versions of it."""

import numpy as np
from skimage import data

KINDS = ("noise", "blur", "colour", "posterised")


def photo():
    """Return uint8 (256, 256, 3)."""
    return data.astronaut()[64:320, 96:352]


def distorted(kind):
    """Return the photo with one of the `KINDS` of damage."""
    image, random = photo().astype(float), np.random.default_rng(1)
    if kind == "noise":
        image += random.normal(0, 6, image.shape)
    elif kind == "blur":
        wide = np.pad(image, ((1, 1), (1, 1), (0, 0)), "edge")
        image = (image + wide[:-2, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]) / 4
    elif kind == "colour":
        image += [6, -4, 8]
    elif kind == "posterised":
        image = np.round(image / 16) * 16
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def on_gray(image, border):
    """Return a picture within a flat border."""
    return np.pad(image, ((border, border), (border, border), (0, 0)), constant_values=128)


def floats(*images):
    """Return pictures as a batch of floats 0..1."""
    return np.stack(images).astype("float32") / 255
