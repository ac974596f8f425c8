"""Export of a run folder: averaged weights, tables counted over training pictures, provenance."""

import shutil
import sys
from pathlib import Path

import keras

import compressor
from compressor.models.flagship import Flagship
from training.data import data_digest
from training.errors import TrainingError
from training.export import count_symbols, export
from training.photos import load_photos
from training.run_folder import CHECKPOINT, SETTINGS, Settings, averaged_weights, load_checkpoint, step_of
from training.side_scales import measure_side_scales

# Qualities over which the tables are counted: all of the range, since one set serves them all.
COUNT_LEVELS = tuple(range(0, 397, 36))
MIN_COUNT_SIDE = 64


def export_run(
    run: Path, out: Path | None = None, *, name: str | None = None, model_id: int = 0, pictures: int = 200
) -> Path:
    """Write the model of a run; returns the folder.

    Args:
        run: folder of a run, finished or not.
        out: where to; None is `run / "export"`.
        name: of the model; None is the run folder's name.
        model_id: what streams carry; 0 for models that do not ship.
        pictures: how many training pictures are coded to count symbols.

    Raises:
        TrainingError: if the folder holds no run.
    """
    if not (run / CHECKPOINT).exists():
        raise TrainingError(f"{run} holds no {CHECKPOINT}; give the --out folder of a training run")
    settings, out = Settings.load(run / SETTINGS), out or run / "export"
    model = load_checkpoint(run / CHECKPOINT)
    # A model whose filter alone was trained has no optimizer.
    steps = step_of(model) if model.compiled else settings.steps
    averaged_weights(model)
    about = {
        "name": name or run.name,
        "model_id": model_id,
        "provenance": {
            "compressor": compressor.__version__,
            "keras": keras.__version__,
            "steps": steps,
            "settings": settings.portable(),
            "data_sha256": data_digest(settings.data),
        },
    }
    photos = load_photos(settings.data, MIN_COUNT_SIDE)
    chosen = photos[:: max(1, len(photos) // pictures)][:pictures]
    if isinstance(model, Flagship):
        measure_side_scales(model, chosen, COUNT_LEVELS)
    draft = out.with_name(f".{out.name}-uncounted")
    try:
        export(model, draft, **about)
        counts = count_symbols(draft, chosen, COUNT_LEVELS)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    export(model, out, counts=counts, **about)
    print(f"{out}: {steps} steps, tables counted over {len(chosen)} pictures", file=sys.stderr)
    return out
