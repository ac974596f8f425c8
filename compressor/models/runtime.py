"""The interface between coding and the exported models: transforms, side information, and coding passes."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from compressor.entropy.tables import ScaleTables
from compressor.spec.arrays import Floats, Indices, Symbols
from compressor.spec.levels import Levels
from compressor.spec.passes import CodingPass


@dataclass(frozen=True, slots=True)
class Step:
    """A pass that is ready to be coded; arrays are (views, rows, columns, channels), see `CodingPass.views`.

    Attributes:
        coding_pass: the latents that it codes.
        means: function that waits for the means and returns them (float32, in quantisation steps); a latent
            is its mean plus its symbol.
        indices: uint8 scale indices; 0 where nothing is coded.
    """

    coding_pass: CodingPass
    means: Callable[[], Floats]
    indices: Indices


@dataclass(frozen=True, slots=True)
class Analysis:
    """Latents of pixels, (h, w, C) in quantisation steps.

    Attributes:
        latents: those to be coded.
        for_side: the latents from which side information is computed. At levels above the highest one that
            networks see, these are the latents of that level; otherwise, they are the same.
    """

    latents: Floats
    for_side: Floats

    def part(self, where: tuple[slice, slice]) -> "Analysis":
        """Return the analysis of some of the positions."""
        return Analysis(self.latents[where], self.for_side[where])


# Yields a step, receives its symbols, and returns the decoded latents (h, w, C) in quantisation steps.
Passes = Generator[Step, Symbols, Floats]
# Decoded pixels minus 128 (H, W, 3) -> their error, and its gradient.
PixelError = Callable[[Floats], tuple[float, Floats]]
# (latents in quantisation steps, error of decoded pixels, levels, whether the gradient is taken back through
# the synthesis filter) -> the error, and its gradient with respect to the latents. Without the filter, the
# gradient is an estimate that takes less than half of the time.
ErrorGradient = Callable[[Floats, PixelError, Levels, bool], tuple[float, Floats]]


@dataclass(frozen=True, slots=True)
class Synthesis:
    """The way from latents to pixels, at full or at reduced size.

    Attributes:
        block: pixels per latent position, down and across.
        halo: distance, in positions, from which latents affect a pixel.
        num_passes: number of passes to decode, from the first.
        channels: number of channels that these passes decode.
        run: converts latents (h, w, channels) in quantisation steps, at levels, to pixels minus 128
            (block * h, block * w, 3), in a new array.
    """

    block: int
    halo: int
    num_passes: int
    channels: int
    run: Callable[[Floats, Levels], Floats]


class ModelRuntime(Protocol):
    """An exported model on an engine. Levels are one for all latent positions, or one for each.

    Attributes:
        block: pixels per latent position, down and across.
        analysis_halo: distance, in positions, from which pixels affect a latent.
        synthesis_halo: distance, in positions, from which latents affect a pixel.
        side_stride: latent positions per position of the side information, down and across; passes pad a
            tile to a multiple of it.
        reductions: factors, besides 1, that `synthesis` accepts.
        tables: symbol frequencies of each scale index.
        metric: the distortion that the model was trained for, see `training.settings.Settings`.
        quick_moves: how often latents are moved quickly before they are coded, from effort 5 on; lower
            efforts may make fewer moves. See `compressor.coding.refinement`.
        error_gradient: for moves of latents; None if the model has none.
    """

    block: int
    analysis_halo: int
    synthesis_halo: int
    tables: ScaleTables
    metric: str
    quick_moves: int

    @property
    def side_stride(self) -> int: ...

    @property
    def reductions(self) -> tuple[int, ...]: ...

    @property
    def error_gradient(self) -> ErrorGradient | None: ...

    def analyse(self, pixels: Floats, levels: Levels) -> Analysis:
        """Convert pixels minus 128 (1, H, W, 3) to latents."""
        ...

    def synthesis(self, reduction: int) -> Synthesis:
        """Return the synthesis of pictures at 1 / `reduction` of their width and height, 1 for full size."""
        ...

    def side_information(self, for_side: Floats, levels: Levels) -> Symbols:
        """Return the side information of `Analysis.for_side`. It is empty in a family without."""
        ...

    def side_indices(self, height: int, width: int) -> Indices:
        """Return the scale indices of the side information of a tile of height x width positions."""
        ...

    def passes(
        self, side: Symbols, height: int, width: int, levels: Levels, num_passes: int | None = None
    ) -> Passes:
        """Start the coding passes of a tile of height x width positions: the first `num_passes`, or all."""
        ...

    def worth(self, levels: Levels) -> Floats:
        """Return the bits that a squared quantisation step of error is worth, (C,) or (h, w, C)."""
        ...

    def distortion_weight(self, levels: Levels) -> Floats:
        """Return the bits per pixel that one squared 8-bit level of mean error is worth, () or (h, w)."""
        ...
