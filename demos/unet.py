"""U-Net with transposed convolutions

Four levels down and four up, from 64 to 1024 channels and back, with a skip at each level. Transposed
convolutions enlarge, and a sigmoid yields the mask. Four halvings require sides divisible by 16.
Trained here at an eighth of the width on the same shapes as the small model.

Reference: Ronneberger, Fischer and Brox, U-Net, 2015, arXiv 1505.04597 (here padded, so that the mask has
the size of the picture).
"""

import keras
from keras import layers

from demos.checks import require_positive
from demos.context import Context
from demos.errors import ArgumentError
from demos.segmentation import make_shapes, report

LEVELS = 4


@keras.saving.register_keras_serializable(package="demos")
class UNet(keras.Model):
    """Functional model built by `unet`, which checks the size of its input."""

    def __call__(self, images, *args, **kwargs):
        """Check the static shape. Errors in `call` would be wrapped by Keras.

        Raises:
            ArgumentError: a side is not divisible by 16.
        """
        for name, size in zip(("height", "width"), images.shape[1:3], strict=True):
            if size is not None and size % 2**LEVELS:
                raise ArgumentError(f"{name} must be divisible by {2**LEVELS}, received {size}")
        return super().__call__(images, *args, **kwargs)


def double_convolution(features, filters: int):
    """Apply two Conv2D 3x3 with ReLU, preserving the size."""
    for _ in range(2):
        features = layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal"
        )(features)
    return features


def unet(width: int = 64, channels: int = 3) -> UNet:
    """Build a U-Net from (N, H, W, channels) to a probability (N, H, W, 1), H and W divisible by 16.

    Args:
        width: channels of the first level; they double at each of four levels, 64 to 1024 by default.
        channels: number of channels of the pictures.

    Raises:
        ArgumentError: an argument is not a positive integer.

    Reference:
        Ronneberger, Fischer and Brox, U-Net, 2015, arXiv 1505.04597.
    """
    require_positive(width=width, channels=channels)
    pictures = keras.Input((None, None, channels))
    features, skips = pictures, []
    for level in range(LEVELS):
        features = double_convolution(features, width * 2**level)
        skips.append(features)
        features = layers.MaxPooling2D(2)(features)
    features = double_convolution(features, width * 2**LEVELS)
    for level in reversed(range(LEVELS)):
        features = layers.Conv2DTranspose(width * 2**level, 2, 2)(features)
        features = double_convolution(layers.Concatenate()([skips[level], features]), width * 2**level)
    return UNet(pictures, layers.Conv2D(1, 1, activation="sigmoid")(features), name="unet")


def run(context: Context) -> None:
    """Print the size of the full model, show the error for a wrong size, and train a narrow model."""
    full = unet()
    context.say(f"width 64: {full.count_params():,} parameters, 64, 128, 256, 512, 1024 channels")
    narrow = unet(width=8)
    pictures, masks = make_shapes(68, 64, context.rng)
    try:
        narrow(pictures[:1, :50])
    except ArgumentError as error:
        context.say(f"a picture of 50x64 is refused: {error}")
    report(context, narrow, keras.optimizers.Adam(2e-3), pictures, masks, epochs=12)
