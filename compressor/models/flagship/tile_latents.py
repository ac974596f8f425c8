"""The latents of a tile, computed in a separate thread while symbols are decoded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from compressor.call_thread import CallThread
from compressor.engines.interface import Engine
from compressor.spec.arrays import Floats, Symbols, stacked
from compressor.spec.passes import CodingPass

# Starts a call, and returns a function that waits for its result.
Start = Callable[..., Callable[[], Any]]
# A coded pass: a function that waits for its means, the `CodingPass`, and its symbols.
_Added: TypeAlias = tuple[Callable[[], Floats], CodingPass, Symbols]


class TileLatents:
    """Latents of a tile in quantisation steps, pass by pass: means from the engine, plus symbols.

    Means depend on the latents of earlier passes; scale indices depend only on their symbols. So `predict`
    only starts work, and a decoder can read later passes before it is done. If a call fails, all later ones
    fail too.

    Args:
        engine: runs `hyper_mean`, `mean_0`, `mean_1`, ...
        start: see `LatentThreads`.
        side: inputs of `hyper_mean`, (1, h / side stride, w / side stride, S + 1).
        mean_unit: the unit of the means that networks predict, (C,) or (h, w, C).
        near_unit: the unit of the latents that networks read, those of the first R channels, (R,) or
            (h, w, R).
        shape: (h, w, number of decoded channels).
        margin: the largest number of positions beyond the tile that a pass reads.
    """

    def __init__(
        self,
        engine: Engine,
        start: Start,
        side: Floats,
        mean_unit: Floats,
        near_unit: Floats,
        shape: tuple[int, int, int],
        margin: int,
    ) -> None:
        self._engine, self._start = engine, start
        self._mean_unit, self._near_unit = mean_unit, near_unit
        self._decoded = np.zeros(shape, np.float32)
        h, w, _ = shape
        self._margin = margin
        self._near_and_margin = np.zeros((h + 2 * margin, w + 2 * margin, near_unit.shape[-1]), np.float32)
        self._near = self._near_and_margin[margin : margin + h, margin : margin + w]
        self._features = start(lambda: engine.run("hyper_mean", side)[0])
        self._added: _Added | None = None

    def predict(self, k: int, p: CodingPass) -> Callable[[], Floats]:
        """Start predicting the latents of pass `k`. Call `add` for the previous pass first.

        Returns:
            A function that waits for the means, (views, rows, columns, channels).
        """
        means: Callable[[], Floats] = self._start(self._means, self._added, k, p)
        return means

    def add(self, means: Callable[[], Floats], p: CodingPass, symbols: Symbols) -> None:
        """Record the symbols of the last pass. The next `predict` or `result` adds them to its means."""
        # Starting a separate call would take longer.
        self._added = means, p, symbols

    def result(self) -> Floats:
        """Wait for the last pass, and return the latents; those of passes not added are zero."""
        if self._added:
            self._start(self._place, *self._added)()
        return self._decoded

    def _means(self, added: _Added | None, k: int, p: CodingPass) -> Floats:
        if added:
            self._place(*added)
        features = self._features()
        inputs = [stacked([features[view] for view in p.views])]
        if p.seen:
            around = p.surroundings(self._near_and_margin, self._margin)
            height, width = (n - p.stride + 1 for n in around.shape[:2])
            inputs.insert(0, stacked([around[r : r + height, c : c + width] for r, c in p.origins]))
        means = self._engine.run(f"mean_{k}", *inputs)
        means *= p.gather(self._mean_unit)
        return means

    def _place(self, means: Callable[[], Floats], p: CodingPass, symbols: Symbols) -> None:
        values = np.add(means(), symbols, dtype=np.float32)
        p.scatter(values, self._decoded)
        if p.high <= self._near.shape[2]:
            values /= p.gather(self._near_unit)
            p.scatter(np.arcsinh(values, out=values), self._near)


class LatentThreads:
    """A pool of threads, one for each tile being coded.

    Threads are reused because the memory allocator may give each new one its own arena: otherwise, encoding
    100 megapixels takes 0.8 GB more.
    """

    def __init__(self) -> None:
        # Otherwise, the garbage collector could end a thread together with an abandoned tile, and the ended
        # thread would be used again.
        self._threads: list[CallThread] = []
        self._idle: list[CallThread] = []

    @contextmanager
    def in_order(self, threads: int | None) -> Iterator[Start]:
        """Yield a function that starts calls, which run one after another in a separate thread.

        Args:
            threads: maximum number of threads. With 1, each call runs at once in the calling thread.
        """
        if threads == 1:
            yield _at_once
            return
        try:
            thread = self._idle.pop()
        except IndexError:
            thread = CallThread("latents")
            self._threads.append(thread)
        try:
            yield lambda function, *arguments: thread.start(function, *arguments).result
        except BaseException:
            # A thread that returns from compiled code while the process ends would abort it.
            thread.cancel()
            raise
        finally:
            self._idle.append(thread)


def _at_once(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    result = function(*arguments)
    return lambda: result
