"""The flagship, exported: transforms and means on an engine, scale indices in exact integer arithmetic."""

import numpy as np

from compressor.engines.interface import Engine
from compressor.entropy.exact import patches
from compressor.models.flagship.entropy_model import load_entropy_model
from compressor.models.flagship.reduction import FACTORS, Reduction, num_channels
from compressor.models.flagship.tile_latents import LatentThreads, TileLatents
from compressor.models.gains import load_gains
from compressor.models.runtime import Analysis, Passes, PixelError, Step, Synthesis
from compressor.spec.arrays import Floats, Indices, Symbols, extended, stacked
from compressor.spec.constants import HYPER_SLOPE
from compressor.spec.fine_levels import FineLevels
from compressor.spec.levels import Levels, levels_in, network_quality, padded_levels, pixel_values
from compressor.spec.passes import CodingPass
from compressor.weights.files import ModelFiles

# Positions that the integer networks evaluate at once: enough for fast products, and few enough that the
# inputs and sums of a layer, up to 2,080 and 1,152 bytes per position, stay in a cache.
MAX_POSITIONS = 512


class FlagshipRuntime:
    """See `compressor.models.runtime.ModelRuntime`.

    Args:
        files: the exported model.
        engine: runs `analysis`, `correction`, `synthesis`, `filter`, `synthesis_gradient`, `filter_gradient`,
            `hyper_analysis`, `hyper_mean`, `mean_0`, `mean_1`, ...
    """

    reductions = FACTORS

    def __init__(self, files: ModelFiles, engine: Engine) -> None:
        self._engine = engine
        numbers = files.manifest["numbers"]
        self._fine_levels = FineLevels(numbers["highest_seen_level"])
        self._gains = load_gains(files.arrays("gains.npz"), self._fine_levels)
        reduction = files.arrays("reduction.npz")
        self._basis, self._colours = reduction["basis"], reduction["colours"]
        self.block: int = numbers["block"]
        self.analysis_halo: int = numbers["analysis_halo"]
        self.synthesis_halo: int = numbers["synthesis_halo"]
        self.side_stride: int = numbers["side_stride"]
        self._side_steps: int = numbers["side_steps"]
        self._side_max: int = numbers["side_max"]
        self._near_floor: float = numbers["near_floor"]
        self._filter_amplitude: float = numbers["filter_amplitude"]
        self._channels = self._gains.channels
        self._passes = tuple(map(CodingPass.from_manifest, files.manifest["passes"]))
        self._context_channels = max(p.seen for p in self._passes)
        self._entropy = load_entropy_model(
            files.arrays("entropy.npz"), len(self._passes), numbers["activation_max"]
        )
        self.tables = self._entropy.tables
        self._threads = LatentThreads()
        # Without f and g, the transform is the fixed one.
        self._has_filter: bool = "filter.onnx" in files.manifest["files"]
        self.metric: str = files.manifest["metric"]
        self.quick_moves: int = numbers["quick_moves"]
        self.error_gradient = self._error_gradient if files.can_refine else None

    def analyse(self, pixels: Floats, levels: Levels) -> Analysis:
        """See `ModelRuntime`."""
        coefficients, correction = self._engine.run("analysis", pixels)[0], np.float32(0)
        if self._has_filter:
            correction = self._engine.run("correction", pixels, self._plane(pixels, levels, self.block))[0]
            correction *= self._gains.correction_unit(levels)

        def in_steps(levels: Levels) -> Floats:
            latents: Floats = coefficients * self._gains.gain(levels)
            latents += correction
            return latents

        seen = self._fine_levels.seen(levels)
        for_side = in_steps(seen)
        return Analysis(for_side if np.array_equal(levels, seen) else in_steps(levels), for_side)

    def _synthesise(self, latents: Floats, levels: Levels) -> Floats:
        """See `Synthesis.run`."""
        pixels = self._unfiltered(latents, levels)
        result: Floats = self._filtered(pixels, levels)[0]
        return result

    def _unfiltered(self, latents: Floats, levels: Levels) -> Floats:
        """Return pixels minus 128 before g (1, 16 h, 16 w, 3)."""
        return self._engine.run("synthesis", latents[None] * self._gains.inverse_gain(levels))

    def _filtered(self, pixels: Floats, levels: Levels) -> Floats:
        """Return pixels after g; those before it without networks."""
        if not self._has_filter:
            return pixels
        change = self._engine.run("filter", pixels, self._plane(pixels, levels, self.block))
        change *= self._amplitude(levels)
        change += pixels
        return change

    def synthesis(self, reduction: int) -> Synthesis:
        """See `ModelRuntime`."""
        if reduction == 1:
            num_passes = len(self._passes)
            return Synthesis(self.block, self.synthesis_halo, num_passes, self._channels, self._synthesise)
        needed = num_channels(reduction, self._basis, self._gains.magnitude)
        num_passes = sum(p.low < needed for p in self._passes)
        channels = self._passes[num_passes - 1].high
        reduced = Reduction(reduction, self._basis[:channels], self._colours)

        def run(latents: Floats, levels: Levels) -> Floats:
            coefficients = latents * self._gains.inverse_gain(levels)[..., :channels]
            return reduced(coefficients, self._fine_levels.seen(levels))

        return Synthesis(reduced.block, 1, num_passes, channels, run)

    def _amplitude(self, levels: Levels) -> Floats:
        """Return () or (H, W, 1): how far one unit of the filter's output moves a pixel, in 8-bit levels."""
        return pixel_values(np.float32(self._filter_amplitude) * self._gains.filter_unit(levels), self.block)

    def _error_gradient(
        self, latents: Floats, error_of: PixelError, levels: Levels, through_filter: bool
    ) -> tuple[float, Floats]:
        """See `ErrorGradient`; latents are (h, w, C)."""
        pixels = self._unfiltered(latents, levels)
        error, slope = error_of(self._filtered(pixels, levels)[0])
        back = slope[None]
        if self._has_filter and through_filter:
            plane = self._plane(pixels, levels, self.block)
            back = back + self._engine.run("filter_gradient", pixels, plane, back * self._amplitude(levels))
        gradient: Floats = self._engine.run("synthesis_gradient", back)[0]
        gradient *= self._gains.inverse_gain(levels)
        return error, gradient

    def side_information(self, for_side: Floats, levels: Levels) -> Symbols:
        """See `ModelRuntime`."""
        h, w, _ = for_side.shape
        rows, columns = -h % self.side_stride, -w % self.side_stride
        padded = extended(for_side, rows, columns, "constant")
        levels = padded_levels(self._fine_levels.seen(levels), rows, columns)
        expected = np.arcsinh(HYPER_SLOPE * self._gains.expected(levels))
        relative = np.arcsinh(HYPER_SLOPE * np.abs(padded)) - expected
        inputs = np.concatenate([relative[None], self._plane(relative[None], levels)], axis=3)
        side = np.rint(self._side_steps * self._engine.run("hyper_analysis", inputs)[0])
        side[:, :, self._entropy.side_index == 0] = 0
        return np.clip(side, -self._side_max, self._side_max).astype(np.int32)

    def side_indices(self, height: int, width: int) -> Indices:
        """See `ModelRuntime`."""
        stride, index = self.side_stride, self._entropy.side_index
        return np.broadcast_to(index, (-(-height // stride), -(-width // stride), len(index)))

    def passes(
        self, side: Symbols, height: int, width: int, levels: Levels, num_passes: int | None = None
    ) -> Passes:
        """See `ModelRuntime`."""
        # Damaged streams may hold larger values.
        side = np.clip(side, -self._side_max, self._side_max)
        h, w = self.side_stride * side.shape[0], self.side_stride * side.shape[1]
        levels = padded_levels(levels, h - height, w - width)
        middle = slice(self.side_stride // 2, None, self.side_stride)
        side_levels = self._fine_levels.seen(levels_in(levels, (middle, middle)))
        scaled = side[None].astype(np.float32) / np.float32(self._side_steps)
        inputs = np.concatenate([scaled, self._plane(scaled, side_levels)], axis=3)
        near_floor = self._near_floor * self._fine_levels.fineness(levels)[..., None]
        near_unit = np.maximum(self._gains.expected(levels)[..., : self._context_channels], near_floor)
        mean_unit = self._gains.mean_unit(levels)
        # Positions beyond the picture code nothing: their scale index is 0.
        inside = None
        if (h, w) != (height, width):
            inside = np.zeros((h, w, 1), bool)
            inside[:height, :width] = True

        passes = self._passes[:num_passes]
        shape = h, w, passes[-1].high
        margin = max(p.reach for p in passes)
        codes = np.zeros((h + 2 * margin, w + 2 * margin, self._context_channels), np.uint8)
        of_tile = codes[margin : margin + h, margin : margin + w]
        with self._threads.in_order(self._engine.threads) as start:
            latents = TileLatents(self._engine, start, inputs, mean_unit, near_unit, shape, margin)
            features = self._entropy.hyper(side, side_levels)
            for k, p in enumerate(passes):
                means = latents.predict(k, p)
                surroundings = p.surroundings(codes, margin) if p.seen else None
                indices = self._indices(k, p, features, surroundings, levels)
                if inside is not None:
                    indices *= stacked([inside[view] for view in p.views])
                symbols = yield Step(p, means, indices)
                latents.add(means, p, symbols)
                if p.high <= self._context_channels:
                    of_views = levels if isinstance(levels, int) else stacked([levels[v] for v in p.views])
                    magnitudes = self._fine_levels.coarse_magnitudes(np.abs(symbols), of_views)
                    p.scatter(self._entropy.codes(magnitudes), of_tile)
            return latents.result()[:height, :width]

    def worth(self, levels: Levels) -> Floats:
        """See `ModelRuntime`."""
        return self._gains.worth(levels)

    def distortion_weight(self, levels: Levels) -> Floats:
        """See `ModelRuntime`."""
        return self._gains.distortion_weight(levels)

    def _indices(
        self, k: int, p: CodingPass, features: Indices, surroundings: Indices | None, levels: Levels
    ) -> Indices:
        """Return scale indices, from features, levels and magnitude codes around the positions of a pass."""
        found = []
        for (row, column), view in zip(p.origins, p.views, strict=True):
            own, of_own = features[view], levels_in(levels, view)
            seen_levels = self._fine_levels.seen(of_own)
            indices = np.empty((*own.shape[:2], p.high - p.low), np.uint8)
            rows = max(1, MAX_POSITIONS // own.shape[1])
            for top in range(0, len(own), rows):
                band = own[top : top + rows]
                inputs = band.reshape(-1, band.shape[2])
                if surroundings is not None:
                    around = surroundings[p.stride * top : p.stride * (top + len(band)) + p.kernel - 1]
                    inputs = patches(around, p.kernel, p.stride, row, column, band)
                chosen = self._entropy.contexts[k](inputs, levels_in(seen_levels, np.s_[top : top + rows, :]))
                indices[top : top + rows] = chosen.reshape(*band.shape[:2], -1)
            found.append(self._fine_levels.raised(indices, of_own))
        return stacked(found)

    def _plane(self, inputs: Floats, levels: Levels, block: int = 1) -> Floats:
        """Return the quality as one more channel of a network's inputs (N, H, W, C), (N, H, W, 1).

        Args:
            inputs: (N, block * h, block * w, C).
            levels: one, or (h, w).
            block: pixels of the inputs per position.
        """
        quality = network_quality(self._fine_levels.seen(levels))
        return np.full((*inputs.shape[:3], 1), pixel_values(quality, block), np.float32)
