"""Callbacks of a run: checkpoints, logs, speed, validation."""

import importlib.util
import time
from collections import deque
from pathlib import Path

import keras

from training.file_names import CHECKPOINT, LOG, TENSORBOARD
from training.run_folder import append_row, join_saving, save_checkpoint, step_of
from training.validation import validate

MEASURED_BATCHES = 3
RECENT_STEPS = 20


def pipeline_speed(crops: keras.utils.PyDataset) -> float:
    """Return the images per second that one worker of a data set makes."""
    start = time.perf_counter()
    for index in range(MEASURED_BATCHES):
        crops[index]
    return MEASURED_BATCHES * crops.batch / (time.perf_counter() - start)


class Speed(keras.callbacks.Callback):
    """Add `images_per_s` of the latest steps to the logs; print the speed of the input pipeline once.

    Args:
        crops: data set of the run.
    """

    def __init__(self, crops: keras.utils.PyDataset):
        super().__init__()
        self.crops, self.reported, self.recent = crops, False, deque(maxlen=RECENT_STEPS)
        self.has_compiled = False

    def on_train_begin(self, logs=None):
        self.input_speed = pipeline_speed(self.crops)
        self.recent.clear()
        self.has_compiled = False

    def on_epoch_begin(self, epoch, logs=None):
        self.last = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if not self.has_compiled and self.recent:
            # The first step of a fit includes compilation, which takes far longer than a step.
            self.recent.clear()
            self.has_compiled = True
        self.recent.append(now - self.last)
        self.last = now
        self._add_to(logs)
        if len(self.recent) == RECENT_STEPS:
            self._report()

    def on_epoch_end(self, epoch, logs=None):
        self._add_to(logs)
        self._report()
        self.last = time.perf_counter()

    def _add_to(self, logs):
        self.speed = self.crops.batch * len(self.recent) / sum(self.recent)
        if logs is not None:
            logs["images_per_s"] = round(self.speed, 2)

    def epoch_s(self, steps: int) -> float:
        """Return the time of an epoch in seconds: its steps, and the work after the latest epoch."""
        return steps * self.crops.batch / self.speed + time.perf_counter() - self.last

    def _report(self):
        if not self.reported:
            workers = max(1, self.crops.workers)
            each = f"{self.input_speed:.0f} images/s on each of {workers} workers"
            print(f"\ninput pipeline {each}, training {self.speed:.1f} images/s", flush=True)
        self.reported = True


class Keeper(keras.callbacks.Callback):
    """Write a checkpoint and a row of the log after each epoch, and stop the run when its time is up.

    Args:
        folder: folder of the run.
        deadline: `time.time()` after which to stop.
        writes: whether this host writes the files.

    Attributes:
        stop: set to True to stop after the current epoch.
    """

    def __init__(self, folder: Path, deadline: float, writes: bool):
        super().__init__()
        self.folder, self.deadline, self.writes, self.stop = folder, deadline, writes, False

    def on_epoch_end(self, epoch, logs=None):
        if self.writes:
            save_checkpoint(self.model, self.folder / CHECKPOINT)
            step = step_of(self.model)
            append_row(self.folder / LOG, {"step": step, "time": round(time.time(), 1), **(logs or {})})
        else:
            join_saving(self.model)
        if self.stop or time.time() > self.deadline:
            self.model.stop_training = True


class Validation(keras.callbacks.Callback):
    """Validate the checkpoint of every epoch in which a multiple of `every` steps was reached.

    Args:
        folder: folder of the run; an earlier callback has to write its checkpoint.
        photos: held-out pictures, uint8 (H, W, 3).
        every: number of steps between validations.
    """

    def __init__(self, folder: Path, photos, every: int):
        super().__init__()
        self.folder, self.photos, self.every = folder, photos, every

    def on_train_begin(self, logs=None):
        self.last = step_of(self.model)

    def on_epoch_end(self, epoch, logs=None):
        step = step_of(self.model)
        if step // self.every > self.last // self.every:
            validate(self.folder, self.photos)
        self.last = step


def tensorboard(folder: Path) -> list[keras.callbacks.Callback]:
    """Return the callback that writes TensorBoard logs, if TensorBoard is installed.

    Args:
        folder: folder of the run.
    """
    if not all(importlib.util.find_spec(name) for name in ("tensorflow", "tensorboard")):
        return []
    return [keras.callbacks.TensorBoard(str(folder / TENSORBOARD), write_graph=False)]
