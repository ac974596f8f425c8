"""Work on several tiles at once: most of it is done outside of Python's lock."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# More would gain little, since an engine uses all cores by itself, and each takes memory.
MAX_WORKERS = 4


def num_workers(threads: int | None) -> int:
    """Return how many tiles to work on at once.

    Args:
        threads: the most threads to use; None for one for each core.
    """
    if threads is None:
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(threads, MAX_WORKERS)


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """Yield the function's results in the order of the items, while threads work on the next ones.

    Args:
        function: must be safe to call from several threads.
        items: the arguments.
        workers: number of calls at the same time; with 1, each call is made when its result is asked for.

    Example:
        >>> list(map_ahead(abs, [-1, 2, -3], workers=2))
        [1, 2, 3]
    """
    if workers == 1:
        yield from map(function, items)
        return
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, "tile") as pool:
        try:
            for item in items:
                if len(pending) == workers:
                    yield pending.popleft().result()
                pending.append(pool.submit(function, item))
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
