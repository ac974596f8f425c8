"""Animations of the arithmetic

Convolution, strided, padded, dilated and transposed convolution as small GIFs, drawn cell by cell. The left
grid is the input under the moving kernel, the right grid the output so far. All weights are one, so that each
output is the sum of the marked cells.

Formula: output i reads the inputs i * stride + dilation * a, for a = 0 .. kernel-1. Reference: Dumoulin and
Visin, A guide to convolution arithmetic, 2016, arXiv 1603.07285 (which popularised such pictures).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from demos.arithmetic import conv_output
from demos.checks import require_not_negative, require_positive
from demos.context import Context
from demos.transpose_by_hand import insert_zeros

CELL, GAP, TITLE = 26, 40, 24
PAPER, GRID, INK, FAINT = "#ffffff", "#9aa5b1", "#1f2933", "#b8c1cc"
INPUT, PADDING, KERNEL, OUTPUT, CURRENT = "#a8d0f0", "#f0f3f6", "#f5b76b", "#a9dfb5", "#4fb36a"


font = cache(ImageFont.load_default)  # loading a font takes longer than drawing a frame


@dataclass(frozen=True)
class Scene:
    """An animated convolution with a kernel of ones.

    A transposed convolution is drawn as the convolution that equals it: with stride - 1 zeros between the
    inputs, kernel - 1 - padding zeros around them, and a kernel that moves by one.

    Attributes:
        title: caption of the animation.
        size: side of the square input, in cells.
        kernel: side of the kernel, in cells.
        stride, padding, dilation: as in Keras, in cells.
        transposed: whether the convolution is a transposed one.
    """

    title: str
    size: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    transposed: bool = False

    def field(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the input with its zeros, and a mask that is False at these zeros."""
        require_positive(size=self.size, kernel=self.kernel, stride=self.stride, dilation=self.dilation)
        border = self.kernel - 1 - self.padding if self.transposed else self.padding
        require_not_negative(border=border)
        numbers = np.arange(1, self.size**2 + 1).reshape(self.size, self.size) % 10
        spread = self.stride if self.transposed else 1
        field, real = insert_zeros(numbers, spread), insert_zeros(np.ones_like(numbers), spread)
        return np.pad(field, border), np.pad(real, border) == 1

    def windows(self) -> Iterator[tuple[tuple[int, int], tuple[np.ndarray, np.ndarray]]]:
        """Yield each output position and the index of the cells that it sums, row by row."""
        step = 1 if self.transposed else self.stride
        count = conv_output(len(self.field()[0]), self.kernel, step, dilation=self.dilation)
        taps = self.dilation * np.arange(self.kernel)
        for row, column in np.ndindex(count, count):
            yield (row, column), np.ix_(row * step + taps, column * step + taps)

    def output(self) -> np.ndarray:
        """Return the complete output."""
        field, _ = self.field()
        cells = {position: field[window].sum() for position, window in self.windows()}
        side = max(cells)[0] + 1
        return np.array([cells[position] for position in np.ndindex(side, side)]).reshape(side, side)


SCENES = (
    Scene("kernel 3", 5, 3),
    Scene("kernel 3, stride 2", 7, 3, stride=2),
    Scene("kernel 3, padding 1", 4, 3, padding=1),
    Scene("kernel 3, dilation 2", 7, 3, dilation=2),
    Scene("transposed: kernel 3, stride 2, padding 1", 3, 3, stride=2, padding=1, transposed=True),
)


def draw_frames(scene: Scene) -> list[Image.Image]:
    """Draw one frame for each output cell, in the order in which the kernel visits them."""
    (field, real), output = scene.field(), scene.output()
    frames = []
    for step, (position, window) in enumerate(scene.windows()):
        marked = np.zeros(field.shape, bool)
        marked[window] = True
        width = CELL * (len(field) + len(output)) + 3 * GAP
        frame = Image.new("RGB", (width, CELL * max(len(field), len(output)) + 2 * TITLE + 8), PAPER)
        draw = ImageDraw.Draw(frame)
        draw.text((GAP, 6), scene.title, INK, font(14))
        for cell, value in np.ndenumerate(field):
            colour = KERNEL if marked[cell] else INPUT if real[cell] else PADDING
            _draw_cell(draw, GAP, cell, colour, value, INK if real[cell] else FAINT)
        for index, (cell, value) in enumerate(np.ndenumerate(output)):
            done = index <= step
            colour = CURRENT if cell == position else OUTPUT if done else PAPER
            _draw_cell(draw, 2 * GAP + CELL * len(field), cell, colour, value if done else "", INK)
        frames.append(frame)
    return frames


def _draw_cell(
    draw: ImageDraw.ImageDraw, left: int, cell: tuple[int, int], colour: str, value: int | str, ink: str
) -> None:
    """Draw a cell of a grid with its value."""
    x, y = left + CELL * cell[1], TITLE + 8 + CELL * cell[0]
    draw.rectangle((x, y, x + CELL, y + CELL), colour, GRID)
    draw.text((x + CELL / 2, y + CELL / 2), str(value), ink, font(11), anchor="mm")


def run(context: Context) -> None:
    """Draw the five animations."""
    for scene in SCENES:
        frames = draw_frames(scene)
        caption = f"{scene.title}: {scene.size}x{scene.size} to {'x'.join(map(str, scene.output().shape))}"
        path = context.new_file(".gif", caption)
        # A common palette of few colours keeps the files small.
        palette = frames[-1].quantize(32)
        frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=[350] * (len(frames) - 1) + [1500], loop=0
        )
        context.say(f"{caption}, {len(frames)} frames, {path.stat().st_size / 1000:.1f} kB")
