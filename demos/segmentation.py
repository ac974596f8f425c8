"""Segmentation with one skip

A small Conv2D / Conv2DTranspose model marks shapes in 64x64 pictures. A skip joins the fine features of the
encoder to the coarse ones of the decoder, and the Dice loss measures overlap instead of counting pixels, so
that small shapes on a large background matter. Adadelta trains it for a few steps.

Formula: Dice = (2 |A B| + 1) / (|A| + |B| + 1), loss = 1 - Dice. References: Milletari et al., V-Net, 2016,
arXiv 1606.04797; Zeiler, Adadelta, 2012, arXiv 1212.5701.
"""

import keras
import numpy as np
from keras import layers, ops
from matplotlib.figure import Figure

from demos.checks import require_positive, shape
from demos.context import Context
from demos.drawing import Panel, draw_lines, draw_panels


def make_shapes(count: int, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a disc and a rectangle on noisy backgrounds.

    Args:
        count: number of pictures.
        size: side of the pictures, in pixels.
        rng: source of positions, colours and noise.

    Returns:
        Pictures, float32 (count, size, size, 3) in 0..1, and masks of the shapes, float32
        (count, size, size, 1), 0 or 1.

    Raises:
        ArgumentError: count or size is not a positive integer.

    Example:
        >>> pictures, masks = make_shapes(2, 32, np.random.default_rng(0))
        >>> pictures.shape, masks.shape
        ((2, 32, 32, 3), (2, 32, 32, 1))
    """
    require_positive(count=count, size=size)
    y, x = np.mgrid[:size, :size]
    pictures = np.empty((count, size, size, 3), np.float32)
    masks = np.zeros((count, size, size, 1), np.float32)
    for picture, mask in zip(pictures, masks, strict=True):
        row, column = rng.uniform(0.2 * size, 0.8 * size, 2)
        disc = (y - row) ** 2 + (x - column) ** 2 < rng.uniform(0.08 * size, 0.2 * size) ** 2
        top, left = rng.uniform(0, 0.7 * size, 2)
        height, width = rng.uniform(0.1 * size, 0.3 * size, 2)
        rectangle = (y >= top) & (y < top + height) & (x >= left) & (x < left + width)
        background, first, second = rng.uniform(0, 0.4, 3), rng.uniform(0.5, 1, 3), rng.uniform(0.5, 1, 3)
        picture[:] = np.where(disc[..., None], first, np.where(rectangle[..., None], second, background))
        mask[disc | rectangle] = 1
    pictures += rng.normal(0, 0.1, pictures.shape)
    return pictures.clip(0, 1), masks


def dice_coefficient(target, output):
    """Compute (2 sum(t o) + 1) / (sum t + sum o + 1) over all pixels, averaged over the batch.

    The ones avoid 0 / 0: two empty masks agree perfectly.

    Args:
        target, output: (N, H, W, C) in 0..1.

    Returns:
        A scalar in 0..1; 1 for equal masks.

    Reference:
        Milletari et al., V-Net, 2016, arXiv 1606.04797.

    Example:
        >>> float(dice_coefficient(np.zeros((1, 2, 2, 1)), np.zeros((1, 2, 2, 1))))
        1.0
    """
    axes = (1, 2, 3)
    target = ops.cast(target, output.dtype)
    overlap = ops.sum(target * output, axes)
    return ops.mean((2 * overlap + 1) / (ops.sum(target, axes) + ops.sum(output, axes) + 1))


def dice_loss(target, output):
    """Return 1 - dice_coefficient."""
    return 1 - dice_coefficient(target, output)


def segmentation_model() -> keras.Model:
    """Build a model from (N, 64, 64, 3) to a probability (N, 64, 64, 1), with a skip at half resolution."""
    pictures = keras.Input((64, 64, 3))
    half = layers.Conv2D(16, 3, 2, padding="same", activation="relu")(pictures)
    quarter = layers.Conv2D(32, 3, 2, padding="same", activation="relu")(half)
    deep = layers.Conv2D(32, 3, padding="same", activation="relu")(quarter)
    up = layers.Conv2DTranspose(16, 4, 2, padding="same", activation="relu")(deep)
    joined = layers.Concatenate()([up, half])
    output = layers.Conv2DTranspose(1, 4, 2, padding="same", activation="sigmoid")(joined)
    return keras.Model(pictures, output, name="segmentation")


def train(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    pictures: np.ndarray,
    masks: np.ndarray,
    epochs: int,
) -> dict[str, list[float]]:
    """Train with the Dice loss, and return `loss` and `dice_coefficient` of every epoch."""
    model.compile(optimizer, dice_loss, metrics=[dice_coefficient])
    return model.fit(pictures, masks, batch_size=16, epochs=epochs, verbose=0).history


def report(
    context: Context,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    pictures: np.ndarray,
    masks: np.ndarray,
    epochs: int,
) -> None:
    """Train on all but the last four pictures, and draw the loss and the masks predicted for those four."""
    method = type(optimizer).__name__
    context.say(f"{model.name}: {model.count_params():,} parameters, {len(pictures) - 4} pictures, {method}")
    history = train(model, optimizer, pictures[:-4], masks[:-4], epochs)
    losses, scores = history["loss"], history["dice_coefficient"]
    context.check(
        f"loss falls from {losses[0]:.3f} to {losses[-1]:.3f} in {epochs} epochs", losses[-1] < losses[0]
    )
    unseen = ops.convert_to_numpy(model(pictures[-4:]))
    score = float(dice_coefficient(masks[-4:], unseen))
    context.say(
        f"{shape(pictures[-4:])} to {shape(unseen)}: Dice {scores[-1]:.3f} in training, {score:.3f} unseen"
    )
    panels = [Panel("picture", p) for p in pictures[-4:]]
    panels += [Panel("mask", m[..., 0]) for m in masks[-4:]]
    panels += [Panel("prediction", o[..., 0]) for o in unseen]
    context.save(
        draw_panels(panels, size=1.7), f"Unseen shapes, their masks and the predictions: Dice {score:.2f}."
    )
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    draw_lines(figure.subplots(), {"Dice loss": losses, "Dice coefficient": scores}, "epoch", "")
    context.save(figure, "Dice loss and Dice coefficient over the epochs.")


def run(context: Context) -> None:
    """Train the small model on generated shapes."""
    pictures, masks = make_shapes(132, 64, context.rng)
    # Adadelta as published has no learning rate, which corresponds to a rate of 1. Keras' default is 0.001, a
    # thousand times slower.
    report(context, segmentation_model(), keras.optimizers.Adadelta(1.0), pictures, masks, epochs=20)
