"""Many measurements, in parallel, resumable: what the cache has is not done again."""

import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from tqdm import tqdm

from compressor.workers import SigintHeld
from eval.errors import EvalError, Interrupted, one_line
from eval.images import Picture
from eval.measure import COLUMNS, Cache, Task, measure


def plan(pictures: list[Picture], codecs: list, qualities: list[float] | None) -> list[Task]:
    """Every picture through every codec at every quality; by picture, so that each is read once."""
    versions = {codec.name: codec.version() for codec in codecs}
    return [
        Task(picture, codec, versions[codec.name], quality)
        for picture in pictures
        for codec in codecs
        for quality in (qualities or codec.qualities)
    ]


def run(tasks: list[Task], cache: Cache, jobs: int = 1, quiet: bool = False) -> tuple[list[dict], list[str]]:
    """Rows in the order of the tasks, and one line for each task that failed.

    Raises:
        Interrupted: Ctrl-C. All finished measurements are in the cache.
    """
    rows: list[dict | None] = [cache.load(task) for task in tasks]
    missing = [index for index, row in enumerate(rows) if row is None]
    failures: list[str] = []
    done = len(tasks) - len(missing)
    try:
        with tqdm(total=len(tasks), initial=done, unit="file", disable=True if quiet else None) as bar:
            for index, result in _results(missing, tasks, cache, jobs):
                if isinstance(result, dict):
                    rows[index] = result
                else:
                    failures.append(f"{tasks[index]}: {result}")
                done += 1
                bar.update()
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped with {done} of {len(tasks)} done; they are kept, the same command goes on from there"
        ) from None
    return [{column: row[column] for column in COLUMNS} for row in rows if row is not None], failures


def _results(
    indices: list[int], tasks: list[Task], cache: Cache, jobs: int
) -> Iterator[tuple[int, dict | str]]:
    if jobs <= 1 or len(indices) <= 1:
        for index in indices:
            yield index, _attempt(tasks[index], cache)
    else:
        yield from _parallel_results(indices, tasks, cache, jobs)


def _attempt(task: Task, cache: Cache) -> dict | str:
    """The row, or why there is none: one bad picture or codec does not end the run."""
    try:
        return measure(task, cache)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  panics of libraries written in Rust are no `Exception`
        return one_line(error)


def _parallel_results(indices: list[int], tasks: list[Task], cache: Cache, jobs: int):
    # "spawn": codecs and array libraries start threads, and a forked copy of those may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_ignore_ctrl_c) as pool:
        pending = {}
        queue: Iterable[int] = iter(indices)
        try:
            # Only a few are handed out ahead, so that Ctrl-C has little to wait for.
            while True:
                for index in queue:
                    # A worker may be started here, and imports for a second before it ignores Ctrl-C.
                    with SigintHeld():
                        future = pool.submit(_attempt, tasks[index], cache)
                    pending[future] = index
                    if len(pending) >= 2 * jobs:
                        break
                if not pending:
                    return
                finished, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield pending.pop(future), future.result()
        except BrokenProcessPool:
            names = "; ".join(str(tasks[index]) for index in sorted(pending.values())[:jobs])
            raise EvalError(f"a worker process died (a crash, or out of memory) at one of: {names}") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ignore_ctrl_c() -> None:
    """Ctrl-C reaches all processes of a terminal; the parent alone decides, the workers finish their file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
