"""The error that training raises for bad input."""

from compressor.errors import CompressorError


class TrainingError(CompressorError):
    """Data, options or a run folder cannot be used; the message says how to correct it."""
