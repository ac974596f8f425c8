"""Export of a run folder: averaged weights, tables counted over training pictures, provenance."""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

import compressor
from compressor.errors import CompressorError
from compressor.models.registry import family_named
from compressor.spec.constants import SIDE_PX
from compressor.spec.quality import HIGHEST_SEEN_LEVEL
from training.data import encoded_images
from training.errors import TrainingError
from training.export import count_symbols, export
from training.file_names import CHECKPOINT, SETTINGS
from training.photos import decode_photo
from training.run_folder import averaged_weights, load_checkpoint, read_provenance, step_of
from training.settings import Settings

# Quality levels at which symbols are counted: over the range that networks see, since one set of tables
# serves all of it.
COUNT_LEVELS = tuple(range(0, HIGHEST_SEEN_LEVEL + 1, 36))
# Keras computes all activations of a picture at once: 10 GB for twelve megapixels.
MAX_PICTURE_PX = 1024


def export_run(
    run: Path, out: Path | None = None, *, pictures: int, name: str | None = None, model_id: int = 0
) -> Path:
    """Export the model of a run.

    Args:
        run: folder of a run, finished or not.
        out: folder to write; `run / "export"` if None.
        pictures: number of training pictures used to calibrate and to count symbols; large ones are cropped
            to the central 1024x1024 pixels.
        name: name of the model; the run folder's name if None.
        model_id: number of the model in streams; 0 for models that do not ship.

    Returns:
        The folder that was written.

    Raises:
        TrainingError: if the folder holds no run, one of its files is damaged or missing, or no training
            picture can be read.
    """
    for file in (CHECKPOINT, SETTINGS):
        if not (run / file).exists():
            raise TrainingError(f"{run} holds no {file}; give the --out folder of a training run")
    settings, out = Settings.load(run / SETTINGS), out or run / "export"
    model = load_checkpoint(run / CHECKPOINT)
    # A model whose filter alone was trained has no optimizer.
    steps = step_of(model) if model.compiled else settings.steps
    averaged_weights(model)
    about = {
        # The name of "." is empty.
        "name": name or run.resolve().name,
        "model_id": model_id,
        "metric": settings.metric,
        "provenance": {
            "compressor": compressor.__version__,
            "keras": keras.__version__,
            "steps": steps,
            "settings": settings.portable(),
            "data_sha256": read_provenance(run)["data_sha256"],
        },
    }
    chosen = _evenly_spaced(settings.data, pictures)
    family_named(model.family).exporter(model).calibrate(chosen, COUNT_LEVELS)
    with tempfile.TemporaryDirectory() as folder:
        uncounted = Path(folder) / "model"
        export(model, uncounted, **about)
        counts = count_symbols(uncounted, chosen, COUNT_LEVELS)
    export(model, out, counts=counts, **about)
    print(f"{out}: {steps} steps; number of pictures for the tables: {len(chosen)}", file=sys.stderr)
    return out


def _evenly_spaced(source: str, count: int) -> list[np.ndarray]:
    """Decode pictures that are spread evenly over a source; the next one replaces one that cannot be used.

    Raises:
        TrainingError: if no picture can be used.
    """
    total = sum(1 for _ in encoded_images(source))
    chosen: list[np.ndarray] = []
    for number, (_, data) in enumerate(encoded_images(source)):
        if len(chosen) == count:
            break
        is_due = number / total >= len(chosen) / count
        if not is_due:
            continue
        try:
            photo = decode_photo(data)
        except CompressorError:
            continue
        if min(photo.shape[:2]) >= SIDE_PX:
            chosen.append(_middle(photo))
    if not chosen:
        raise TrainingError(
            f"{source}: no image of at least {SIDE_PX}x{SIDE_PX} pixels can be read; "
            "restore the pictures that the run was trained on"
        )
    return chosen


def _middle(photo: np.ndarray) -> np.ndarray:
    """Cut a picture to at most `MAX_PICTURE_PX` on each side."""
    top, left = (max(0, side - MAX_PICTURE_PX) // 2 for side in photo.shape[:2])
    # A copy, so that the rest of the picture is freed.
    return photo[top : top + MAX_PICTURE_PX, left : left + MAX_PICTURE_PX].copy()
