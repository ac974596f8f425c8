"""The passes of a tile end with it, in failure too."""

import numpy as np
import pytest

import compressor
from compressor.coding.loading import load_coder
from compressor.coding.tile_coder import TileCoder
from compressor.models.runtime import Step
from compressor.spec.passes import CELLS, CodingPass


class Runtime:
    """A model of one pass, whose means cannot be computed."""

    side_stride = 1
    tables = load_coder(compressor.Runtime(model="cnn")).runtime.tables
    has_ended = False

    def worth(self, levels):
        return np.ones(2, np.float32)

    def passes(self, side, height, width, levels, num_passes=None):
        everything = CodingPass(CELLS, 0, 2, seen=0, kernel=1)
        try:
            yield Step(everything, self.fail, np.full((1, height, width, 2), 5, np.uint8))
        finally:
            self.has_ended = True

    def fail(self):
        raise MemoryError("means")


def test_the_slope_of_the_rate_is_that_of_residuals():
    runtime = load_coder(compressor.Runtime()).runtime
    # Neither side is a multiple of the side information's stride.
    shape = 5, 6, runtime.synthesis(1).channels
    latents = np.random.default_rng(0).normal(0, 0.8, shape).astype(np.float32)
    tile = TileCoder(runtime).code(latents, runtime.side_information(latents, 200), 200)
    slope = tile.rate_slope(latents, runtime.tables)
    assert slope.shape == latents.shape
    step, _ = tile.steps[0]
    (rows, columns), channels = step.coding_pass.views[0], slice(step.coding_pass.low, step.coding_pass.high)
    residuals = latents[rows, columns, channels] - step.means()[0][:3, :3]
    expected = runtime.tables.cost_slope(residuals, step.indices[0][:3, :3])
    np.testing.assert_allclose(slope[rows, columns, channels], expected, atol=1e-3)
    assert slope.any()
    assert not slope[tile.indices() == 0].any()


def test_passes_are_closed_although_the_error_is_kept():
    runtime = Runtime()
    with pytest.raises(MemoryError) as kept:
        TileCoder(runtime).code(np.zeros((4, 4, 2), np.float32), np.zeros((4, 4, 0), np.int32), 0)
    assert runtime.has_ended
    assert kept.value.__traceback__ is not None


def test_no_block_of_a_pattern_is_left_out_when_its_neighbours_are_boosted():
    rows, columns = np.mgrid[:128, :128]
    zone_plate = 127.5 + 127.5 * np.cos((rows**2 + columns**2) * np.pi / 256)
    picture = np.repeat(zone_plate[..., None], 3, axis=2).astype(np.uint8)
    coder = load_coder(compressor.Runtime(model="flagship-psnr"))
    decoded = coder.decode(coder.encode(picture, 276), 128, 128, 276)
    blocks = np.square(decoded - picture.astype(float)).reshape(8, 16, 8, 16, 3).mean(axis=(1, 3, 4))
    assert blocks.max() < 400
