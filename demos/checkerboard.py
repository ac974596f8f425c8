"""Checkerboard artefacts

Where the stride does not divide the kernel, a transposed convolution lays more weights on some output pixels
than on others, and an even picture comes out as a checkerboard. A divisible kernel removes the uneven
overlap, not the uneven weights; resizing first (nearest or bilinear) and then convolving removes both.

Measure: energy at the stride frequency, which is the variance of the means of the stride * stride phases.
Reference: Odena, Dumoulin and Olah, Deconvolution and checkerboard artifacts, Distill 2016.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops
from matplotlib.figure import Figure

from demos.common import ArgumentError, Context, require_positive
from demos.drawing import Panel, draw_panels

STRIDE = 2


def stride_energy(image: np.ndarray, stride: int) -> float:
    """Energy of a map at the frequencies k / stride cycles per pixel, zero excluded.

    A pattern that repeats every `stride` pixels lives on these frequencies alone. By Parseval the sum of
    their squared Fourier coefficients is the variance of the stride * stride phase means.

    Args:
        image: (H, W); what exceeds a multiple of the stride is ignored.
        stride: the period in question, at least 1.
    """
    require_positive(stride=stride)
    rows, columns = (n // stride for n in image.shape)
    if rows * columns == 0:
        raise ArgumentError(f"a map of {image.shape[0]}x{image.shape[1]} is smaller than the stride {stride}")
    cells = np.asarray(image, np.float64)[: rows * stride, : columns * stride]
    return float(cells.reshape(rows, stride, columns, stride).mean((0, 2)).var())


def upsampler(
    kind: str, weights: str | keras.Initializer = "glorot_uniform", filters: int = 1
) -> keras.Sequential:
    """A layer or two that enlarge (N, H, W, 1) twice; `kind` is one of KINDS."""
    if kind not in KINDS:
        raise ArgumentError(f"unknown kind {kind!r}, expected one of: {', '.join(KINDS)}")
    options = {"padding": "same", "kernel_initializer": weights}
    if kind.startswith("transposed"):
        return keras.Sequential([layers.Conv2DTranspose(filters, int(kind[-1]), STRIDE, **options)])
    resize = layers.UpSampling2D(STRIDE, interpolation=kind.split()[0])
    return keras.Sequential([resize, layers.Conv2D(filters, 3, **options)])


KINDS = ("transposed, kernel 3", "transposed, kernel 4", "nearest + Conv2D 3", "bilinear + Conv2D 3")


def inside(maps: object) -> np.ndarray:
    """The maps (filters, H-8, W-8) of the first picture, without the border where padding shows."""
    return ops.convert_to_numpy(maps)[0, 4:-4, 4:-4].transpose(2, 0, 1)


def relative_energy(maps: np.ndarray) -> float:
    """Energy at the stride frequency as a share of all energy, over maps (filters, H, W)."""
    return float(np.mean([stride_energy(m, STRIDE) for m in maps]) / np.mean(np.square(maps)))


def run(context: Context) -> None:
    """Enlarge an even picture with equal and with random weights, then a photograph."""
    even = np.ones((1, 24, 24, 1), np.float32)
    picture = context.gray((64, 64))[None, :, :, None]
    equal, random, panels = {}, {}, []
    for kind in KINDS:
        flat = inside(upsampler(kind, "ones")(even))
        equal[kind] = relative_energy(flat)
        random[kind] = relative_energy(inside(upsampler(kind, filters=256)(even)))
        panels.append(Panel(f"{kind}\nequal weights, even picture", flat[0, :12, :12], "magnitude"))
    for kind in KINDS:
        panels.append(
            Panel("equal weights, photograph", inside(upsampler(kind, "ones")(picture))[0], "magnitude")
        )
    for kind in KINDS:
        panels.append(Panel("random weights, photograph", inside(upsampler(kind)(picture))[0], "signed"))
    context.say("energy at the stride frequency, share of all, on an even picture:")
    for kind in KINDS:
        context.say(f"  {kind:<22} equal weights {equal[kind]:.4f}, 256 random filters {random[kind]:.4f}")
    odd, divisible, *resized = KINDS
    context.check(
        "a kernel that the stride does not divide shows it even with equal weights", equal[odd] > 0.1
    )
    context.check("a divisible kernel does not", equal[divisible] < 1e-9)
    context.check("but with random weights it does too", random[divisible] > 0.01)
    context.check("resizing first never does", all(equal[k] + random[k] < 1e-9 for k in resized))
    context.save(
        draw_panels(panels),
        "Four ways to enlarge: equal weights on an even picture and on a photograph, random weights.",
    )
    figure = Figure(figsize=(7, 3), layout="constrained")
    axis = figure.subplots()
    position = np.arange(len(KINDS))
    axis.bar(position - 0.2, list(equal.values()), 0.4, label="equal weights")
    axis.bar(position + 0.2, list(random.values()), 0.4, label="random weights")
    axis.set_xticks(position, KINDS, fontsize=8)
    axis.set_ylabel("share of the energy")
    axis.legend(fontsize=8)
    context.save(figure, "Energy at the stride frequency on an even picture.")
