"""Deconvolution: undoing a blur

Richardson-Lucy, Wiener and blind deconvolution restore a picture that was blurred by a moving camera.
Richardson-Lucy first gains and then amplifies the noise, so when to stop is part of the method; Wiener needs
the ratio of noise to signal; the blind method knows no kernel and estimates kernel and picture in turn.

Formulas: u <- u * (k' * (y / (k * u))), with k' the flipped kernel; U = conj(K) Y / (|K|^2 + ratio |R|^2).
References: Richardson 1972; Lucy 1974; Wiener 1949; Fish, Brinicombe, Pike and Walker, Blind deconvolution
by means of the Richardson-Lucy algorithm, J. Opt. Soc. Am. A 12, 1995.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from math import cos, radians, sin

import numpy as np
from keras import ops
from matplotlib.figure import Figure

from demos.common import (
    ArgumentError,
    Context,
    psnr,
    require_kernel_fits,
    require_odd,
    require_positive,
    shape,
)
from demos.drawing import Panel, draw_lines, draw_panels

TINY = 1e-12  # keeps black areas from dividing 0 by 0


def motion_kernel(size: int, degrees: float) -> np.ndarray:
    """An antialiased line through the centre: float32 (size, size), size odd, sum 1."""
    require_odd(size=size)
    y, x = np.mgrid[:size, :size] - size // 2
    along = cos(radians(degrees)) * x - sin(radians(degrees)) * y
    across = sin(radians(degrees)) * x + cos(radians(degrees)) * y
    line = np.clip(1 - abs(across), 0, 1) * (abs(along) <= size // 2)
    return (line / line.sum()).astype(np.float32)


def convolve(image: object, kernel: object) -> object:
    """True convolution, (H, W) with (k, k), k odd, to (H, W); black outside the picture."""
    turned = ops.flip(ops.convert_to_tensor(kernel, "float32"))
    images = ops.convert_to_tensor(image, "float32")[None, :, :, None]
    return ops.conv(images, turned[:, :, None, None], padding="same")[0, :, :, 0]


def richardson_lucy_step(estimate: object, blurred: object, kernel: object) -> object:
    """One multiplicative update of the picture, which keeps it non-negative."""
    ratio = blurred / (convolve(estimate, kernel) + TINY)
    return estimate * convolve(ratio, ops.flip(kernel))


def richardson_lucy_steps(blurred: np.ndarray, kernel: np.ndarray) -> Iterator[np.ndarray]:
    """The estimates of Richardson-Lucy one after another, without end, from an even gray of 0.5."""
    require_kernel_fits(blurred, kernel)
    require_odd(**{"kernel height": kernel.shape[0], "kernel width": kernel.shape[1]})
    blurred, kernel = (ops.convert_to_tensor(a, "float32") for a in (blurred, kernel))
    estimate = ops.full_like(blurred, 0.5)
    while True:
        estimate = richardson_lucy_step(estimate, blurred, kernel)
        yield np.clip(ops.convert_to_numpy(estimate), 0, 1)


def richardson_lucy(blurred: np.ndarray, kernel: np.ndarray, iterations: int) -> np.ndarray:
    """The picture after that many iterations, (H, W) in 0..1."""
    require_positive(iterations=iterations)
    return next(islice(richardson_lucy_steps(blurred, kernel), iterations - 1, None))


def transfer(kernel: np.ndarray, size: tuple[int, int]) -> tuple[object, object]:
    """Fourier transform of a kernel padded to (H, W) with its centre at the origin: (real, imaginary)."""
    padded = np.zeros(size, np.float32)
    padded[: kernel.shape[0], : kernel.shape[1]] = kernel
    centred = np.roll(padded, [-(n // 2) for n in kernel.shape], axis=(0, 1))
    return ops.fft2((centred, np.zeros_like(centred)))


def wiener(
    blurred: np.ndarray, kernel: np.ndarray, noise_to_signal: float, prior: np.ndarray | None = None
) -> np.ndarray:
    """Wiener filter on a periodic picture.

    Args:
        blurred: (H, W) in 0..1.
        kernel: (kh, kw), the blur.
        noise_to_signal: ratio of the powers of noise and picture, above 0.
        prior: kernel R whose response measures how improbable a picture is; None for all frequencies
            alike (R = 1), a Laplacian to expect less signal at high frequencies, as pictures have.

    Returns:
        The restored picture, (H, W), clipped to 0..1.
    """
    require_kernel_fits(blurred, kernel)
    if not noise_to_signal > 0:
        raise ArgumentError(f"noise_to_signal must be positive, received {noise_to_signal!r}")
    size = blurred.shape
    real, imaginary = transfer(kernel, size)
    y_real, y_imaginary = ops.fft2((np.asarray(blurred, np.float32), np.zeros(size, np.float32)))
    r_real, r_imaginary = transfer(np.ones((1, 1)) if prior is None else prior, size)
    power = real**2 + imaginary**2 + noise_to_signal * (r_real**2 + r_imaginary**2)
    restored = ops.ifft2(
        ((real * y_real + imaginary * y_imaginary) / power, (real * y_imaginary - imaginary * y_real) / power)
    )
    return np.clip(ops.convert_to_numpy(restored[0]), 0, 1)


def kernel_steps(kernel: object, blurred: object, estimate: object, count: int) -> object:
    """Richardson-Lucy updates of the kernel: the picture plays the kernel's part. Keeps the sum at 1.

    A blur is as linear in the kernel as in the picture: y = P k', where each row of P is one window of the
    picture, shape (H*W, size*size), and k' the flipped kernel as a column.
    """
    size = kernel.shape[0]
    windows = ops.image.extract_patches(estimate[None, :, :, None], size, strides=1, padding="same")
    windows = ops.reshape(windows, (-1, size * size))
    column, target = ops.reshape(ops.flip(kernel), (-1, 1)), ops.reshape(blurred, (-1, 1))
    for _ in range(count):
        ratio = target / (windows @ column + TINY)
        column = column * (ops.transpose(windows) @ ratio)
        column = column / ops.sum(column)
    return ops.flip(ops.reshape(column, (size, size)))


def blind_deconvolution(
    blurred: np.ndarray, size: int, rounds: int = 40, steps: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate picture and kernel in turn, from the blurred picture and a flat kernel.

    Args:
        blurred: (H, W) in 0..1.
        size: side of the kernel's support, odd.
        rounds: updates of the picture.
        steps: updates of the kernel before each of those: more than one, since the picture has by far
            more freedom and would otherwise explain the blur before the kernel does.

    Returns:
        The picture (H, W) in 0..1 and the kernel (size, size).
    """
    require_odd(size=size)
    require_positive(rounds=rounds, steps=steps)
    require_kernel_fits(blurred, np.empty((size, size)))
    blurred = ops.convert_to_tensor(np.maximum(blurred, 0), "float32")
    kernel = ops.full((size, size), 1 / size**2, dtype="float32")
    estimate = blurred + 1e-3  # a multiplicative update never leaves 0
    for _ in range(rounds):
        kernel = kernel_steps(kernel, blurred, estimate, steps)
        estimate = richardson_lucy_step(estimate, blurred, kernel)
    return np.clip(ops.convert_to_numpy(estimate), 0, 1), ops.convert_to_numpy(kernel)


def run(context: Context) -> None:
    """Blur the picture, restore it in three ways, and plot the error over the iterations."""
    kernel = motion_kernel(9, 30)
    # A black frame as wide as the kernel's reach: then black outside and a periodic picture are the same.
    picture = np.pad(context.gray((128, 128)), kernel.shape[0] // 2)
    clean = ops.convert_to_numpy(convolve(picture, kernel))
    noisy = np.clip(clean + context.rng.normal(0, 0.01, clean.shape), 0, 1).astype(np.float32)
    context.say(f"picture {shape(picture)}, kernel {shape(kernel)}, noise of standard deviation 0.01")
    panels, curves = [], {}
    for name, blurred, ratio, reference in (
        ("no noise", clean, 1e-4, Panel("picture", picture)),
        ("noise 0.01", noisy, 1e-2, Panel("kernel", kernel, "magnitude")),
    ):
        before = psnr(picture, blurred)
        curves[name] = [psnr(picture, u) for u in islice(richardson_lucy_steps(blurred, kernel), 80)]
        best = int(np.argmax(curves[name])) + 1
        blind, estimated = blind_deconvolution(blurred, kernel.shape[0])
        context.say(f"\n{name}: blurred {before:.2f} dB")
        panels += [reference, Panel(f"blurred, {name}: {before:.1f} dB", blurred)]
        for method, result in (
            (f"Lucy, {best} steps", richardson_lucy(blurred, kernel, best)),
            (f"Wiener, ratio {ratio:g}", wiener(blurred, kernel, ratio)),
            ("blind", blind),
        ):
            after = psnr(picture, result)
            context.check(
                f"{method:<20} {after:.2f} dB, {after - before:+.2f} dB: better than blurred", after > before
            )
            panels.append(Panel(f"{method}: {after:.1f} dB", result))
        panels.append(Panel("kernel found blindly", estimated, "magnitude"))
        likeness = np.corrcoef(kernel.ravel(), estimated.ravel())[0, 1]
        context.say(f"  the kernel found blindly correlates {likeness:.2f} with the true one")
    context.save(
        draw_panels(panels, columns=6, size=2.2),
        "Restored from a motion blur by Richardson-Lucy, Wiener and blind deconvolution; below, with noise.",
    )
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    draw_lines(figure.subplots(), curves, "iteration of Richardson-Lucy", "PSNR (dB)")
    context.save(
        figure, "PSNR over the iterations: without noise it keeps rising, with noise it falls again."
    )
