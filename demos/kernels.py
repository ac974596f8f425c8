"""Classical kernels on one picture

Sobel, Scharr, Prewitt, Roberts, gradient, Laplacian, Gaussian, Laplacian of Gaussian, sharpening, a
horizontal-edge kernel and Canny side by side. The response of an edge filter has a sign: show it with a
signed colour map or as a magnitude. A cast to uint8 wraps -1 to 255 and paints dark edges white.

References: Prewitt 1970; Sobel and Feldman 1968; Scharr, Optimale Operatoren in der Digitalen
Bildverarbeitung, 2000; Marr and Hildreth, Theory of edge detection, 1980; Canny, A computational
approach to edge detection, 1986.
"""

import keras
import numpy as np
from skimage import feature

from demos.checks import require_kernel_fits, require_odd, shape
from demos.context import Context
from demos.drawing import Panel, draw_panels
from demos.errors import ArgumentError


def _kernel(rows: list[list[float]], divisor: float = 1.0) -> np.ndarray:
    return np.array(rows, np.float32) / np.float32(divisor)


# Derivatives along x; transpose the kernels for derivatives along y. They are normalised so that the response
# to a ramp of slope 1 is 1. The kernels of Roberts take derivatives along the two diagonals.
DERIVATIVES = {
    "gradient": _kernel([[-1, 0, 1]], 2),
    "Prewitt": _kernel([[-1, 0, 1]] * 3, 6),
    "Sobel": _kernel([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], 8),
    "Scharr": _kernel([[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]], 32),
}
ROBERTS = (_kernel([[1, 0], [0, -1]]), _kernel([[0, 1], [-1, 0]]))
LAPLACIAN = _kernel([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
SHARPEN = _kernel([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
HORIZONTAL_EDGE = _kernel([[1, 1, 1], [0, 0, 0], [-1, -1, -1]])


def _squared_radius(size: int, sigma: float) -> np.ndarray:
    """Check the arguments and return the squared distances from the centre."""
    require_odd(size=size)
    if not sigma > 0:
        raise ArgumentError(f"sigma must be positive, received {sigma!r}")
    position = np.arange(size) - size // 2
    return (position[:, None] ** 2 + position[None, :] ** 2).astype(np.float64)


def gaussian(size: int, sigma: float) -> np.ndarray:
    """Sample the Gaussian exp(-r^2 / (2 sigma^2)).

    Args:
        size: side of the kernel in pixels, odd.
        sigma: standard deviation in pixels, above 0.

    Returns:
        float32 (size, size) with a sum of 1.

    Raises:
        ArgumentError: size or sigma is out of range.

    Example:
        >>> kernel = gaussian(5, 1.0)
        >>> kernel.shape, round(float(kernel.sum()), 4)
        ((5, 5), 1.0)
    """
    weights = np.exp(-_squared_radius(size, sigma) / (2 * sigma**2))
    return (weights / weights.sum()).astype(np.float32)


def laplacian_of_gaussian(size: int, sigma: float) -> np.ndarray:
    """Sample (r^2 - 2 sigma^2) / sigma^4 times the Gaussian, shifted so that flat areas give 0.

    Args:
        size: side of the kernel in pixels, odd.
        sigma: standard deviation in pixels, above 0.

    Returns:
        float32 (size, size) with a sum of 0.

    Raises:
        ArgumentError: size or sigma is out of range.

    Reference:
        Marr and Hildreth, Theory of edge detection, 1980.
    """
    r2 = _squared_radius(size, sigma)
    weights = (r2 - 2 * sigma**2) / sigma**4 * gaussian(size, sigma)
    return (weights - weights.mean()).astype(np.float32)


def correlate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Correlate a picture with a kernel.

    The picture is mirrored at its border, where zeros would act like an edge.

    Args:
        image: (H, W).
        kernel: (kh, kw), not larger than the image.

    Returns:
        The signed response, float32 (H, W).

    Raises:
        ArgumentError: the kernel does not fit.

    Example:
        >>> ramp = np.tile(np.arange(5.0, dtype=np.float32), (3, 1))
        >>> correlate(ramp, DERIVATIVES["gradient"])[1].tolist()
        [0.5, 1.0, 1.0, 1.0, 0.5]
    """
    require_kernel_fits(image, kernel)
    kh, kw = kernel.shape
    border = (((kh - 1) // 2, kh // 2), ((kw - 1) // 2, kw // 2))
    padded = keras.ops.pad(keras.ops.cast(image, "float32"), border, mode="symmetric")
    response = keras.ops.conv(padded[None, :, :, None], kernel[:, :, None, None], padding="valid")
    return keras.ops.convert_to_numpy(response)[0, :, :, 0]


def magnitude(image: np.ndarray, kernel_x: np.ndarray, kernel_y: np.ndarray) -> np.ndarray:
    """Return sqrt(gx^2 + gy^2) of the responses to two kernels, float32 (H, W)."""
    return np.hypot(correlate(image, kernel_x), correlate(image, kernel_y))


def run(context: Context) -> None:
    """Draw the response of every filter, then one response shown correctly and incorrectly."""
    image = context.gray(256)
    panels = [Panel(f"picture {shape(image)}", image)]
    for name, kernel in DERIVATIVES.items():
        panels.append(Panel(f"{name} magnitude", magnitude(image, kernel, kernel.T), "magnitude"))
    panels += [
        Panel("Roberts magnitude", magnitude(image, *ROBERTS), "magnitude"),
        Panel("Laplacian (signed)", correlate(image, LAPLACIAN), "signed"),
        Panel("Laplacian of Gaussian 9, 1.4", correlate(image, laplacian_of_gaussian(9, 1.4)), "signed"),
        Panel("Gaussian 9, sigma 2", correlate(image, gaussian(9, 2.0))),
        Panel("sharpened", correlate(image, SHARPEN)),
        Panel("horizontal edges (signed)", correlate(image, HORIZONTAL_EDGE), "signed"),
        Panel("Canny (scikit-image), sigma 2", feature.canny(image, sigma=2.0)),
    ]
    for panel in panels[1:]:
        values = np.asarray(panel.image, np.float32)
        context.say(f"{panel.title:<32} range {values.min():+.3f} .. {values.max():+.3f}")
    context.save(
        draw_panels(panels), "Twelve views of one picture: smoothing, edges, and Canny's thin lines."
    )

    context.say("\nPitfall: a signed response cast to uint8.")
    response = np.round(correlate(image, HORIZONTAL_EDGE) * 255).astype(np.int16)
    wrapped = response.astype(np.uint8)
    negative = response < 0
    context.say(f"{negative.mean():.0%} of the values are negative, the lowest is {response.min()}")
    context.check(
        "the cast shows them modulo 256: -1 becomes 255, as bright as the strongest edge",
        bool(np.all(wrapped[negative] == response[negative] % 256)) and np.int16(-1).astype(np.uint8) == 255,
    )
    context.save(
        draw_panels(
            [
                Panel("wrong: cast to uint8", wrapped / 255),
                Panel("right: signed colours", response, "signed"),
                Panel("right: magnitude", abs(response), "magnitude"),
            ],
            columns=3,
            size=3.2,
        ),
        "The response to horizontal edges: wrapped by a cast to uint8, and shown correctly in two ways.",
    )
