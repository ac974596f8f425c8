"""Segmentation with one skip

A small Conv2D / Conv2DTranspose model marks shapes in 64x64 pictures. A skip joins the fine features of the
encoder to the coarse ones of the decoder, and the Dice loss counts overlap instead of pixels, so that a small
shape on a large background still matters. Adadelta trains it for a few steps.

Formula: Dice = (2 |A B| + 1) / (|A| + |B| + 1), loss = 1 - Dice. References: Milletari et al., V-Net, 2016,
arXiv 1606.04797; Zeiler, Adadelta, 2012, arXiv 1212.5701.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops
from matplotlib.figure import Figure

from demos.common import Context, require_positive, shape
from demos.drawing import Panel, draw_lines, draw_panels


def make_shapes(count: int, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of one disc and one rectangle each on a noisy background, with the mask of both.

    Returns:
        Pictures float32 (count, size, size, 3) in 0..1 and masks float32 (count, size, size, 1), 0 or 1.
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


def dice_coefficient(target: object, output: object) -> object:
    """(2 sum(t o) + 1) / (sum t + sum o + 1) over all pixels, averaged over the batch: 1 is perfect.

    The ones keep an empty mask that is answered by an empty mask at 1 instead of 0 / 0.
    """
    axes = (1, 2, 3)
    target = ops.cast(target, output.dtype)
    overlap = ops.sum(target * output, axes)
    return ops.mean((2 * overlap + 1) / (ops.sum(target, axes) + ops.sum(output, axes) + 1))


def dice_loss(target: object, output: object) -> object:
    """1 - dice_coefficient."""
    return 1 - dice_coefficient(target, output)


def segmentation_model() -> keras.Model:
    """64x64x3 to a 64x64x1 probability: twice down, twice up, one skip at half resolution."""
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
    batch_size: int = 16,
) -> dict[str, list[float]]:
    """Train with Dice loss; return the loss and the Dice coefficient of every epoch."""
    model.compile(optimizer, dice_loss, metrics=[dice_coefficient])
    return model.fit(pictures, masks, batch_size, epochs, verbose=0).history


def report(
    context: Context,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    pictures: np.ndarray,
    masks: np.ndarray,
    epochs: int,
) -> None:
    """Train on all but the last four pictures, print the curve, and draw what the model says of those."""
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
    panels += [Panel("model", o[..., 0]) for o in unseen]
    context.save(
        draw_panels(panels, size=1.7), f"Unseen shapes, their masks and the model's answer: Dice {score:.2f}."
    )
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    draw_lines(figure.subplots(), {"Dice loss": losses, "Dice coefficient": scores}, "epoch", "")
    context.save(figure, "Dice loss and Dice coefficient over the epochs.")


def run(context: Context) -> None:
    """Train the small model on generated shapes."""
    pictures, masks = make_shapes(132, 64, context.rng)
    # Adadelta finds its own step sizes, so its paper has no learning rate: that is 1 here. Keras' default
    # of 0.001 would slow it down a thousandfold.
    report(context, segmentation_model(), keras.optimizers.Adadelta(1.0), pictures, masks, epochs=20)
