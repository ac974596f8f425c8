"""Many inputs: finding them, their outputs, progress, and the summary."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from compressor.atomic import remove_stale_temporaries
from compressor.cli.commands import Done, explain, output_path, run_file, say
from compressor.cli.files import STANDARD_STREAM, is_stdout
from compressor.cli.progress import ProgressLine
from compressor.cli.requests import DecodeRequest, EncodeRequest, Request
from compressor.errors import CompressorError, OptionError, shown
from compressor.spec.file_format import FILE_EXTENSION

# Number of left-out files that are named.
_NUM_NAMED = 5


@dataclass(frozen=True, slots=True)
class Job:
    """One input and its output: paths, or "-"."""

    source: str
    output: str


@dataclass(slots=True)
class Plan:
    """The work of a batch.

    Attributes:
        jobs: in the order of the inputs, folders sorted by name.
        failures: lines about inputs that have no output.
        num_skipped: number of inputs left out since their output exists.
        others: names in folders that are left out: files of other types, and links to folders.
    """

    jobs: list[Job] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    num_skipped: int = 0
    others: list[str] = field(default_factory=list)


def run_batch(request: Request) -> bool:
    """Run `encode` or `decode` on all inputs; bad ones do not stop the others, and are listed at the end.

    Args:
        request: the arguments of the command.

    Returns:
        Whether all inputs succeeded.
    """
    start = time.perf_counter()
    try:
        plan = plan_jobs(request)
    except OSError as error:
        # The working directory has been removed.
        say(explain(os.curdir, error))
        return False
    for folder in {os.path.dirname(job.output) or "." for job in plan.jobs if not is_stdout(job.output)}:
        remove_stale_temporaries(folder)
    num_inputs = len(plan.jobs) + plan.num_skipped + len(plan.failures)
    progress = ProgressLine(is_shown=not request.quiet)
    done: list[Done] = []
    try:
        for count, outcome in enumerate(_outcomes(plan.jobs, request), start=1):
            rate = count / (time.perf_counter() - start)
            progress.show(count / len(plan.jobs), f"{count}/{len(plan.jobs)}, {rate:.2f} images/s")
            if isinstance(outcome, str):
                plan.failures.append(outcome)
                continue
            done.append(outcome)
            lines = (*outcome.notes, *outcome.summary) if request.verbose else outcome.notes
            if lines:
                progress.clear()
            for line in lines:
                say(line)
    except CompressorError as error:
        # It affects all remaining inputs.
        plan.failures.append(f"compressor: {error}")
    finally:
        progress.clear()
    for failure in plan.failures:
        say(failure)
    if not request.quiet:
        if plan.others:
            say(_left_out(plan.others))
        say(_summary(done, num_inputs, plan, time.perf_counter() - start, request))
    return not plan.failures


def plan_jobs(request: Request) -> Plan:
    """Find the inputs, those in folders too, and the output of each."""
    plan = Plan()
    sources = list(_sources(request, plan))
    inputs, outputs = {os.path.realpath(source) for source, _ in sources}, set()
    for source, relative in sources:
        try:
            output = output_path(source, request, relative=relative)
            real_output = os.path.realpath(output)
            is_file = not is_stdout(output)
            if is_file and real_output in inputs:
                raise OptionError(f"the output {shown(output)} is an input: name another folder with -o")
            if is_file and real_output in outputs:
                raise OptionError(
                    f"the output {shown(output)} was already made from another input: rename one of them"
                )
        except CompressorError as error:
            plan.failures.append(explain(source, error))
            continue
        outputs.add(real_output)
        if request.skip_existing and is_file and os.path.isfile(output):
            plan.num_skipped += 1
        else:
            plan.jobs.append(Job(source, output))
    return plan


def run_job(job: Job, request: Request) -> Done | str:
    """Run the command on one input; return its outcome, or the line that says why it failed."""
    try:
        if request.recursive and request.output_is_folder:
            os.makedirs(os.path.dirname(job.output), exist_ok=True)
        return run_file(job.source, job.output, request)
    except BrokenPipeError:
        raise
    except Exception as error:
        return explain(job.source, error)


def _outcomes(jobs: list[Job], request: Request) -> Iterator[Done | str]:
    num_processes = min(request.num_workers or 1, len(jobs))
    is_one_by_one = request.ray is None and num_processes == 1
    # The standard streams belong to this process.
    if not jobs or is_one_by_one or any(STANDARD_STREAM in (job.source, job.output) for job in jobs):
        yield from map(partial(run_job, request=request), jobs)
        return

    from compressor.cli.cluster import run_on_ray
    from compressor.cli.workers import WorkerDiedError, run_in_processes

    # Each process uses one thread.
    function = partial(run_job, request=replace(request, runtime=replace(request.runtime, threads=1)))
    if request.ray is None:
        results = run_in_processes(function, jobs, num_processes)
    else:
        results = run_on_ray(function, jobs, request.ray, request.num_workers)
    for job, outcome in results:
        if isinstance(outcome, WorkerDiedError):
            # Most often the system killed it because memory ran out.
            outcome = explain(job.source, OptionError(f"{outcome}: try it alone, or with a smaller -j"))
        yield outcome


def _sources(request: Request, plan: Plan) -> Iterator[tuple[str, str | None]]:
    """Yield input files, each with its path below the folder that it was found in, if it was."""
    for source in request.inputs:
        if not (request.recursive and os.path.isdir(source)):
            yield source, None
            continue
        found = list(_files_below(source, _extensions(request), plan))
        if not found:
            what = "pictures" if isinstance(request, EncodeRequest) else f"{FILE_EXTENSION} files"
            error = OptionError(f"there are no {what} in this folder: check its name")
            plan.failures.append(explain(source, error))
        for path in found:
            yield path, os.path.relpath(path, source)


def _files_below(folder: str, extensions: set[str], plan: Plan) -> Iterator[str]:
    for parent, folders, names in os.walk(
        folder, onerror=lambda error: plan.failures.append(explain(str(error.filename), error))
    ):
        folders.sort()
        # Links to folders are not followed: they could form a cycle.
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        plan.others += [os.path.relpath(os.path.join(parent, name), folder) for name in links]
        for name in sorted(names):
            path = os.path.join(parent, name)
            # macOS keeps metadata of photo.jpg in ._photo.jpg.
            is_input = os.path.splitext(name)[1].lower() in extensions and not name.startswith("._")
            # Keep broken links, so that they are reported as errors. Skip pipes: reading one would block.
            if is_input and (os.path.isfile(path) or not os.path.exists(path)):
                yield path
            else:
                plan.others.append(os.path.relpath(path, folder))


def _extensions(request: Request) -> set[str]:
    """Return the extensions of inputs in folders."""
    if isinstance(request, DecodeRequest):
        return {FILE_EXTENSION}
    from compressor.images.loading import readable_extensions

    return readable_extensions() - {FILE_EXTENSION}


def _left_out(names: list[str]) -> str:
    named = ", ".join(map(shown, names[:_NUM_NAMED])) + ", ..." * (len(names) > _NUM_NAMED)
    return f"left out {len(names)} (other file types or links to folders): {named}"


def _summary(done: list[Done], num_inputs: int, plan: Plan, seconds: float, request: Request) -> str:
    verb = "encoded" if isinstance(request, EncodeRequest) else "decoded"
    parts = [f"{verb} {len(done)} of {num_inputs} files"]
    if plan.num_skipped:
        parts.append(f"{plan.num_skipped} skipped")
    if plan.failures:
        parts.append(f"{len(plan.failures)} failed")
    num_bytes_in, num_bytes_out = (
        sum(getattr(d, name) for d in done) for name in ("num_bytes_in", "num_bytes_out")
    )
    parts.append(f"{num_bytes_in} -> {num_bytes_out} bytes")
    return ", ".join(parts) + f", {seconds:.1f} s, {len(done) / seconds:.2f} images/s"
