"""`python -m compressor`."""

from compressor.cli.entry import run

run()
