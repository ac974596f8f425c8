"""A residual generator with total variation

Three convolutions, two residual blocks and three transposed convolutions (kernel 4, stride 2) enlarge a
picture eight times: 200x200 becomes 1600x1600. Total variation keeps the result smooth in two ways: as a
term of the training loss, and as Chambolle's denoising afterwards.

Formula: TV(u) = mean of |u[i+1, j] - u[i, j]| + |u[i, j+1] - u[i, j]|. References: He et al., Deep residual
learning, 2015, arXiv 1512.03385; Johnson et al., Perceptual losses, 2016, arXiv 1603.08155; Rudin, Osher
and Fatemi 1992; Chambolle, An algorithm for total variation minimization, 2004.
"""

import keras
import numpy as np
from keras import layers, ops
from matplotlib.figure import Figure
from skimage.restoration import denoise_tv_chambolle

from demos.checks import shape
from demos.context import Context
from demos.drawing import Panel, draw_lines, draw_panels
from eval.metrics import float_psnr_db


def convolution(features, filters: int, activation: str | None = "relu"):
    """Apply Conv2D 3x3, batch normalisation and an activation, preserving the size."""
    features = layers.Conv2D(filters, 3, padding="same", use_bias=False)(features)
    # Keras' momentum of 0.99 needs hundreds of steps until inference agrees with training.
    features = layers.BatchNormalization(momentum=0.8)(features)
    return layers.Activation(activation)(features) if activation else features


def residual_block(features):
    """Add the result of two convolutions to their input."""
    filters = features.shape[-1]
    change = convolution(convolution(features, filters), filters, activation=None)
    return layers.Activation("relu")(layers.Add()([features, change]))


def residual_generator(widths: tuple[int, int, int] = (64, 128, 256), channels: int = 3) -> keras.Model:
    """Build the generator, from (N, H, W, channels) to (N, 8 H, 8 W, channels) in 0..1.

    Args:
        widths: filters of the three convolutions; the transposed convolutions reverse them.
        channels: number of channels of the pictures.

    Reference:
        Johnson et al., Perceptual losses, 2016, arXiv 1603.08155.
    """
    pictures = keras.Input((None, None, channels))
    features = pictures
    for filters in widths:
        features = convolution(features, filters)
    for _ in range(2):
        features = residual_block(features)
    for filters in (widths[1], widths[0]):
        features = layers.Conv2DTranspose(filters, 4, 2, padding="same", activation="relu")(features)
    output = layers.Conv2DTranspose(channels, 4, 2, padding="same", activation="sigmoid")(features)
    return keras.Model(pictures, output, name="residual_generator")


def total_variation(images):
    """Return the mean absolute difference of vertical neighbours plus that of horizontal neighbours.

    Args:
        images: (N, H, W, C).

    Returns:
        A scalar, differentiable.

    Reference:
        Rudin, Osher and Fatemi, Nonlinear total variation based noise removal algorithms, 1992.

    Example:
        >>> float(total_variation(np.array([0.0, 1.0, 0.0, 1.0]).reshape(1, 2, 2, 1)))
        1.0
    """
    down = ops.mean(ops.abs(images[:, 1:] - images[:, :-1]))
    across = ops.mean(ops.abs(images[:, :, 1:] - images[:, :, :-1]))
    return down + across


def smoothed(images: np.ndarray, weight: float = 0.1) -> np.ndarray:
    """Denoise every picture of a batch (N, H, W, C) by Chambolle's method; larger weights smooth more."""
    return np.stack([denoise_tv_chambolle(image, weight=weight, channel_axis=-1) for image in images])


def train(
    model: keras.Model, small: np.ndarray, large: np.ndarray, weight: float, steps: int, rate: float = 3e-3
) -> list[float]:
    """Train a generator to map `small` to `large`.

    Args:
        model: the generator.
        small: (N, H, W, C) in 0..1.
        large: (N, 8 H, 8 W, C) in 0..1.
        weight: weight of the total variation, added to the mean squared error.
        steps: number of steps, each on all pictures.
        rate: learning rate.

    Returns:
        The loss of every step.
    """

    def loss(target, output):
        return ops.mean(ops.square(target - output)) + weight * total_variation(output)

    model.compile(keras.optimizers.Adam(rate), loss)
    return model.fit(small, large, batch_size=len(small), epochs=steps, verbose=0).history["loss"]


def run(context: Context) -> None:
    """Enlarge 200x200 to 1600x1600, then train a narrow generator with and without total variation."""
    generator = residual_generator()
    picture = context.colour((200, 200))[None]
    output = generator(picture)
    context.say(
        f"widths 64, 128, 256: {generator.count_params():,} parameters, {shape(picture)} to {shape(output)}"
    )
    context.check("200 * 2**3 = 1600", output.shape == (1, 1600, 1600, 3))

    large = context.colour((128, 128))[None]
    large = np.concatenate([large, large[:, :, ::-1]])
    small = large.reshape(2, 16, 8, 16, 8, 3).mean((2, 4))
    narrow = residual_generator((12, 16, 24))
    first = train(narrow, small, large, weight=0.0, steps=60)
    start, outputs, curves = narrow.get_weights(), {}, {}
    for weight in (0.0, 0.1):  # start from the same weights, so that only the term differs
        narrow.set_weights(start)
        losses = train(narrow, small, large, weight, steps=25, rate=5e-4)
        outputs[weight] = ops.convert_to_numpy(narrow(small))
        curves[f"TV weight {weight:g}"] = first + losses
    context.check_on_sample(f"loss falls from {first[0]:.4f} to {first[-1]:.4f}", first[-1] < first[0])
    context.check_on_sample(f"with TV from {losses[0]:.4f} to {losses[-1]:.4f}", losses[-1] < losses[0])
    after = smoothed(outputs[0.0])
    shown = {"without": outputs[0.0], "TV in the loss": outputs[0.1], "TV afterwards": after}
    for name, images in shown.items():
        psnr_db = float_psnr_db(large, images, peak=1)
        context.say(f"{name:<15} TV {float(total_variation(images)):.4f}, {psnr_db:.2f} dB")
    reference = float(total_variation(outputs[0.0]))
    context.check_on_sample(
        "both ways lower the total variation",
        all(float(total_variation(images)) < reference for images in (outputs[0.1], after)),
    )
    panels = [
        Panel("16x16", small[0]),
        *(Panel(n, images[0]) for n, images in shown.items()),
        Panel("target", large[0]),
    ]
    context.save(
        draw_panels(panels, columns=5),
        "A narrow generator: plain, its last 25 of 85 steps with total variation, and smoothed afterwards.",
    )
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    draw_lines(figure.subplots(), curves, "step", "loss")
    context.save(figure, "The loss with and without the total-variation term.")
