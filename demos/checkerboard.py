"""Checkerboard artefacts

If the stride does not divide the kernel size, more weights contribute to some outputs of a transposed
convolution than to others, and a constant picture becomes a checkerboard. A divisible kernel size removes the
uneven overlap, but not uneven weights; resizing (nearest or bilinear) before a convolution removes both.

Measure: energy at the stride frequency, which is the variance of the means of the stride * stride phases.
Reference: Odena, Dumoulin and Olah, Deconvolution and checkerboard artifacts, Distill 2016.
"""

import keras
import numpy as np
from keras import layers, ops
from matplotlib.figure import Figure

from demos.checks import require_positive
from demos.context import Context
from demos.drawing import Panel, draw_panels
from demos.errors import ArgumentError

STRIDE = 2


def stride_energy(image: np.ndarray, stride: int) -> float:
    """Measure the energy of a map at the frequencies k / stride cycles per pixel, except 0.

    A pattern that repeats every `stride` pixels has only these frequencies. By Parseval's theorem, the sum of
    their squared Fourier coefficients is the variance of the means of the stride * stride phases.

    Args:
        image: (H, W); rows and columns beyond a multiple of the stride are ignored.
        stride: the period in pixels, at least 1.

    Returns:
        The energy, at least 0.

    Raises:
        ArgumentError: the stride is out of range, or larger than the map.

    Example:
        >>> stride_energy(np.array([[0, 1, 0, 1], [0, 1, 0, 1]]), 2)
        0.25
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
    """Build a model that doubles the size of (N, H, W, 1).

    Args:
        kind: one of `KINDS`.
        weights: initializer of the kernel.
        filters: channels of the output.

    Raises:
        ArgumentError: the kind is unknown.
    """
    if kind not in KINDS:
        raise ArgumentError(f"unknown kind {kind!r}, expected one of: {', '.join(KINDS)}")
    options = {"padding": "same", "kernel_initializer": weights}
    if kind.startswith("transposed"):
        return keras.Sequential([layers.Conv2DTranspose(filters, int(kind[-1]), STRIDE, **options)])
    resize = layers.UpSampling2D(STRIDE, interpolation=kind.split()[0])
    return keras.Sequential([resize, layers.Conv2D(filters, 3, **options)])


KINDS = ("transposed, kernel 3", "transposed, kernel 4", "nearest + Conv2D 3", "bilinear + Conv2D 3")


def inside(maps) -> np.ndarray:
    """Return the maps (filters, H-8, W-8) of the first picture, without the border affected by padding."""
    return ops.convert_to_numpy(maps)[0, 4:-4, 4:-4].transpose(2, 0, 1)


def relative_energy(maps: np.ndarray) -> float:
    """Return the energy at the stride frequency of maps (filters, H, W), as a fraction of all energy."""
    return float(np.mean([stride_energy(m, STRIDE) for m in maps]) / np.mean(np.square(maps)))


def run(context: Context) -> None:
    """Enlarge a constant picture and a photograph, with equal and with random weights."""
    flat_picture = np.ones((1, 24, 24, 1), np.float32)
    picture = context.gray((64, 64))[None, :, :, None]
    equal, random, panels = {}, {}, []
    for kind in KINDS:
        flat = inside(upsampler(kind, "ones")(flat_picture))
        equal[kind] = relative_energy(flat)
        random[kind] = relative_energy(inside(upsampler(kind, filters=256)(flat_picture)))
        panels.append(Panel(f"{kind}\nequal weights, constant picture", flat[0, :12, :12], "magnitude"))
    for kind in KINDS:
        panels.append(
            Panel("equal weights, photograph", inside(upsampler(kind, "ones")(picture))[0], "magnitude")
        )
    for kind in KINDS:
        panels.append(Panel("random weights, photograph", inside(upsampler(kind)(picture))[0], "signed"))
    context.say("energy at the stride frequency on a constant picture, as a fraction of all energy:")
    for kind in KINDS:
        context.say(f"  {kind:<22} equal weights {equal[kind]:.4f}, 256 random filters {random[kind]:.4f}")
    odd, divisible, *resized = KINDS
    context.check("equal weights, indivisible kernel: a checkerboard", equal[odd] > 0.1)
    context.check("equal weights, divisible kernel: none", equal[divisible] < 1e-9)
    context.check("random weights, divisible kernel: a checkerboard", random[divisible] > 0.01)
    context.check("resizing first: never", all(equal[k] + random[k] < 1e-9 for k in resized))
    context.save(
        draw_panels(panels),
        "Four ways to enlarge: equal weights on a constant picture and on a photograph, random weights.",
    )
    figure = Figure(figsize=(7, 3), layout="constrained")
    axis = figure.subplots()
    position = np.arange(len(KINDS))
    axis.bar(position - 0.2, list(equal.values()), 0.4, label="equal weights")
    axis.bar(position + 0.2, list(random.values()), 0.4, label="random weights")
    axis.set_xticks(position, KINDS, fontsize=8)
    axis.set_ylabel("fraction of the energy")
    axis.legend(fontsize=8)
    context.save(figure, "Energy at the stride frequency on a constant picture.")
