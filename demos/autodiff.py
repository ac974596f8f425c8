"""Automatic differentiation: beginners' questions

The Keras and TensorFlow counterparts of unsqueeze, detach, zero_grad and no_grad, each with a statement
that is tested: axes added and removed, gradients stopped, gradients that accumulate or replace,
variables changed in place, and gradients that are silently missing.

References: Keras, keras.ops; TensorFlow, Introduction to gradients and automatic differentiation.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from keras import Variable, layers, ops
from matplotlib.figure import Figure

from demos.context import Context
from demos.drawing import draw_lines


def gradient(function: Callable, at: float) -> float | None:
    """Differentiate a scalar function with a gradient tape.

    Returns:
        The derivative at `at`; None if the function does not depend on its argument.

    Example:
        >>> gradient(lambda x: x**3, 2.0)
        12.0
    """
    x = tf.constant(at, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)  # variables are watched automatically, constants are not
        y = function(x)
    result = tape.gradient(y, x)
    return None if result is None else float(result)


def descend(steps: int, rate: float, accumulate: bool) -> list[float]:
    """Minimise x^2 by gradient descent from 1.

    Args:
        steps: number of steps.
        rate: learning rate.
        accumulate: whether to add up the gradients of all steps instead of using the newest.

    Returns:
        |x| after every step.
    """
    x, total, path = Variable(1.0), 0.0, []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = x.value**2
        new = tape.gradient(loss, x.value)
        total = total + new if accumulate else new
        x.assign(x - rate * total)
        path.append(abs(float(x)))
    return path


def run(context: Context) -> None:
    """Answer the questions one by one, testing each statement."""
    ask, check = (lambda text: context.say("\n" + text)), context.check
    x = ops.convert_to_tensor(np.arange(6, dtype=np.float32).reshape(2, 3))

    ask("unsqueeze and squeeze? expand_dims and squeeze: they add and remove axes of size 1")
    check("expand_dims((2, 3), 0) is (1, 2, 3)", ops.expand_dims(x, 0).shape == (1, 2, 3))
    check("squeeze undoes it", np.array_equal(ops.squeeze(ops.expand_dims(x, 0), 0), x))

    ask("detach? stop_gradient: it passes the value, but no gradient")
    check("d(x * x)/dx at 3 is 6", gradient(lambda v: v * v, 3.0) == 6)
    check(
        "d(x * stop_gradient(x))/dx at 3 is 3, since one factor is constant",
        gradient(lambda v: v * ops.stop_gradient(v), 3.0) == 3,
    )
    check(
        "where no gradient passes, it is None, not 0",
        gradient(lambda v: ops.stop_gradient(v) ** 2, 3.0) is None,
    )

    ask("zero_grad? not needed: a tape returns a gradient and accumulates nothing")
    check(
        "computed twice, a gradient is the same",
        [gradient(lambda v: v**2, 3.0) for _ in range(2)] == [6, 6],
    )
    replaced, accumulated = descend(30, 0.1, False), descend(30, 0.1, True)
    check("minimising x^2 with the newest gradient: |x| ends below 0.01", replaced[-1] < 0.01)
    check("with a sum that is never reset: |x| still exceeds 0.1", max(accumulated[-10:]) > 0.1)
    batch = np.linspace(-1, 1, 8, dtype=np.float32)
    halves = [gradient(lambda v, part=part: ops.sum((v - part) ** 2), 0.5) for part in np.split(batch, 2)]
    check(
        "where sums are wanted: the gradients of two half batches add up to the gradient of the batch",
        np.isclose(sum(halves), gradient(lambda v: ops.sum((v - batch) ** 2), 0.5)),
    )

    ask("retain_graph? a tape computes one gradient, with persistent=True any number")
    x3 = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x3)
        square, cube = x3**2, x3**3
    check(
        "two gradients from one tape: 6 and 27",
        (float(tape.gradient(square, x3)), float(tape.gradient(cube, x3))) == (6, 27),
    )
    with tf.GradientTape() as outer:
        outer.watch(x3)
        with tf.GradientTape() as inner:
            inner.watch(x3)
            cube = x3**3
        slope = inner.gradient(cube, x3)
    check(
        "a tape around a tape: the second derivative of x^3 at 3 is 18",
        float(outer.gradient(slope, x3)) == 18,
    )

    ask("no_grad? work outside the tape, or stop_recording inside it")
    with tf.GradientTape() as tape:
        tape.watch(x3)
        with tape.stop_recording():
            hidden = x3**2
    check("operations that were not recorded have no gradient", tape.gradient(hidden, x3) is None)

    ask("in place? tensors never change; variables do, by assign")
    try:
        x[0, 0] = 1.0
        refused = False
    except TypeError:
        refused = True
    check("x[0, 0] = 1 is refused", refused)
    changed = ops.slice_update(x, (0, 0), np.array([[9]], np.float32))
    check(
        "slice_update returns a new tensor and keeps the old one",
        float(changed[0, 0]) == 9 and float(x[0, 0]) == 0,
    )
    variable = Variable(1.0)
    same, new = variable, variable + 1
    variable.assign_add(1.0)
    check(
        "assign_add changes the variable under every name; `v + 1` is a new tensor",
        float(same) == 2 == float(new),
    )

    ask("requires_grad = False? trainable = False, before compile")
    layer = layers.Dense(1)
    layer.build((None, 3))
    layer.trainable = False
    check(
        "a frozen layer has weights, but none to train",
        len(layer.weights) == 2 and not layer.trainable_weights,
    )

    ask("no gradient at all? integers and NumPy interrupt the tape")
    check(
        "through a cast to integer: None",
        gradient(lambda v: ops.cast(ops.cast(v, "int32"), "float32"), 3.0) is None,
    )
    check("through NumPy: None", gradient(lambda v: tf.constant(np.square(v.numpy())), 3.0) is None)
    check(
        "through round: 0 or None, so codecs use a straight-through estimator", not gradient(ops.round, 2.6)
    )
    check(
        "x + stop_gradient(round(x) - x) rounds, and its derivative is 1",
        gradient(lambda v: v + ops.stop_gradient(ops.round(v) - v), 2.6) == 1,
    )

    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axis = figure.subplots()
    draw_lines(axis, {"gradients replace": replaced, "gradients accumulate": accumulated}, "step", "|x|")
    context.save(figure, "Minimising x^2: accumulated gradients overshoot repeatedly.")
