"""The model of a run at step 0: untrained, or with the weights of another run."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

from compressor.layers import EightBits
from compressor.models.exported import load_exported
from compressor.models.flagship.model import Flagship
from compressor.models.registry import build_model
from compressor.weights.files import ModelFiles
from training.data import Crops
from training.eight_bits import fit_eight_bits
from training.errors import TrainingError
from training.file_names import CHECKPOINT
from training.ms_ssim import ms_ssim_distortion, scales_that_fit
from training.muon import ConvolutionMuon
from training.perceptual import perceptual_distortion
from training.run_folder import averaged_weights, load_checkpoint
from training.schedule import WarmConstantCosine
from training.settings import Settings

# Number of crops to which a new model adapts.
ADAPT_CROPS = 96
# Number of crops that calibrate an 8-bit filter: all of their activations are in memory at once.
FIT_CROPS = 24
# Length of a schedule, in steps, while the length of the run is not known.
ENDLESS = 10**9


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


def rebuilt(trained: keras.Model, config: dict) -> keras.Model:
    """Return a model of a configuration, with the weights of a trained model and without an optimizer.

    Args:
        trained: model to copy from; not changed.
        config: configuration of `trained`; only options that add no weights, and those of the filter, may
            differ. A filter of the same width may have more blocks; they come after the old ones and, in
            floating point, start as the identity. Quantisation steps that `trained` does not have need
            `fit_eight_bits`. A filter of another width, or with fewer blocks, starts as the identity.
    """
    model = build_model(trained.family, **config)
    model.build()
    old, new = _outside_filter(trained), _outside_filter(model)
    for value, target in [*zip(old, new, strict=True), *_filter_pairs(trained, model)]:
        target.assign(np.asarray(value))
    return model


def _outside_filter(model: keras.Model) -> list[keras.Variable]:
    filter_ids = {id(variable) for layer in _filter_layers(model) for variable in layer.weights}
    return [variable for variable in model.weights if id(variable) not in filter_ids]


def _filter_pairs(trained: keras.Model, model: keras.Model) -> list[tuple[keras.Variable, keras.Variable]]:
    """Pair the variables of a trained filter with those that take over their values."""
    convolutions = (layers.Conv2D, layers.Conv2DTranspose)
    if trained.config.get("filter_width") != model.config.get("filter_width"):
        return []
    if trained.config.get("filter_blocks", 0) > model.config.get("filter_blocks", 0):
        return []
    pairs = []
    for kinds in (convolutions, EightBits):
        old, new = (_filter_weights(each, kinds) for each in (trained, model))
        if old and new:
            # The last layer, with two variables, comes after all blocks.
            pairs += zip(old, [*new[: len(old) - 2], *new[-2:]], strict=True)
    return pairs


def _filter_weights(model: keras.Model, kinds: type | tuple[type, ...]) -> list[keras.Variable]:
    chosen = (layer for layer in _filter_layers(model) if isinstance(layer, kinds))
    return [variable for layer in chosen for variable in layer.weights]


def _filter_layers(model: keras.Model) -> list[layers.Layer]:
    """Return the layers of a flagship's synthesis filter; other models have none."""
    return model.synthesis_filter.layers if isinstance(model, Flagship) else []


def _schedule(settings: Settings) -> WarmConstantCosine:
    # A run whose length is not known yet starts like a long one.
    return WarmConstantCosine(settings.learning_rate, settings.steps or ENDLESS, tail=settings.tail)


def set_schedule(model: keras.Model, settings: Settings) -> None:
    """Set the learning rate schedule of a compiled model, before it is trained."""
    model.optimizer.learning_rate = _schedule(settings)


def compile_model(model: keras.Model, settings: Settings) -> None:
    """Compile a model with the optimizer of a run."""
    rate = _schedule(settings)
    common = {"global_clipnorm": 2.0, "use_ema": True, "ema_momentum": 0.999}
    if settings.optimizer == "muon":
        optimizer = ConvolutionMuon(
            rate, adam_beta_2=0.99, weight_decay=None, adam_weight_decay=None, **common
        )
    else:
        optimizer = keras.optimizers.Adam(rate, beta_2=0.99, **common)
    # XLA is several times slower than TensorFlow's own kernels on a CPU.
    model.compile(optimizer=optimizer, jit_compile="auto" if keras.backend.backend() == "jax" else False)


def set_objective(model: keras.Model, settings: Settings, replicas: int) -> None:
    """Set the distortion of a model, which checkpoints do not store.

    Args:
        model: model to train.
        settings: settings of the run.
        replicas: see `training.devices.Placement`.
    """
    if settings.metric == "ms-ssim":
        model.distortion = partial(ms_ssim_distortion, scales=scales_that_fit(settings.crop))
    if settings.metric == "ssimulacra2":
        model.distortion = partial(
            perceptual_distortion,
            mse_share=settings.mse_share,
            butteraugli_share=settings.butteraugli_share,
            group=settings.crops_per_photo,
        )
    model.replicas = replicas
