"""The entry point of the process, which sets up the handling of signals."""

import signal
from typing import NoReturn


def run() -> NoReturn:
    """Run the command line and end the process."""
    # Without job control, shells start background jobs with SIGINT ignored: keep it that way.
    heeds_interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeds_interrupts:
        # While the command line is imported, Ctrl-C ends the process without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from compressor.cli.main import run as run_main

    if heeds_interrupts:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # On SIGTERM, stop workers and remove unfinished files, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run_main()
