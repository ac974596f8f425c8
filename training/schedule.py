"""Learning rate schedule of a run."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="training")
class WarmConstantCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then constant, then half a cosine down to zero.

    Args:
        peak: highest learning rate.
        steps: length of the run.
        warm_up: number of steps until the peak.
        tail: share of the run, at its end, in which the rate falls.
    """

    def __init__(self, peak: float, steps: int, warm_up: int = 200, tail: float = 0.4):
        self.peak, self.steps, self.warm_up, self.tail = peak, steps, warm_up, tail

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rise = ops.minimum(1.0, (step + 1) / self.warm_up)
        into_tail = ops.clip((step / self.steps - (1 - self.tail)) / self.tail, 0.0, 1.0)
        return self.peak * rise * 0.5 * (1 + ops.cos(math.pi * into_tail))

    def get_config(self):
        return {"peak": self.peak, "steps": self.steps, "warm_up": self.warm_up, "tail": self.tail}
