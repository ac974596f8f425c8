"""A training run: steps until an end, from a folder that can be stopped and resumed."""

import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

import keras

from training.data import Crops
from training.devices import Hosts, place
from training.errors import TrainingError
from training.photos import DECODED_BYTES, load_photos
from training.run_folder import CHECKPOINT, SETTINGS, Settings, load_checkpoint, step_of, write_provenance
from training.start import compile_model, set_objective, set_schedule, set_up, start_model
from training.watch import Keeper, Speed, Validation, tensorboard


@dataclass(frozen=True)
class Conditions:
    """Where and how long a run works, and how it is watched: what does not decide its result.

    Attributes:
        minutes: stop after so long.
        devices: of this machine, to share each batch among.
        hosts: several machines.
        validation: source of held-out pictures; empty for no validation.
        validate_every: steps.
        decoded_bytes: memory for decoded photographs.
    """

    minutes: float = float("inf")
    devices: int = 1
    hosts: Hosts | None = None
    validation: str = ""
    validate_every: int = 1000
    decoded_bytes: int = DECODED_BYTES


def _prepare(folder: Path, settings: Settings) -> tuple[Settings, bool]:
    """Make the folder, or check that it holds this run; its settings, and whether there is a checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    resumes = (folder / CHECKPOINT).exists()
    if resumes:
        stored = Settings.load(folder / SETTINGS)
        if stored != replace(settings, steps=settings.steps or stored.steps):
            raise TrainingError(
                f"{folder} holds a run with other settings; resume it as it was or name a new one"
            )
        settings = stored
    set_up(settings)
    return settings, resumes


def steps_that_fit(done: int, steps_per_s: float, deadline: float, epoch: int) -> int:
    """Whole epochs up to the deadline, one more than is done at least."""
    return max(done // epoch + 1, int(done + steps_per_s * (deadline - time.time())) // epoch) * epoch


def train(folder: Path, settings: Settings, conditions: Conditions = Conditions()) -> keras.Model:
    """Run or resume until `settings.steps` steps are done, a signal arrives, or the time is up.

    Args:
        folder: of the run; made if need be.
        settings: must be those that the folder holds, if it holds a run; with 0 steps, the length of a new
            run is what fits in the time, and that of a run that goes on what it was.
        conditions: where and how long.

    Raises:
        TrainingError: if the data cannot be used, or the folder holds a run of other settings.
    """
    if conditions.hosts and conditions.validation:
        raise TrainingError("--validation is for runs on one host; validate its checkpoints on another")
    if conditions.hosts and not settings.steps:
        raise TrainingError("hosts that train together stop together: give --steps")
    placement = place(conditions.devices, settings.batch, conditions.hosts)
    settings, resumes = _prepare(folder, settings)
    photos = load_photos(settings.data, settings.crop, conditions.decoded_bytes)
    first_host = placement.share[0] == 0
    with placement.scope():
        if resumes:
            model = load_checkpoint(folder / CHECKPOINT)
        else:
            model = start_model(settings, photos)
            compile_model(model, settings)
    set_objective(model, settings, placement.replicas)
    if not resumes and first_host:
        settings.save(folder / SETTINGS)
        write_provenance(folder, settings)
    done = step_of(model)
    epoch = settings.checkpoint_every
    crops = Crops(
        photos,
        settings.batch,
        settings.crop,
        epoch,
        first=done,
        seed=settings.seed,
        share=placement.share,
        # Of four cores one cuts crops.
        workers=max(1, (os.cpu_count() or 1) // 4),
    )
    deadline = time.time() + 60 * conditions.minutes
    keeper, speed = Keeper(folder, deadline, first_host), Speed(crops)
    callbacks = [speed, keeper]
    if first_host:
        callbacks += tensorboard(folder)
        if conditions.validation:
            held_out = load_photos(conditions.validation, 1, conditions.decoded_bytes)
            callbacks.append(Validation(folder, held_out, conditions.validate_every))
    signal.signal(signal.SIGTERM, lambda *_: setattr(keeper, "stop", True))

    def fit(steps: int) -> None:
        model.fit(
            crops,
            initial_epoch=step_of(model) // epoch,
            epochs=-(-steps // epoch),
            callbacks=callbacks,
            shuffle=False,
            verbose=2 if os.environ.get("CI") or not os.isatty(1) else 1,
        )

    if not settings.steps:
        # The first epoch tells how long a step takes.
        fit(done + epoch)
        steps = steps_that_fit(step_of(model), speed.speed / settings.batch, deadline, epoch)
        settings = replace(settings, steps=steps)
        settings.save(folder / SETTINGS)
        set_schedule(model, settings)
    if not keeper.stop:
        fit(settings.steps)
    return model
