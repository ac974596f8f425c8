"""The command line: `compressor encode`, `decode` and `info`."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

from compressor.cli.arguments import request_of
from compressor.cli.commands import explain, info_file, output_path, run_file, say
from compressor.cli.exit_status import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from compressor.cli.parser import build_parser
from compressor.cli.requests import InfoRequest, Request
from compressor.errors import shown


def run() -> NoReturn:
    """Run the command line and end the process."""
    # NumPy's products are small here, and starting threads for them takes 0.1 s of processor time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    status = main()
    if status == EXIT_INTERRUPTED:
        # A second signal must not interrupt the cleanup at exit.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    # Pools of processes and clusters have work to do at exit.
    if "compressor.cli.batch" in sys.modules or _is_observed():
        sys.exit(status)
    try:
        print(end="", flush=True)
    except OSError:
        status = status or EXIT_FAILED
    # Without the interpreter's cleanup: freeing the networks takes 50 ms.
    os._exit(status)


def _is_observed() -> bool:
    """Return whether a profiler, a debugger or a coverage tool has work to do at exit."""
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = map(monitoring.get_tool, range(6)) if monitoring else ()
    return bool(sys.getprofile() or sys.gettrace() or any(tools))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; those of the process if None.

    Returns:
        The exit status: 0, 1 if an input failed, 130 if interrupted.

    Raises:
        SystemExit: with status 2 for wrong usage, 1 if an option needs a model that cannot be read, 0 after
            --help and --version.
    """
    parser = build_parser()
    arguments, unknown = parser.parse_known_args(argv)
    if isinstance(sys.stdout, TextIOWrapper):
        # Print file names that the terminal cannot show in escaped form.
        sys.stdout.reconfigure(errors="backslashreplace")
    if arguments.command is None:
        parser.error("received no command, expected encode, decode or info")
    # argparse returns inputs as unknown if they follow an option that itself follows inputs.
    num_parsed = unknown.index("--") if "--" in unknown else len(unknown)
    if any(each.startswith("-") and each != "-" for each in unknown[:num_parsed]):
        arguments.fail(f"unrecognized arguments: {' '.join(map(shown, unknown[:num_parsed]))}")
    arguments.inputs += unknown[:num_parsed] + unknown[num_parsed + 1 :]
    request = request_of(arguments)
    try:
        with warnings.catch_warnings():
            # Pillow's warnings are for developers; our own notes cover what concerns the user.
            warnings.simplefilter("ignore")
            if not isinstance(request, InfoRequest) and request.is_batch:
                from compressor.cli.batch import run_batch

                return EXIT_OK if run_batch(request) else EXIT_FAILED
            results = [_run_one(source, request) for source in request.inputs]
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has closed it. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return EXIT_OK if all(results) else EXIT_FAILED


def _run_one(source: str, request: Request | InfoRequest) -> bool:
    """Run the command on one input; print one line if it fails."""
    try:
        if isinstance(request, InfoRequest):
            info_file(source, request)
        else:
            done = run_file(source, output_path(source, request), request)
            for line in (*done.notes, *done.summary):
                say(line)
    except BrokenPipeError:
        raise
    except Exception as error:
        say(explain(source, error))
        return False
    return True
