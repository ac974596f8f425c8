"""Many inputs: which there are, their outputs, progress, and what is said at the end."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from compressor.bitstream.header import FILE_EXTENSION
from compressor.commands import Done, explain, output_path, say
from compressor.errors import CompressorError, OptionError
from compressor.files import STANDARD_STREAM, is_stdout, remove_stale_temporaries, shown
from compressor.progress import ProgressLine


@dataclass(frozen=True, slots=True)
class Job:
    """One input and its output: paths, or "-"."""

    source: str
    output: str


@dataclass(slots=True)
class Plan:
    """What is to be done.

    Attributes:
        jobs: in the order of the inputs, folders sorted by name.
        failures: lines about inputs that have no output.
        num_skipped: how many inputs are left out since their output exists.
    """

    jobs: list[Job] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    num_skipped: int = 0


def run_batch(options: argparse.Namespace) -> bool:
    """Run `encode` or `decode` on all inputs; bad ones do not stop the others, and are listed at the end.

    Args:
        options: the arguments of the command.

    Returns:
        Whether all went well.
    """
    start = time.perf_counter()
    plan = plan_jobs(options)
    for folder in {os.path.dirname(job.output) or "." for job in plan.jobs if not is_stdout(job.output)}:
        remove_stale_temporaries(folder)
    progress = ProgressLine(is_shown=not options.quiet)
    done: list[Done] = []
    try:
        for count, outcome in enumerate(_outcomes(plan.jobs, options), start=1):
            rate = count / (time.perf_counter() - start)
            progress.show(count / len(plan.jobs), f"{count}/{len(plan.jobs)}, {rate:.2f} images/s")
            if isinstance(outcome, str):
                plan.failures.append(outcome)
                continue
            done.append(outcome)
            if options.verbose:
                progress.clear()
                for line in outcome.lines:
                    say(line)
    except CompressorError as error:
        # It concerns all that is left.
        plan.failures.append(f"compressor: {error}")
    finally:
        progress.clear()
    for failure in plan.failures:
        say(failure)
    if not options.quiet:
        say(_summary(done, plan, time.perf_counter() - start, options))
    return not plan.failures


def plan_jobs(options: argparse.Namespace) -> Plan:
    """Find the inputs, those in folders too, and the output of each."""
    plan = Plan()
    outputs = set()
    for source, relative in _sources(options, plan.failures):
        try:
            output = output_path(source, options, relative=relative)
            if output in outputs and not is_stdout(output):
                raise OptionError(
                    f"the output {shown(output)} was already made from another input: rename one of them"
                )
        except CompressorError as error:
            plan.failures.append(explain(source, error))
            continue
        outputs.add(output)
        if options.skip_existing and not is_stdout(output) and os.path.exists(output):
            plan.num_skipped += 1
        else:
            plan.jobs.append(Job(source, output))
    return plan


def run_job(job: Job, options: argparse.Namespace) -> Done | str:
    """Run the command on one input; returns the line that says what went wrong, if something did."""
    try:
        if options.recursive and options.output_is_folder:
            os.makedirs(os.path.dirname(job.output), exist_ok=True)
        return options.run(job.source, job.output, options)
    except BrokenPipeError:
        raise
    except Exception as error:
        return explain(job.source, error)


def _outcomes(jobs: list[Job], options: argparse.Namespace) -> Iterator[Done | str]:
    function = partial(run_job, options=options)
    num_processes = min(options.jobs or 1, len(jobs))
    is_one_by_one = options.ray is None and num_processes == 1
    # The standard streams belong to this process.
    if not jobs or is_one_by_one or any(STANDARD_STREAM in (job.source, job.output) for job in jobs):
        yield from map(function, jobs)
        return

    from compressor.cluster import run_on_ray
    from compressor.workers import WorkerDiedError, run_in_processes

    if options.ray is None:
        results = run_in_processes(function, jobs, num_processes)
    else:
        results = run_on_ray(function, jobs, options.ray, options.jobs)
    for job, outcome in results:
        if isinstance(outcome, WorkerDiedError):
            # Most often the system has killed it for want of memory.
            outcome = explain(job.source, OptionError(f"{outcome}: try it alone, or with a smaller -j"))
        yield outcome


def _sources(options: argparse.Namespace, failures: list[str]) -> Iterator[tuple[str, str | None]]:
    """Yield input files, each with its path below the folder that it was found in, if it was."""
    for source in options.inputs:
        if not (options.recursive and os.path.isdir(source)):
            yield source, None
            continue
        found = list(_files_below(source, _extensions(options), failures))
        if not found:
            what = "pictures" if options.command == "encode" else f"{FILE_EXTENSION} files"
            failures.append(
                explain(source, OptionError(f"there are no {what} in this folder: check its name"))
            )
        for path in found:
            yield path, os.path.relpath(path, source)


def _files_below(folder: str, extensions: set[str], failures: list[str]) -> Iterator[str]:
    for parent, folders, names in os.walk(
        folder, onerror=lambda error: failures.append(explain(str(error.filename), error))
    ):
        folders.sort()
        for name in sorted(names):
            if os.path.splitext(name)[1].lower() in extensions:
                yield os.path.join(parent, name)


def _extensions(options: argparse.Namespace) -> set[str]:
    """What the names of inputs in folders end with."""
    if options.command == "decode":
        return {FILE_EXTENSION}
    from PIL import Image

    readable = {name for name, format_ in Image.registered_extensions().items() if format_ in Image.OPEN}
    return readable - {FILE_EXTENSION}


def _summary(done: list[Done], plan: Plan, seconds: float, options: argparse.Namespace) -> str:
    parts = [f"{options.command}d {len(done)} of {len(plan.jobs) + plan.num_skipped} files"]
    if plan.num_skipped:
        parts.append(f"{plan.num_skipped} skipped")
    if plan.failures:
        parts.append(f"{len(plan.failures)} failed")
    num_bytes_in, num_bytes_out = (
        sum(getattr(d, name) for d in done) for name in ("num_bytes_in", "num_bytes_out")
    )
    parts.append(f"{num_bytes_in} -> {num_bytes_out} bytes")
    return ", ".join(parts) + f", {seconds:.1f} s, {len(done) / seconds:.2f} images/s"
