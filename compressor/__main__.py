"""`python -m compressor`."""

from compressor.cli.main import run

run()
