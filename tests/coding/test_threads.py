"""Work on several tiles at once."""

import threading

import pytest

from compressor.coding.threads import MAX_WORKERS, map_ahead, num_workers


def test_number_of_workers():
    assert num_workers(1) == 1
    assert num_workers(1000) == MAX_WORKERS
    assert 1 <= num_workers(None) <= MAX_WORKERS


@pytest.mark.parametrize("workers", [1, 3])
def test_results_in_order(workers):
    assert list(map_ahead(lambda x: x * x, range(10), workers)) == [x * x for x in range(10)]
    assert list(map_ahead(abs, [], workers)) == []


def test_calls_at_the_same_time():
    """Each call waits for the other: one after the other would never end."""
    both = threading.Barrier(2, timeout=60)
    assert sorted(map_ahead(lambda _: both.wait(), range(2), 2)) == [0, 1]


def test_no_further_ahead_than_workers():
    called = []
    results = map_ahead(lambda x: called.append(x) or x, range(10), 2)
    assert next(results) == 0
    results.close()
    assert set(called) <= {0, 1, 2}


def test_one_worker_calls_when_asked():
    called = []
    results = map_ahead(called.append, range(10), 1)
    assert called == []
    next(results)
    assert called == [0]


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_is_raised_where_its_result_would_be(workers):
    results = map_ahead(lambda x: 1 // (2 - x), range(4), workers)
    assert next(results) == 0
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
