"""A training run: a folder with its settings, checkpoint and log, that can be stopped and resumed."""

import csv
import os
import signal
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from compressor.models import build_model
from training.data import Crops, load_photos
from training.errors import TrainingError
from training.schedule import WarmConstantCosine

ADAPT_CROPS = 96
CHECKPOINT, SETTINGS, LOG = "checkpoint.keras", "settings.toml", "log.csv"


@dataclass(frozen=True)
class Settings:
    """What decides a run's result; kept as TOML in the run folder."""

    data: str
    model: str = "flagship"
    transforms: bool = True
    steps: int = 20000
    batch: int = 8
    crop: int = 128
    learning_rate: float = 1e-3
    tail: float = 0.4
    precision: str = "float32"
    init: str = ""
    seed: int = 1
    checkpoint_every: int = 250

    def portable(self) -> dict[str, object]:
        """Without paths, which mean nothing on another machine."""
        return {key: value for key, value in asdict(self).items() if key not in ("data", "init")}

    def save(self, path: Path) -> None:
        lines = [f"{key} = {_toml(value)}" for key, value in asdict(self).items()]
        path.write_text("\n".join(lines) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Settings":
        return cls(**tomllib.loads(path.read_text()))


def _toml(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)


def save_checkpoint(model: keras.Model, path: Path) -> None:
    """Write the whole state (weights, optimizer, averages, step), atomically."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    model.save(temporary)
    os.replace(temporary, path)


def averaged_weights(model: keras.Model) -> None:
    """Replace a compiled model's weights by their exponential moving average: what is exported."""
    model.optimizer.finalize_variable_values(model.trainable_variables)


class _Keeper(keras.callbacks.Callback):
    """Checkpoint and log line after each epoch; stops at the epoch after a signal or the time limit."""

    def __init__(self, folder: Path, deadline: float):
        super().__init__()
        self.folder, self.deadline, self.stop = folder, deadline, False

    def on_epoch_end(self, epoch, logs=None):
        save_checkpoint(self.model, self.folder / CHECKPOINT)
        row = {"step": int(self.model.optimizer.iterations), "time": round(time.time(), 1), **(logs or {})}
        path = self.folder / LOG
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if new:
                writer.writeheader()
            writer.writerow(row)
        if self.stop or time.time() > self.deadline:
            self.model.stop_training = True


def start_model(settings: Settings, photos: list[np.ndarray]) -> keras.Model:
    """A compiled model at step 0: adapted to the photos, or with the weights of `settings.init`."""
    options = {} if settings.transforms else {"transforms": False}
    model = build_model(settings.model, **options)
    if settings.init:
        source = keras.saving.load_model(settings.init)
        averaged_weights(source)
        model.build()
        for target, value in zip(model.weights, source.weights, strict=True):
            target.assign(value)
        return model
    crops = Crops(photos, ADAPT_CROPS, settings.crop, 1, seed=settings.seed)
    model.adapt(crops[0][0]["images"])
    return model


def train(folder: Path, settings: Settings, minutes: float = float("inf")) -> keras.Model:
    """Run or resume until `settings.steps` steps are done, a signal arrives, or the time is up.

    Raises:
        TrainingError: if the data cannot be used, or the folder holds a run of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists() and Settings.load(folder / SETTINGS) != settings:
        raise TrainingError(
            f"{folder} holds a run with other settings; resume it as it was or name a new one"
        )
    keras.utils.set_random_seed(settings.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if settings.precision == "bfloat16" else "float32")
    photos = load_photos(settings.data, settings.crop)
    if checkpoint.exists():
        model = keras.saving.load_model(checkpoint)
    else:
        settings.save(folder / SETTINGS)
        model = start_model(settings, photos)
        optimizer = keras.optimizers.Adam(
            WarmConstantCosine(settings.learning_rate, settings.steps, tail=settings.tail),
            beta_2=0.99,
            global_clipnorm=2.0,
            use_ema=True,
            ema_momentum=0.999,
        )
        model.compile(optimizer=optimizer, jit_compile="auto" if keras.backend.backend() == "jax" else False)
    done = int(model.optimizer.iterations)
    epoch = settings.checkpoint_every
    keeper = _Keeper(folder, time.time() + 60 * minutes)
    signal.signal(signal.SIGTERM, lambda *_: setattr(keeper, "stop", True))
    crops = Crops(photos, settings.batch, settings.crop, epoch, first=done, seed=settings.seed)
    model.fit(
        crops,
        initial_epoch=done // epoch,
        epochs=-(-settings.steps // epoch),
        callbacks=[keeper],
        shuffle=False,
        verbose=2 if os.environ.get("CI") or not os.isatty(1) else 1,
    )
    return model
