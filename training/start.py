"""The model of a run at step 0: untrained, or with the weights of an earlier one."""

from functools import partial
from pathlib import Path

import keras
import numpy as np

from compressor.errors import CompressorError
from compressor.model_files import ModelFiles
from compressor.models import build_model
from compressor.models.exported import load_exported
from training.data import Crops
from training.errors import TrainingError
from training.growth import filter_pairs, grow
from training.ms_ssim import ms_ssim_distortion, scales_that_fit
from training.muon import ConvolutionMuon
from training.run_folder import CHECKPOINT, Settings, averaged_weights, load_checkpoint
from training.schedule import WarmConstantCosine

ADAPT_CROPS = 96
# Steps.
ENDLESS = 10**9


def set_up(settings: Settings) -> None:
    """Random state and precision of what follows."""
    keras.utils.set_random_seed(settings.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if settings.precision == "bfloat16" else "float32")


def read_model(source: Path) -> keras.Model:
    """A trained model, with its averaged weights.

    Args:
        source: a checkpoint, a run folder, or the folder of an exported model.

    Raises:
        TrainingError: if it is none of them.
    """
    if (source / "manifest.json").exists():
        try:
            return load_exported(ModelFiles(source))
        except CompressorError as error:
            raise TrainingError(str(error)) from error
    path = source / CHECKPOINT if source.is_dir() else source
    try:
        model = load_checkpoint(path)
    except (OSError, ValueError) as error:
        raise TrainingError(f"--init {source}: neither a checkpoint nor an exported model") from error
    averaged_weights(model)
    return model


def start_model(settings: Settings, photos) -> keras.Model:
    """A model at step 0: adapted to the photos, or with the weights of `settings.init`, maybe grown."""
    options = {} if settings.transforms else {"transforms": False}
    crops = Crops(photos, ADAPT_CROPS, settings.crop, 1, seed=settings.seed)
    if settings.grow and not (settings.init and settings.model == "flagship"):
        raise TrainingError("--grow makes a trained flagship larger: give it with --init")
    if not settings.init:
        model = build_model(settings.model, **options)
        model.adapt(crops[0][0]["images"])
        return model
    trained = read_model(Path(settings.init))
    family = type(trained).__name__.lower()
    if family != settings.model:
        raise TrainingError(f"--init {settings.init} holds a {family} model, not a {settings.model}")
    config = trained.config
    if "transforms" in config:
        config = config | {"transforms": settings.transforms}
    if settings.grow:
        return grow(trained, config, crops[0][0]["images"])
    return rebuilt(trained, config)


def rebuilt(trained: keras.Model, config: dict) -> keras.Model:
    """A model of some configuration with what a trained one has learned, and no optimizer.

    Args:
        trained: stays as it is.
        config: that of `trained`, but for what adds no weights, and for the filter, which may have more
            blocks; one of another width or stride starts at zero.
    """
    model = build_model(type(trained).__name__.lower(), **config)
    model.build()
    old, new = _beside_filter(trained), _beside_filter(model)
    for value, target in [*zip(old, new, strict=True), *filter_pairs(trained, model)]:
        target.assign(np.asarray(value))
    return model


def _beside_filter(model: keras.Model) -> list[keras.Variable]:
    filter_ids = {id(variable) for variable in model.synthesis.weights}
    return [variable for variable in model.weights if id(variable) not in filter_ids]


def _schedule(settings: Settings) -> WarmConstantCosine:
    # A run whose length is still to be found begins as a long one does.
    return WarmConstantCosine(settings.learning_rate, settings.steps or ENDLESS, tail=settings.tail)


def set_schedule(model: keras.Model, settings: Settings) -> None:
    """Change the length of a run that has begun."""
    model.optimizer.learning_rate = _schedule(settings)
    model.make_train_function(force=True)


def compile_model(model: keras.Model, settings: Settings) -> None:
    """Give a model the optimizer of a run."""
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
    """Tell a model what it is trained for: checkpoints do not hold it."""
    if settings.metric == "ms-ssim":
        model.distortion = partial(ms_ssim_distortion, scales=scales_that_fit(settings.crop))
    model.replicas = replicas
