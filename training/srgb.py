"""The transfer function of sRGB, on every backend of Keras."""

from keras import ops


def linear(images):
    """Convert sRGB to linear RGB, both floats 0..1.

    Reference: IEC 61966-2-1.

    Example:
        >>> round(float(linear(ops.ones(()) / 2)), 3)
        0.214
    """
    low = images / 12.92
    high = ((ops.maximum(images, 0.04045) + 0.055) / 1.055) ** 2.4
    return ops.where(images <= 0.04045, low, high)
