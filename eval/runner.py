"""Many measurements, in parallel. A run that was interrupted resumes from the cache."""

from collections.abc import Iterator
from functools import partial

from tqdm import tqdm

from compressor.cli.workers import WorkerDiedError, run_in_processes
from eval.codecs import Codec
from eval.errors import InterruptedRunError, described
from eval.images import Picture
from eval.measure import Cache, Task, as_columns, is_complete, measure


def plan(pictures: list[Picture], codecs: list[Codec], qualities: list[float] | None) -> list[Task]:
    """List a task for each picture, codec and quality, ordered by picture so that each is read once.

    Args:
        pictures: the pictures to encode.
        codecs: the codecs to run.
        qualities: qualities in 1..100; None for each codec's own.
    """
    versions = {codec.name: codec.version() for codec in codecs}
    return [
        Task(picture, codec, versions[codec.name], quality)
        for picture in pictures
        for codec in codecs
        for quality in qualities_of(codec, qualities)
    ]


def qualities_of(codec: Codec, qualities: list[float] | None) -> list[float]:
    """Return the qualities at which a codec is tested: the requested ones or its own, each once."""
    asked = map(round if codec.whole_qualities else float, qualities or codec.qualities)
    return list(dict.fromkeys(asked))


def run(tasks: list[Task], cache: Cache, jobs: int = 1, quiet: bool = False) -> tuple[list[dict], list[str]]:
    """Measure all tasks that have no complete row in the cache.

    Args:
        tasks: tasks to measure.
        cache: cache in which results are looked up and stored.
        jobs: number of worker processes.
        quiet: whether to hide the progress bar.

    Returns:
        The rows in the order of the tasks, and one line for each task that failed.

    Raises:
        InterruptedRunError: if Ctrl-C was pressed; all finished measurements are in the cache.
    """
    rows: list[dict | None] = [cache.load(task) for task in tasks]
    missing = [index for index, row in enumerate(rows) if not is_complete(row)]
    failures: list[str] = []
    done = len(tasks) - len(missing)
    try:
        with tqdm(total=len(tasks), initial=done, unit="file", disable=True if quiet else None) as bar:
            for index, result in _results(missing, tasks, cache, jobs):
                if isinstance(result, dict):
                    rows[index] = result
                else:
                    rows[index] = None
                    failures.append(f"{tasks[index]}: {result}")
                done += 1
                bar.update()
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"stopped after {done} of {len(tasks)} files; those that succeeded are kept: run the same "
            "command to resume"
        ) from None
    return [as_columns(row) for row in rows if row is not None], failures


def _results(
    indices: list[int], tasks: list[Task], cache: Cache, jobs: int
) -> Iterator[tuple[int, dict | str]]:
    attempt = partial(_attempt, cache=cache)
    if jobs <= 1 or len(indices) <= 1:
        for index in indices:
            yield index, attempt((index, tasks[index]))
        return
    for (index, _), outcome in run_in_processes(attempt, [(i, tasks[i]) for i in indices], jobs):
        yield index, str(outcome) if isinstance(outcome, WorkerDiedError) else outcome


def _attempt(item: tuple[int, Task], cache: Cache) -> dict | str:
    """Return the row, or the reason why it failed: one bad picture or codec does not end the run."""
    try:
        return measure(item[1], cache)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  panics of Rust libraries do not derive from Exception
        return described(error)
