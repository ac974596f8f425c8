"""The flagship: lapped transform, transform networks, hyperprior, eleven passes of context."""

from functools import partial

import keras
import numpy as np
from keras import ops

from compressor.layers import (
    LappedAnalysis,
    LappedSynthesis,
    QualityCurve,
)
from compressor.layers.density import OnGrid, clip_log_scale
from compressor.layers.shuffle import depth_to_space
from compressor.models.base import RateDistortionModel, distortion_weight, nominal_step, worth_curve
from compressor.models.flagship import networks
from compressor.spec.constants import (
    ACTIVATION_MAX,
    ACTIVATION_STEPS,
    ERROR_CURVATURE,
    FILTER_AMPLITUDE,
    HYPER_SLOPE,
    MOVED_SAVING_SHARE,
    NEAR_FLOOR,
    PIXEL_OFFSET,
    PIXEL_SCALE,
    SCALE_OF_MAGNITUDE,
    SIDE_MAX,
    SIDE_STEPS,
)
from compressor.spec.passes import CELLS, coding_passes


def with_quality(x, quality):
    """Append the quality 0..1 of each sample to (N, H, W, C) as one more channel, -1..1."""
    _, h, w, _ = ops.shape(x)
    return ops.concatenate([x, ops.ones((1, h, w, 1)) * (2 * quality - 1)[:, None, None, None]], axis=3)


def views_of(x, coding_pass):
    """Return the latents that a pass codes of (N, h, w, C): the views of its cells, along the batch axis."""
    return ops.concatenate([x[:, rows, columns] for rows, columns in coding_pass.views], axis=0)


def windows_of(x, coding_pass):
    """Zero-padded views of x so that a strided 'valid' convolution is centred on what a pass codes."""
    pad, spacing = coding_pass.kernel // 2, coding_pass.spacing
    x = x[:, ::spacing, ::spacing]
    _, h, w, _ = ops.shape(x)
    padded = ops.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    height, width = (n + 2 * pad - coding_pass.stride + 1 for n in (h, w))
    windows = [padded[:, r : r + height, c : c + width] for r, c in coding_pass.origins]
    return ops.concatenate(windows, axis=0)


def from_views(values, coding_pass):
    """Invert `views_of`; latents that the pass does not code are zero."""
    if coding_pass.stride == 2:
        values = _spread(dict(zip(coding_pass.cells, ops.split(values, len(coding_pass.cells)), strict=True)))
    return _spread({CELLS[0]: values}) if coding_pass.spacing == 2 else values


def _spread(parts):
    """(N, h, w, C) for some cells of the 2x2 pattern -> (N, 2 h, 2 w, C) with zeros for the others."""
    zero = ops.zeros_like(next(iter(parts.values())))
    grid = [parts.get((row, column), zero) for row in (0, 1) for column in (0, 1)]
    return depth_to_space(ops.concatenate(grid, axis=3), 2)


def magnitude_code(symbols):
    """Return the logarithmic code of magnitudes that scale networks read: asinh in 1/32 steps, capped."""
    code = ops.round(ACTIVATION_STEPS * ops.arcsinh(ops.abs(ops.stop_gradient(symbols))))
    return ops.minimum(code, ACTIVATION_MAX) / ACTIVATION_STEPS


@keras.saving.register_keras_serializable(package="compressor")
class Flagship(RateDistortionModel):
    """Learned codec around a fixed lapped transform; one model for every quality.

        x --lapped + f--> y --gain--> r = y - mean --round--> symbols --coder--> bytes
        y_hat = mean + symbols --inverse gain--> lapped' --> + g --> picture
        y --h_a--> z --round--> h_s --> features --> mean, scale of each of eleven passes

    Means come from float networks and read decoded latents; scales come from networks that read
    only integers (z and the magnitudes of earlier symbols), so that the exported codec can
    evaluate them exactly.

    Args:
        channels: latent channels kept of 768.
        splits: where the groups of channels end that are coded one after the other; see `coding_passes`.
        width: channels of the correction and hyper-analysis networks at 1/16.
        filter_width, filter_blocks: channels and residual blocks of the synthesis filter.
        eight_bits: whether that filter, the features for means, and the means of all but the strongest group
            of channels are computed in 8-bit integers when coding.
        side: channels of the side information z at 1/64.
        mean_features, scale_features: channels of the decoded hyper features at 1/16.
        mean_hidden, scale_hidden: hidden channels of the context networks of each group.
        transforms: whether f and g take part; without them the transform is the fixed lapped one.
        quick_moves: number of moves of the latents to lower the squared error of the decoded picture, before
            they are coded; see `compressor.coding.refinement`. If it is not 0, f and the gains of the encoder
            are not trained: the gradient of the rate would undo the moves.

    Input: see `RateDistortionModel`; H and W divisible by 64.

    References: Ballé et al., "Variational image compression with a scale hyperprior", ICLR 2018;
    Minnen, Ballé and Toderici, "Joint autoregressive and hierarchical priors for learned image
    compression", NeurIPS 2018; He et al., "Checkerboard context model for efficient learned image
    compression", CVPR 2021.
    """

    family = "flagship"
    divisor = 64

    def __init__(
        self,
        channels=512,
        splits=(24, 96, 224),
        width=128,
        filter_width=32,
        filter_blocks=6,
        eight_bits=False,
        side=96,
        mean_features=128,
        scale_features=64,
        mean_hidden=(128, 192, 192, 192),
        scale_hidden=(64, 128, 128, 128),
        transforms=True,
        quick_moves=0,
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.config = dict(
            channels=channels,
            splits=tuple(splits),
            width=width,
            filter_width=filter_width,
            filter_blocks=filter_blocks,
            eight_bits=eight_bits,
            side=side,
            mean_features=mean_features,
            scale_features=scale_features,
            mean_hidden=tuple(mean_hidden),
            scale_hidden=tuple(scale_hidden),
            transforms=transforms,
            quick_moves=quick_moves,
        )
        self.transforms, self.quick_moves = transforms, quick_moves
        self.channels = channels
        self.passes = coding_passes(channels, tuple(splits))
        self.lapped_analysis = LappedAnalysis(channels, name="lapped_analysis")
        self.lapped_synthesis = LappedSynthesis(channels, name="lapped_synthesis")
        self.log_gain = QualityCurve(channels, name="log_gain")
        self.log_inverse_gain = QualityCurve(channels, name="log_inverse_gain")
        self.log_scale_offset = QualityCurve(channels, name="log_scale_offset")
        self.scale_bias = QualityCurve(4 * scale_features, name="scale_bias")
        self.correction = networks.correction_network(channels, width)
        self.synthesis_filter = networks.synthesis_filter_network(filter_width, filter_blocks, eight_bits)
        self.hyper_analysis = networks.hyper_analysis_network(channels, width, side)
        self.hyper_mean = networks.hyper_mean_network(side, mean_features, eight_bits)
        self.hyper_scale = networks.hyper_scale_network(side, scale_features)
        self.mean_contexts, self.scale_contexts = [], []
        lows = (0, *splits)
        for k, p in enumerate(self.passes):
            group = lows.index(p.low)
            # The means of weaker channels tolerate 8 bits, and take most of the time.
            mean = networks.context_network(
                p, mean_features, mean_hidden[group], f"mean_{k}", eight_bits=eight_bits and group > 0
            )
            scale = networks.context_network(
                p, scale_features, scale_hidden[group], f"scale_{k}", in_integers=True
            )
            self.mean_contexts.append(mean)
            self.scale_contexts.append(scale)
        if not transforms:
            self.correction.trainable = self.synthesis_filter.trainable = False
        if quick_moves:
            self.correction.trainable = self.log_gain.trainable = False
            self.saving_share = MOVED_SAVING_SHARE

    def build(self, input_shape=None):
        if self.built:
            return
        for transform in (self.lapped_analysis, self.lapped_synthesis):
            transform.build(None)
        for curve in (self.log_gain, self.log_inverse_gain, self.log_scale_offset, self.scale_bias):
            curve.build((None,))
        side = (self.config["side"],)
        self.magnitude = self.add_weight(
            shape=(self.channels,), initializer="ones", trainable=False, name="magnitude"
        )
        self.log_side_scale = self.add_weight(
            shape=side, initializer="zeros", constraint=OnGrid(), name="log_side_scale"
        )
        # Last, so that the positions of the other weights do not depend on them.
        self.log_worth = worth_curve(self.channels)
        self.log_worth.build((None,))
        # Maps of colours (R, G, B, 1) -> RGB; measured, not trained.
        identity = keras.initializers.Constant(np.eye(4, 3, dtype="float32").ravel())
        self.reduced_colours = QualityCurve(12, initializer=identity, trainable=False, name="reduced_colours")
        self.reduced_colours.build((None,))
        self.built = True

    def get_config(self):
        return {**super().get_config(), **self.config}

    def adapt(self, images: np.ndarray) -> None:
        """Choose the latent channels and measure their magnitudes on sample pictures.

        Args:
            images: (N, H, W, 3) floats 0..1, H and W divisible by 16.
        """
        self.build()
        centred = 255 * np.asarray(images, "float32") - PIXEL_OFFSET
        self.magnitude.assign(self.lapped_analysis.select(centred))
        # A copy: two variables must not share memory that a training step gives away.
        self.lapped_synthesis.chosen.assign(ops.convert_to_numpy(self.lapped_analysis.chosen).copy())

    def gains(self, quality):
        """Gain and inverse gain of each channel at a quality, (N, 1, 1, C)."""
        step = nominal_step(quality)
        return ops.exp(self.log_gain(quality)) / step, ops.exp(self.log_inverse_gain(quality)) * step

    def analyse(self, images, quality):
        """Pictures (N, H, W, 3) 0..1 -> latents in units of the quantisation step (N, H/16, W/16, C)."""
        gain, _ = self.gains(quality)
        centred = 255 * images - PIXEL_OFFSET
        latents = self.lapped_analysis(centred)
        if self.transforms:
            correction = ops.cast(self.correction(self.network_inputs(centred, quality)), "float32")
            latents += ops.minimum(self.magnitude, 1 / gain) * correction
        return latents * gain

    def synthesise(self, latents, quality):
        """Decoded latents in units of the quantisation step -> pictures 0..1, not clipped."""
        centred = self.unfiltered(latents, quality)
        if self.transforms:
            centred = self.filter(centred, quality)
        return (centred + PIXEL_OFFSET) / 255

    def unfiltered(self, latents, quality):
        """Decoded latents in units of the quantisation step -> pixels - 128 before g."""
        return self.lapped_synthesis(latents * self.gains(quality)[1])

    def coded_without_filter(self, images, quality):
        """Pictures (N, H, W, 3) 0..1 -> encoded and decoded: pixels - 128 before g."""
        latents, _ = self.analyse_and_code(images, quality, partial(self.quantise, training=False))
        return self.unfiltered(latents, quality)

    def filter(self, centred, quality):
        """Pixels - 128 before g -> after g."""
        step = nominal_step(quality)
        change = self.synthesis_filter(self.network_inputs(centred, quality))
        return centred + FILTER_AMPLITUDE * ops.sqrt(step) * ops.cast(change, "float32")

    def network_inputs(self, centred, quality):
        """Pixels - 128 -> inputs of f and g."""
        return with_quality(centred / PIXEL_SCALE, quality)

    def hyper_latents(self, latents, quality):
        """Latents -> side information before rounding, (N, h/4, w/4, side)."""
        expected = self.magnitude * self.gains(quality)[0]
        relative = ops.arcsinh(HYPER_SLOPE * ops.abs(latents)) - ops.arcsinh(HYPER_SLOPE * expected)
        side = ops.cast(self.hyper_analysis(with_quality(relative, quality)), "float32")
        return ops.clip(SIDE_STEPS * side, -SIDE_MAX, SIDE_MAX)

    def hyper_features(self, side, quality):
        """Rounded side information -> features for means and features for scales, (N, h, w, .)."""
        side = side / SIDE_STEPS
        mean = self.hyper_mean(with_quality(side, quality))
        scale = self.hyper_scale([side, self.scale_bias(quality)])
        return mean, scale

    def analyse_and_code(self, images, quality, quantise):
        latents = self.analyse(images, quality)
        return self.code(self._moved(latents, images, quality), quality, quantise, for_side=latents)

    def _moved(self, latents, images, quality):
        """Move latents as the encoder does: each time, towards where the squared error would be least."""
        worth, weight = ops.exp(self.log_worth(quality)), distortion_weight(quality)[:, None, None, None]
        _, inverse_gain = self.gains(quality)
        moved = latents
        for move in range(self.quick_moves):
            decoded, _ = self.code(moved, quality, partial(self.quantise, training=False), for_side=latents)
            difference = 255 * (ops.clip(self.synthesise(decoded, quality), 0, 1) - images)
            gradient = inverse_gain * self.lapped_synthesis.gradient(2 / 3 * weight * difference)
            target = decoded - gradient / (2 * ERROR_CURVATURE * worth)
            moved = ops.stop_gradient(moved + (target - moved) / (move + 2))
        return moved

    def code(self, latents, quality, quantise, for_side=None):
        """Return the decoded latents (N, h, w, C) and the bits of each sample (N,).

        Args:
            latents: (N, h, w, C) in quantisation steps, h and w divisible by 4.
            quality: (N,) 0..1.
            quantise: see `RateDistortionModel`; side information is rounded to nearest.
            for_side: latents that side information is computed from; `latents` if None.
        """
        n = ops.shape(latents)[0]
        expected = self.magnitude * self.gains(quality)[0]
        side_scale = ops.exp(clip_log_scale(self.log_side_scale))
        side, side_bits = quantise(
            self.hyper_latents(latents if for_side is None else for_side, quality), side_scale
        )
        bits = ops.sum(side_bits, axis=(1, 2, 3))
        mean_features, scale_features = self.hyper_features(side, quality)
        worth = ops.exp(self.log_worth(quality))
        base_log_scale = ops.log(SCALE_OF_MAGNITUDE * expected) + self.log_scale_offset(quality)

        # Channel range -> decoded latents and magnitude codes of the passes so far.
        known = {}
        for p, mean_context, scale_context in zip(
            self.passes, self.mean_contexts, self.scale_contexts, strict=True
        ):
            coded, repeat = slice(p.low, p.high), len(p.views)
            mean_inputs, scale_inputs = views_of(mean_features, p), views_of(scale_features, p)
            if p.seen:
                seen, loud = (
                    ops.concatenate([part[i] for (_, high), part in known.items() if high <= p.seen], axis=3)
                    for i in (0, 1)
                )
                near = ops.arcsinh(seen / ops.maximum(expected[..., : p.seen], NEAR_FLOOR))
                mean_inputs = [windows_of(near, p), mean_inputs]
                scale_inputs = [windows_of(loud, p), scale_inputs]
            mean = ops.tile(expected[..., coded], (repeat, 1, 1, 1)) * mean_context(mean_inputs)
            base = ops.tile(base_log_scale[..., coded], (repeat, 1, 1, 1))
            scale = ops.exp(clip_log_scale(base + scale_context(scale_inputs)))
            each = ops.tile(worth[..., coded], (repeat, 1, 1, 1))
            symbols, pass_bits = quantise(views_of(latents[..., coded], p) - mean, scale, worth=each)
            bits += ops.sum(ops.reshape(pass_bits, (repeat, n, -1)), axis=(0, 2))
            new = [from_views(x, p) for x in (mean + symbols, magnitude_code(symbols))]
            before = known.get((p.low, p.high))
            known[p.low, p.high] = new if before is None else list(map(ops.add, before, new))
        return ops.concatenate([values for values, _ in known.values()], axis=3), bits
