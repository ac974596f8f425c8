"""The transfer function of sRGB, on every backend of Keras."""

from keras import ops

from compressor.images.srgb import EXPONENT, KNEE, LINE_SLOPE, SHIFT, SLOPE


def linear(images):
    """Convert sRGB to linear RGB, both floats 0..1; see `compressor.images.srgb`.

    Example:
        >>> round(float(linear(ops.ones(()) / 2)), 3)
        0.214
    """
    high = ((ops.maximum(images, KNEE) + SHIFT) / SLOPE) ** EXPONENT
    return ops.where(images <= KNEE, images / LINE_SLOPE, high)
