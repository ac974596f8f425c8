"""What a run folder holds: settings, provenance, checkpoint, log."""

import csv
import os
import subprocess
import tempfile
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

import compressor
from training.data import data_digest

CHECKPOINT, SETTINGS, LOG = "checkpoint.keras", "settings.toml", "log.csv"
PROVENANCE, VALIDATION, TENSORBOARD = "provenance.toml", "validation.csv", "tensorboard"


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
    optimizer: str = "muon"
    tail: float = 0.4
    precision: str = "float32"
    init: str = ""
    grow: bool = False
    seed: int = 1
    checkpoint_every: int = 250
    metric: str = "mse"

    def portable(self) -> dict[str, object]:
        """Without paths, which mean nothing on another machine."""
        return {key: value for key, value in asdict(self).items() if key not in ("data", "init")}

    def save(self, path: Path) -> None:
        write_toml(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Settings":
        return cls(**tomllib.loads(path.read_text()))


def write_toml(path: Path, values: dict[str, object]) -> None:
    """Flat tables of strings, numbers and booleans."""
    path.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in values.items()))


def _toml(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)


def git_commit(folder: Path = Path(__file__).parent) -> str:
    """Commit of the checkout, with `-dirty` if files differ from it; empty outside a checkout."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--match="]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def write_provenance(folder: Path, settings: Settings) -> None:
    """Note which code and which data a run began with."""
    values = {
        "compressor": compressor.__version__,
        "git_commit": git_commit(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "data_sha256": data_digest(settings.data),
    }
    write_toml(folder / PROVENANCE, values)


def save_checkpoint(model: keras.Model, path: Path) -> None:
    """Write the whole state (weights, optimizer, averages, step), atomically."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    model.save(temporary)
    os.replace(temporary, path)


def join_saving(model: keras.Model) -> None:
    """Take part in the saving of a model that another host keeps: all must read what they share."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / CHECKPOINT)


def load_checkpoint(path: Path) -> keras.Model:
    """A compiled model as `save_checkpoint` wrote it."""
    # What a checkpoint holds must be registered with Keras before it is read.
    import training.muon
    import training.schedule  # noqa: F401

    return keras.saving.load_model(path)


def step_of(model: keras.Model) -> int:
    """Steps that a compiled model has been trained for."""
    # A sum is a tensor; on several devices the variable itself has a copy on each, and is no number.
    return int(keras.ops.add(model.optimizer.iterations, 0))


def averaged_weights(model: keras.Model) -> None:
    """Replace a model's weights by their exponential moving average: what is exported.

    A model without an optimizer has them already.
    """
    if model.compiled:
        model.optimizer.finalize_variable_values(model.trainable_variables)


def append_row(path: Path, row: dict[str, object]) -> None:
    """Add a row to a CSV file; columns that an older file does not have are left out."""
    header = list(row)
    if path.exists():
        with path.open(newline="") as file:
            header = next(csv.reader(file), header)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, header, extrasaction="ignore")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
