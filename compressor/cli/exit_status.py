"""Exit statuses of the command line."""

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_WRONG_USAGE = 2
EXIT_INTERRUPTED = 130
