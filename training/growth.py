"""A trained flagship, made larger: more latent channels and passes, coding at first as it did before."""

import numpy as np
from keras import Model, Variable, ops

from compressor.layers import LappedAnalysis, QualityCurve
from compressor.layers.lapped import ALL_CHANNELS
from compressor.models.flagship import Flagship
from compressor.passes import CodingPass

# New channels begin with the mean quality curves of so many of the weakest trained ones.
_WEAKEST = 64
# How large a filter is.
FILTER_OPTIONS = ("filter_width", "filter_stride", "filter_blocks")


def grow(small: Flagship, config: dict, images: np.ndarray) -> Flagship:
    """A model with the channels, passes and filter of a new one, and with what a trained one has learned.

    For the channels that both have, it finds the same latents, and predicts the same means and scales: what
    is new starts at zero. So does its filter, if it cannot take over the old one (see `filter_pairs`).

    Args:
        small: trained, with at most as many channels and splits; stays as it is.
        config: what its configuration is to be but for channels, passes and filter.
        images: (N, H, W, 3) floats 0..1 on which the new channels' magnitudes are measured.
    """
    new = Flagship().config
    sizes = {key: new[key] for key in ("channels", "splits", "coarse_first", *FILTER_OPTIONS)}
    for key in ("mean_hidden", "scale_hidden"):
        # New groups are split off the last one, and begin with its networks.
        sizes[key] = tuple(config[key]) + config[key][-1:] * (len(new["splits"]) - len(config["splits"]))
    large = Flagship(**config | sizes)
    large.build()
    _add_channels(small, large, images)
    for name in ("log_gain", "log_inverse_gain", "log_scale_offset"):
        _extend_curve(getattr(small, name), getattr(large, name))
    large.scale_bias.values.assign(small.scale_bias.values)
    large.log_side_scale.assign(small.log_side_scale)
    for name in ("analysis", "hyper_mean", "hyper_scale"):
        _copy(getattr(small, name), getattr(large, name))
    for old, target in filter_pairs(small, large):
        target.assign(old)
    # Its input ends with the plane of quality, which has to stay the last.
    _copy(small.hyper_analysis, large.hyper_analysis, kept_inputs=1)
    for k, p in enumerate(large.passes):
        old = _pass_before(p, small.passes)
        first = p.low - small.passes[old].low
        _copy(small.mean_contexts[old], large.mean_contexts[k], first_output=first)
        _copy(small.scale_contexts[old], large.scale_contexts[k], first_output=first)
    return large


def filter_pairs(small: Model, large: Model) -> list[tuple[Variable, Variable]]:
    """What a filter takes over of another one: pairs of its variable and the variable to be.

    It is everything if the filters are alike, or if the new one has more blocks behind the old ones; those
    start as the identity, so that it filters as before. It is nothing if they differ in width or stride.
    """
    if any(small.config.get(key) != large.config.get(key) for key in ("filter_width", "filter_stride")):
        return []
    old, new = small.synthesis.weights, large.synthesis.weights
    if len(old) > len(new):
        return []
    # The last layer, a kernel and a bias, is behind all blocks.
    return list(zip(old, [*new[: len(old) - 2], *new[-2:]], strict=True))


def _pass_before(p: CodingPass, passes: tuple[CodingPass, ...]) -> int:
    """Which pass coded what is now coded by `p`."""
    same = [q.low <= p.low < q.high and (q.cells, q.spacing) == (p.cells, p.spacing) for q in passes]
    # The first quarter, whose own quarters are new.
    return same.index(True) if any(same) else 0


def _add_channels(small: Flagship, large: Flagship, images: np.ndarray) -> None:
    """The small model's channels of the lapped transform, and then the strongest of the others."""
    everything = LappedAnalysis(ALL_CHANNELS)
    magnitude = everything.select(255 * np.asarray(images, "float32") - 128)
    basis, kept = (
        ops.convert_to_numpy(x.kernel).reshape(ALL_CHANNELS, -1) for x in (everything, small.lapped_analysis)
    )
    others = np.flatnonzero(np.abs(basis.T @ kept).max(axis=1) < 0.5)[: large.channels - small.channels]
    kernel = np.concatenate([kept, basis[:, others]], axis=1).reshape(large.lapped_analysis.kernel.shape)
    for transform in (large.lapped_analysis, large.lapped_synthesis):
        # A copy: two variables must not share memory that a training step gives away.
        transform.kernel.assign(kernel.copy())
    large.magnitude.assign(np.concatenate([ops.convert_to_numpy(small.magnitude), magnitude[others]]))


def _extend_curve(small: QualityCurve, large: QualityCurve) -> None:
    values = ops.convert_to_numpy(small.values)
    new = np.repeat(
        values[:, -_WEAKEST:].mean(axis=1, keepdims=True), large.channels - small.channels, axis=1
    )
    large.values.assign(np.concatenate([values, new], axis=1))


def _copy(small: Model, large: Model, kept_inputs: int = 0, first_output: int = 0) -> None:
    """Weights of one network into one with more inputs or outputs; what is new is zero.

    Args:
        kept_inputs: how many of the first layer's last inputs stay the last.
        first_output: of the last layer, which becomes the first.
    """
    sources, last = [ops.convert_to_numpy(x) for x in small.weights], len(large.weights) - 2
    if len(sources) < len(large.weights):
        # A pass that looked at nothing.
        window = large.get_layer("window").kernel
        sources.insert([x is window for x in large.weights].index(True), np.zeros((1, 1, 0, 1)))
    for k, (old, target) in enumerate(zip(sources, large.weights, strict=True)):
        new = np.zeros(target.shape, np.float32)
        if k >= last:
            old = old[..., first_output:]
        outputs = min(old.shape[-1], new.shape[-1])
        if old.ndim < 2:
            new[:outputs] = old[:outputs]
        else:
            inputs = old.shape[-2] - (kept_inputs if k == 0 else 0)
            new[..., :inputs, :outputs] = old[..., :inputs, :outputs]
            if inputs < old.shape[-2]:
                new[..., -kept_inputs:, :outputs] = old[..., inputs:, :outputs]
        target.assign(new)
