"""Deconvolution: undoing a blur

Richardson-Lucy, Wiener and blind deconvolution restore a picture that was blurred by a moving camera.
Richardson-Lucy improves the picture at first and then amplifies the noise, so it must be stopped in time;
Wiener needs the ratio of noise to signal. The blind method estimates kernel and picture in turn: it improves
some pictures and makes others worse.

Formulas: u <- u * (k' * (y / (k * u))), with k' the flipped kernel; U = conj(K) Y / (|K|^2 + ratio |R|^2).
References: Richardson 1972; Lucy 1974; Wiener 1949; Fish, Brinicombe, Pike and Walker, Blind deconvolution
by means of the Richardson-Lucy algorithm, J. Opt. Soc. Am. A 12, 1995.
"""

from collections.abc import Iterator
from itertools import islice
from math import cos, radians, sin

import numpy as np
from keras import ops
from matplotlib.figure import Figure

from demos.checks import require_kernel_fits, require_odd, require_positive, shape
from demos.context import Context
from demos.drawing import Panel, draw_lines, draw_panels
from demos.errors import ArgumentError
from eval.metrics import float_psnr_db

TINY = 1e-12  # avoids 0 / 0 in black areas


def motion_kernel(size: int, degrees: float) -> np.ndarray:
    """Draw an antialiased line through the centre.

    Args:
        size: side of the kernel in pixels, odd.
        degrees: direction of the motion; 0 is horizontal, 90 vertical.

    Returns:
        float32 (size, size) with a sum of 1.

    Raises:
        ArgumentError: the size is not odd.

    Example:
        >>> motion_kernel(3, 0).round(2)[1].tolist() == motion_kernel(3, 90).round(2)[:, 1].tolist()
        True
    """
    require_odd(size=size)
    y, x = np.mgrid[:size, :size] - size // 2
    along = cos(radians(degrees)) * x - sin(radians(degrees)) * y
    across = sin(radians(degrees)) * x + cos(radians(degrees)) * y
    line = np.clip(1 - abs(across), 0, 1) * (abs(along) <= size // 2)
    return (line / line.sum()).astype(np.float32)


def convolve(image, kernel):
    """Convolve (H, W) with an odd kernel (k, k) to (H, W); outside, the picture is black."""
    flipped = ops.flip(ops.convert_to_tensor(kernel, "float32"))
    images = ops.convert_to_tensor(image, "float32")[None, :, :, None]
    return ops.conv(images, flipped[:, :, None, None], padding="same")[0, :, :, 0]


def richardson_lucy_step(estimate, blurred, kernel):
    """Update an estimate (H, W) once; it stays non-negative."""
    ratio = blurred / (convolve(estimate, kernel) + TINY)
    return estimate * convolve(ratio, ops.flip(kernel))


def richardson_lucy_steps(blurred: np.ndarray, kernel: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the successive estimates of Richardson-Lucy, without end, starting from a uniform gray of 0.5.

    Args:
        blurred: (H, W) in 0..1.
        kernel: (kh, kw), the blur, of odd sides and a sum of 1.

    Yields:
        float32 (H, W) in 0..1.

    Raises:
        ArgumentError: the kernel does not fit, or has an even side.
    """
    require_kernel_fits(blurred, kernel)
    require_odd(**{"kernel height": kernel.shape[0], "kernel width": kernel.shape[1]})
    blurred, kernel = (ops.convert_to_tensor(a, "float32") for a in (blurred, kernel))
    estimate = ops.full_like(blurred, 0.5)
    while True:
        estimate = richardson_lucy_step(estimate, blurred, kernel)
        yield np.clip(ops.convert_to_numpy(estimate), 0, 1)


def richardson_lucy(blurred: np.ndarray, kernel: np.ndarray, iterations: int) -> np.ndarray:
    """Restore a picture with a fixed number of iterations.

    Args:
        blurred: (H, W) in 0..1.
        kernel: (kh, kw), the blur, of odd sides and a sum of 1.
        iterations: at least 1; more sharpen details and amplify noise.

    Returns:
        float32 (H, W) in 0..1.

    Raises:
        ArgumentError: an argument is out of range.

    Reference:
        Richardson 1972; Lucy 1974.
    """
    require_positive(iterations=iterations)
    return next(islice(richardson_lucy_steps(blurred, kernel), iterations - 1, None))


def transfer(kernel: np.ndarray, size: tuple[int, int]) -> tuple:
    """Transform a kernel, padded to (H, W) with its centre at the origin, to (real, imaginary)."""
    padded = np.zeros(size, np.float32)
    padded[: kernel.shape[0], : kernel.shape[1]] = kernel
    centred = np.roll(padded, [-(n // 2) for n in kernel.shape], axis=(0, 1))
    return ops.fft2((centred, np.zeros_like(centred)))


def wiener(
    blurred: np.ndarray, kernel: np.ndarray, noise_to_signal: float, prior: np.ndarray | None = None
) -> np.ndarray:
    """Restore a picture with the Wiener filter, treating it as periodic.

    Args:
        blurred: (H, W) in 0..1.
        kernel: (kh, kw), the blur.
        noise_to_signal: ratio of the powers of noise and picture, positive.
        prior: kernel R whose response is small for probable pictures. None treats all frequencies alike
            (R = 1); a Laplacian expects less signal at high frequencies, as in photographs.

    Returns:
        The restored picture, float32 (H, W) in 0..1.

    Raises:
        ArgumentError: the kernel does not fit, or the ratio is not positive.
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


def kernel_steps(kernel, blurred, estimate, count: int):
    """Update the kernel `count` times by Richardson-Lucy with exchanged roles, keeping its sum at 1.

    A blur is linear in the kernel, too: y = P k', where each row of P (H*W, size*size) is a window of the
    picture, and k' is the flipped kernel as a column.
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
    """Estimate picture and kernel in turn, starting from the blurred picture and a flat kernel.

    Args:
        blurred: (H, W) in 0..1.
        size: side of the kernel, odd.
        rounds: updates of the picture.
        steps: updates of the kernel before each update of the picture. One is not enough: the picture has far
            more parameters, and would absorb the blur.

    Returns:
        The picture (H, W) in 0..1 and the kernel (size, size).

    Raises:
        ArgumentError: an argument is out of range.

    Reference:
        Fish et al., Blind deconvolution by means of the Richardson-Lucy algorithm, 1995.
    """
    require_odd(size=size)
    require_positive(rounds=rounds, steps=steps)
    require_kernel_fits(blurred, np.empty((size, size)))
    blurred = ops.convert_to_tensor(np.maximum(blurred, 0), "float32")
    kernel = ops.full((size, size), 1 / size**2, dtype="float32")
    estimate = blurred + 1e-3  # multiplicative updates cannot change 0
    for _ in range(rounds):
        kernel = kernel_steps(kernel, blurred, estimate, steps)
        estimate = richardson_lucy_step(estimate, blurred, kernel)
    return np.clip(ops.convert_to_numpy(estimate), 0, 1), ops.convert_to_numpy(kernel)


def run(context: Context) -> None:
    """Blur the picture, restore it in three ways, and plot the error over the iterations."""
    kernel = motion_kernel(9, 30)
    # With a black frame as wide as half the kernel, black borders and periodic ones are equivalent.
    picture = np.pad(context.gray((128, 128)), kernel.shape[0] // 2)
    clean = ops.convert_to_numpy(convolve(picture, kernel))
    noisy = np.clip(clean + context.rng.normal(0, 0.01, clean.shape), 0, 1).astype(np.float32)
    context.say(f"picture {shape(picture)}, kernel {shape(kernel)}, noise of standard deviation 0.01")
    panels, curves = [], {}
    for name, blurred, ratio, reference in (
        ("no noise", clean, 1e-4, Panel("picture", picture)),
        ("noise 0.01", noisy, 1e-2, Panel("kernel", kernel, "magnitude")),
    ):
        before = float_psnr_db(picture, blurred, peak=1)
        curves[name] = [
            float_psnr_db(picture, u, peak=1) for u in islice(richardson_lucy_steps(blurred, kernel), 80)
        ]
        best = int(np.argmax(curves[name])) + 1
        blind, estimated = blind_deconvolution(blurred, kernel.shape[0])
        context.say(f"\n{name}: blurred {before:.2f} dB")
        panels += [reference, Panel(f"blurred, {name}: {before:.1f} dB", blurred)]
        for method, result in (
            (f"Lucy, {best} steps", richardson_lucy(blurred, kernel, best)),
            (f"Wiener, ratio {ratio:g}", wiener(blurred, kernel, ratio)),
            ("blind", blind),
        ):
            after = float_psnr_db(picture, result, peak=1)
            line = f"{method:<20} {after:.2f} dB, {after - before:+.2f} dB"
            if result is blind:
                context.say(f"  {line}")
            else:
                context.check_on_sample(f"{line}: better than blurred", after > before)
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
