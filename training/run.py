"""A training run, which can be stopped and resumed."""

import math
import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import keras

from compressor.errors import shown
from training.compile import compile_model, set_objective, set_schedule
from training.conditions import Conditions
from training.data import Crops
from training.devices import Placement, place
from training.errors import TrainingError
from training.file_names import CHECKPOINT, SETTINGS
from training.photos import Photos, load_photos
from training.precision import hardware_precision
from training.run_folder import claimed, load_checkpoint, read_provenance, step_of, write_provenance
from training.settings import Settings
from training.start import set_up, start_model
from training.watch import Keeper, Speed, Validation, tensorboard
from training.worth import MeasureWorth


def _resolved_settings(folder: Path, settings: Settings) -> tuple[Settings, bool]:
    """Return the settings of a run, and whether there is a checkpoint to resume from.

    Raises:
        TrainingError: if the folder holds a run with other settings, or one of a filter alone.
    """
    resumes = (folder / CHECKPOINT).exists()
    if resumes:
        stored = Settings.load(folder / SETTINGS)
        if "blocks" in read_provenance(folder):
            raise TrainingError(
                f"{folder} holds a filter that was trained alone, which cannot be resumed: "
                f"give a new folder, and --init {folder}"
            )
        # A resumed run keeps its precision, even on another machine.
        given = _in_whole_epochs(
            replace(
                settings,
                steps=settings.steps or stored.steps,
                precision=settings.precision or stored.precision,
            )
        )
        if not stored.steps:
            # It was stopped before its length was known.
            stored = _in_whole_epochs(replace(stored, steps=given.steps))
        if stored != given:
            raise TrainingError(
                f"{folder} holds a run with other settings ({_differences(stored, given)}): resume it with "
                "those, or give a new folder"
            )
        settings = stored
    precision = settings.precision or hardware_precision()
    return _in_whole_epochs(replace(settings, precision=precision)), resumes


def _in_whole_epochs(settings: Settings) -> Settings:
    """Limit `checkpoint_every` to the length of the run, and round the length up to whole epochs."""
    if not settings.steps:
        return settings
    epoch = min(settings.checkpoint_every, settings.steps)
    return replace(settings, checkpoint_every=epoch, steps=-(-settings.steps // epoch) * epoch)


def _differences(stored: Settings, given: Settings) -> str:
    new = asdict(given)
    changed = {name: value for name, value in asdict(stored).items() if value != new[name]}
    return ", ".join(f"{name}: it has {value!r}, received {new[name]!r}" for name, value in changed.items())


def _new_model(settings: Settings, placement: Placement, photos: Photos) -> keras.Model:
    """Return the model of a new run, ready to be trained."""
    with placement.scope():
        model = start_model(settings, photos)
        compile_model(model, settings)
    set_objective(model, settings, placement.replicas)
    return model


def _resumed_model(folder: Path, settings: Settings, placement: Placement) -> keras.Model:
    """Return the model of a run's checkpoint, ready to be trained further."""
    with placement.scope():
        model = load_checkpoint(folder / CHECKPOINT)
    # The length of the run may have been unknown when the checkpoint was written.
    set_schedule(model, settings)
    set_objective(model, settings, placement.replicas)
    return model


def steps_that_fit(done: int, epoch: int, epoch_s: float, deadline: float) -> int:
    """Return the length of a run in steps: all whole epochs that end before a deadline, at least one more.

    Args:
        done: number of steps done.
        epoch: number of steps per epoch.
        epoch_s: seconds per epoch.
        deadline: `time.time()` at which the run has to end.
    """
    return (done // epoch + max(1, int((deadline - time.time()) / epoch_s))) * epoch


@contextmanager
def _stopped_by_sigterm(keeper: Keeper) -> Iterator[None]:
    """Stop a run at the end of an epoch if the process receives SIGTERM inside the `with` block."""
    before = signal.signal(signal.SIGTERM, lambda *_: setattr(keeper, "stop", True))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def train(folder: Path, settings: Settings, conditions: Conditions = Conditions()) -> keras.Model:
    """Start or resume a run; stop after its last step, at SIGTERM, or when its time is up.

    Args:
        folder: folder of the run; created if it does not exist.
        settings: settings of the run; those of a resumed run must be the same as before. `checkpoint_every`
            is reduced to the length if it is larger; the length is then rounded up to a multiple of it. With
            0 steps, a resumed run keeps its length; a new one takes about as many as fit in its time, or
            `Settings.steps` without a limit. With an empty precision, a resumed run keeps its precision, and
            a new one uses the faster one on this machine.
        conditions: where and how long the run works.

    Returns:
        The model, with its optimizer.

    Raises:
        TrainingError: if the data cannot be used, the folder holds a run with other settings or is in use, or
            options contradict each other.
        WeightsError: if `settings.init` is a damaged export, or one of another version.
    """
    if conditions.hosts and conditions.validation:
        raise TrainingError(
            "received --validation with several hosts, expected one host: leave it out, and measure an "
            "export with python -m eval"
        )
    if conditions.hosts and math.isfinite(conditions.minutes):
        raise TrainingError(
            "received --minutes with several hosts, which have to stop at the same step: give --steps instead"
        )
    with claimed(folder) if conditions.is_first_host else nullcontext():
        return _train(folder, settings, conditions)


def _training_crops(settings: Settings, placement: Placement, photos: Photos) -> Crops:
    return Crops(
        photos,
        settings.batch,
        settings.crop,
        settings.checkpoint_every,
        seed=settings.seed,
        crops_per_photo=settings.crops_per_photo,
        share=placement.share,
        # One of four cores makes crops.
        workers=max(1, (os.cpu_count() or 1) // 4),
    )


def _monitoring(folder: Path, conditions: Conditions) -> list[keras.callbacks.Callback]:
    """Return the callbacks that write TensorBoard logs and validate; none on other hosts than the first."""
    if not conditions.is_first_host:
        return []
    callbacks = tensorboard(folder)
    if conditions.validation:
        held_out = load_photos(conditions.validation, 1, conditions.decoded_bytes)
        callbacks.append(Validation(folder, held_out, conditions.validate_every))
    return callbacks


def _train(folder: Path, settings: Settings, conditions: Conditions) -> keras.Model:
    placement = place(conditions.devices, settings.batch, conditions.hosts, settings.crops_per_photo)
    settings, resumes = _resolved_settings(folder, settings)
    set_up(settings)
    if not settings.steps and math.isinf(conditions.minutes):
        settings = _in_whole_epochs(replace(settings, steps=Settings.steps))
    photos = load_photos(settings.data, settings.crop, conditions.decoded_bytes)
    if resumes:
        if conditions.is_first_host and photos.sha256 != read_provenance(folder)["data_sha256"]:
            warnings.warn(f"{settings.data} has changed since the run in {folder} started", stacklevel=2)
        model = _resumed_model(folder, settings, placement)
    else:
        model = _new_model(settings, placement, photos)
        if conditions.is_first_host:
            write_provenance(folder, photos.sha256)
    if conditions.is_first_host:
        # Also of a resumed run, whose length may not have been known before.
        settings.save(folder / SETTINGS)
    epoch, crops = settings.checkpoint_every, _training_crops(settings, placement, photos)
    deadline = time.time() + 60 * conditions.minutes
    keeper, speed = Keeper(folder, deadline, conditions.is_first_host), Speed(crops)
    worth = MeasureWorth(photos, settings.crop, settings.crops_per_photo, at_start=bool(settings.init))
    callbacks = [worth, speed, keeper, *_monitoring(folder, conditions)]

    def fit(model: keras.Model, steps: int) -> None:
        # Set again: Keras has requested batches beyond the end of the previous fit.
        done = crops.first = step_of(model)
        model.fit(
            crops,
            initial_epoch=done // epoch,
            epochs=-(-steps // epoch),
            callbacks=callbacks,
            shuffle=False,
            verbose=2 if os.environ.get("CI") or not os.isatty(1) else 1,
        )

    with _stopped_by_sigterm(keeper):
        if not settings.steps:
            # Time the first epoch, without `MeasureWorth`, which rarely runs.
            fit(model, step_of(model) + epoch)
            steps = steps_that_fit(step_of(model), epoch, speed.epoch_s(epoch), deadline)
            settings = replace(settings, steps=steps)
            settings.save(folder / SETTINGS)
            # The end of a fit replaces the weights by their averages; the checkpoint was written before.
            model = _resumed_model(folder, settings, placement)
        if not keeper.stop:
            fit(model, settings.steps)
    if conditions.is_first_host:
        done = step_of(model)
        what_next = (
            "run the same command again to resume"
            if done < settings.steps
            else f"export it with python -m training export {shown(str(folder))}"
        )
        print(f"{done} of {settings.steps} steps done; {what_next}")
    return model
