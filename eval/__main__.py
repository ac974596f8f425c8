import signal
import sys

from eval.cli import main

if __name__ == "__main__":  # worker processes import this module again, and must not start over
    # Being told to end is like Ctrl-C: what is done is kept, and no worker process stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
