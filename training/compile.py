"""The optimizer, the learning rate schedule and the distortion of a training run."""

from functools import partial

import keras

from training.ms_ssim import ms_ssim_distortion, scales_that_fit
from training.muon import ConvolutionMuon
from training.perceptual import perceptual_distortion
from training.schedule import WarmConstantCosine
from training.settings import Settings

# Length of a schedule, in steps, while the length of the run is not known.
ENDLESS = 10**9


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
