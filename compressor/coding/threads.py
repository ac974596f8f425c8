"""Work on several tiles at once: most of it is done outside of Python's lock."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from itertools import cycle
from typing import TypeVar

from compressor.call_thread import CallThread
from compressor.engines.cpu import num_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

# More would gain little, since an engine uses all cores by itself, and each takes memory.
MAX_WORKERS = 4


def num_workers(threads: int | None) -> int:
    """Return the number of tiles to work on at once.

    Args:
        threads: maximum number of threads; None for one per core.
    """
    return min(threads or num_cores(), MAX_WORKERS)


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
    threads = [CallThread("tile") for _ in range(workers)]
    pending: deque[Future[Result]] = deque()
    try:
        # Results are taken in order, so the thread whose turn it is has none left to work on.
        for item, thread in zip(items, cycle(threads), strict=False):
            if len(pending) == workers:
                yield pending.popleft().result()
            pending.append(thread.start(function, item))
        while pending:
            yield pending.popleft().result()
    finally:
        # Even after an error: tiles that are still being processed would slow down the next call.
        wait(pending)
