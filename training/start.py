"""The start of a run: set-up of the process, and a model that is new or has the weights of another run."""

from pathlib import Path

import keras
import numpy as np

from compressor.models.exported import load_exported
from compressor.models.flagship.model import Flagship
from compressor.models.registry import build_model
from compressor.weights.files import ModelFiles
from training.data import Crops
from training.eight_bits import fit_eight_bits
from training.errors import TrainingError
from training.file_names import CHECKPOINT
from training.rebuild import rebuilt
from training.run_folder import averaged_weights, load_checkpoint
from training.settings import Settings

# Number of crops to which a new model adapts.
ADAPT_CROPS = 96
# Number of crops that calibrate an 8-bit filter: all of their activations are in memory at once.
FIT_CROPS = 24


def set_up(settings: Settings) -> None:
    """Set the random seed and the precision of the process."""
    keras.utils.set_random_seed(settings.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if settings.precision == "bfloat16" else "float32")


def read_model(source: Path) -> keras.Model:
    """Return a trained model, with its averaged weights.

    Args:
        source: a checkpoint, a run folder, or the folder of an exported model.

    Raises:
        TrainingError: if the source is none of them.
        WeightsError: if the exported model is damaged, or of another version.
    """
    if (source / "manifest.json").exists():
        return load_exported(ModelFiles(source))
    if not source.exists():
        raise TrainingError(f"{source} does not exist: give a checkpoint, a run folder or an exported model")
    path = source / CHECKPOINT if source.is_dir() else source
    try:
        model = load_checkpoint(path)
    except TrainingError as error:
        raise TrainingError(
            f"{source} cannot be read as a model: give a checkpoint, a run folder or an exported model"
        ) from error
    averaged_weights(model)
    return model


def start_model(settings: Settings, photos) -> keras.Model:
    """Return a model at step 0: adapted to the photos, or with the weights of `settings.init`.

    Args:
        settings: settings of the run.
        photos: uint8 arrays (H, W, 3), each side at least `settings.crop`.

    Raises:
        TrainingError: if `settings.init` is not a model, or is a model of another family.
        WeightsError: see `read_model`.
    """
    options = {} if settings.transforms else {"transforms": False}
    if not settings.init:
        model = build_model(settings.model, **options)
        model.adapt(_crops(photos, ADAPT_CROPS, settings)["images"])
        return model
    trained = read_model(Path(settings.init))
    if trained.family != settings.model:
        raise TrainingError(f"--init {settings.init} holds a {trained.family} model, not a {settings.model}")
    config = trained.config
    if not isinstance(trained, Flagship):
        return rebuilt(trained, config)
    config = config | {
        "transforms": settings.transforms,
        "eight_bits": settings.eight_bits,
        "quick_moves": settings.quick_moves,
    }
    model = rebuilt(trained, config)
    if settings.eight_bits and not trained.config["eight_bits"]:
        fit_eight_bits(trained, model, _crops(photos, FIT_CROPS, settings))
    return model


def _crops(photos, count: int, settings: Settings) -> dict[str, np.ndarray]:
    return Crops(photos, count, settings.crop, 1, seed=settings.seed)[0][0]
