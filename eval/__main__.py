"""Command line of the evaluation: `python -m eval`."""

import signal
import sys

from eval.cli import main

if __name__ == "__main__":  # worker processes import this module too
    # Treat termination like Ctrl-C: keep finished results and stop the workers.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
