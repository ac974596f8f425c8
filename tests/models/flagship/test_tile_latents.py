"""Means and latents in a separate thread: calls run in order, and no error is lost."""

import gc
import threading
import time

import numpy as np
import pytest

from compressor.models.flagship.tile_latents import LatentThreads, TileLatents
from compressor.spec.passes import CELLS, CodingPass

PASSES = [CodingPass((cell,), 0, 2, seen=2, kernel=3) for cell in CELLS]


class Engine:
    """Predicts a tenth of the sum of all latents that it sees, and fails at one graph."""

    def __init__(self, failing=""):
        self.failing = failing

    def run(self, graph, *inputs):
        if graph == self.failing:
            raise MemoryError(graph)
        if graph == "hyper_mean":
            return np.zeros((1, 4, 4, 1), np.float32)
        return np.full((1, 2, 2, 2), np.sinh(inputs[0]).sum() / 10, np.float32)


def start_passes(engine, start):
    """Start all passes with symbols of 1, without waiting for any."""
    side, unit = np.zeros((1, 1, 1, 1), np.float32), np.ones(2, np.float32)
    latents = TileLatents(engine, start, side, unit, unit, (4, 4, 2), max(p.reach for p in PASSES))
    for k, p in enumerate(PASSES):
        means = latents.predict(k, p)
        latents.add(means, p, np.ones((1, 2, 2, 2), np.int32))
    return latents


@pytest.mark.parametrize("threads", [1, None])
def test_a_mean_sees_the_latents_of_all_earlier_passes(threads):
    with LatentThreads().in_order(threads) as start:
        decoded = start_passes(Engine(), start).result()
    total = 0.0
    for p in PASSES:
        ((rows, columns),) = p.views
        np.testing.assert_allclose(decoded[rows, columns], 1 + total / 10, rtol=1e-5)
        total += decoded[rows, columns].sum()


@pytest.mark.parametrize("failing", ["hyper_mean", "mean_0", "mean_2", "mean_3"])
def test_the_result_of_a_failed_prediction_is_its_error(failing):
    with LatentThreads().in_order(None) as start:
        latents = start_passes(Engine(failing), start)
        with pytest.raises(MemoryError, match=failing):
            latents.result()


def test_no_call_runs_after_an_error():
    begun, ended = threading.Event(), []

    def run():
        begun.set()
        time.sleep(0.2)
        ended.append(True)

    def fail():
        with LatentThreads().in_order(None) as start:
            start(run)
            begun.wait(60)
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        fail()
    assert ended == [True]


def test_the_next_tile_does_not_wait_for_one_that_was_abandoned():
    threads = LatentThreads()

    def tile():
        with threads.in_order(None) as start:
            yield start(threading.get_ident)()

    abandoned = tile()
    next(abandoned)
    # A reference cycle, as a traceback creates: only the garbage collector ends the tile.
    cycle = [abandoned]
    cycle.append(cycle)
    del abandoned, cycle
    gc.collect()
    with threads.in_order(None) as start:
        assert start(lambda: 1)(timeout=5) == 1


def test_a_thread_serves_one_tile_at_a_time_and_then_the_next():
    threads = LatentThreads()
    with threads.in_order(None) as first, threads.in_order(None) as second:
        together = {first(threading.get_ident)(), second(threading.get_ident)()}
    with threads.in_order(None) as third:
        assert third(threading.get_ident)() in together
    assert len(together) == 2
    assert threading.get_ident() not in together
