"""The files of a run folder: provenance, checkpoint, log, and the lock on the folder."""

import csv
import errno
import os
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
from filelock import FileLock, Timeout

import compressor
from compressor.atomic import atomic_path, remove_stale_temporaries
from compressor.errors import one_line
from compressor.models.registry import FAMILIES
from training.errors import TrainingError
from training.file_names import CHECKPOINT, LOCK, PROVENANCE
from training.settings import write_toml

# Errors of network file systems that do not support locks.
_LOCKS_NOT_SUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep other processes from training in a folder.

    Args:
        folder: folder of the run; created if it does not exist.

    Raises:
        TrainingError: if another process is training in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise TrainingError(
            f"another process is training in {folder}: wait for it to finish, or give another folder"
        ) from error
    except OSError as error:
        if error.errno not in _LOCKS_NOT_SUPPORTED:
            raise
    remove_stale_temporaries(folder)
    try:
        yield
    finally:
        lock.release()


def git_commit(folder: Path = Path(__file__).parent) -> str:
    """Return the commit of a checkout, with `-dirty` if files differ from it; "" outside a checkout."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--match="]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def write_provenance(folder: Path, data_sha256: str, **more: object) -> None:
    """Write the versions of code and data that a run starts with.

    Args:
        folder: folder of the run.
        data_sha256: digest of the data; see `training.photos.Photos`.
        more: further values to write, by name.
    """
    values = {
        "compressor": compressor.__version__,
        "git_commit": git_commit(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "data_sha256": data_sha256,
        **more,
    }
    write_toml(folder / PROVENANCE, values)


def read_provenance(folder: Path) -> dict[str, object]:
    """Return the values that `write_provenance` has written, by name.

    Raises:
        TrainingError: if the file is missing or damaged.
    """
    path = folder / PROVENANCE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return values | {"data_sha256": str(values["data_sha256"])}
    except (OSError, KeyError, ValueError) as error:
        raise TrainingError(
            f"{path} cannot be read, or has no data_sha256 ({one_line(error)}): "
            "restore it, or start a new run"
        ) from error


def save_checkpoint(model: keras.Model, path: Path) -> None:
    """Write the whole state of a model (weights, optimizer, averages, step), atomically."""
    with atomic_path(path, suffix=path.suffix) as temporary:
        model.save(temporary)


def join_saving(model: keras.Model) -> None:
    """Take part in saving a model whose file another host writes: all hosts have to read shared weights."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / CHECKPOINT)


def load_checkpoint(path: Path) -> keras.Model:
    """Return the compiled model of a checkpoint.

    Raises:
        TrainingError: if the file is not a checkpoint, or is damaged.
    """
    # Keras must know all classes in a checkpoint before it is read.
    import training.muon
    import training.schedule  # noqa: F401

    custom_objects = {f"compressor>{family.model.__name__}": family.model for family in FAMILIES.values()}
    try:
        return keras.saving.load_model(path, custom_objects=custom_objects)
    except Exception as error:
        # Keras raises exceptions of many types, depending on which part of the file is damaged.
        raise TrainingError(
            f"{path} cannot be read as a checkpoint ({one_line(error)}): use an earlier copy, or start again"
        ) from error


def step_of(model: keras.Model) -> int:
    """Return the number of steps that a compiled model has been trained for."""
    # On several devices, the variable has a copy on each and cannot be converted; a sum is one tensor.
    return int(keras.ops.add(model.optimizer.iterations, 0))


def averaged_weights(model: keras.Model) -> None:
    """Replace a model's weights by their exponential moving averages, which are exported.

    A model without an optimizer is left unchanged: it holds the averages already.
    """
    if model.compiled:
        model.optimizer.finalize_variable_values(model.trainable_variables)


def append_row(path: Path, row: dict[str, object]) -> None:
    """Append a row to a CSV file, after removing a last line that a killed process has left unfinished.

    Args:
        path: file to extend; created with a header if it does not exist.
        row: values by column; columns that an existing file does not have are skipped.
    """
    header = list(row)
    if path.exists():
        complete = path.read_bytes().rpartition(b"\n")[:2]
        os.truncate(path, len(b"".join(complete)))
        with path.open(newline="") as file:
            header = next(csv.reader(file), header)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, header, extrasaction="ignore")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
