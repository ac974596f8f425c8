"""The error that training raises for bad input."""


class TrainingError(Exception):
    """Data, options or a run folder cannot be used; the message says how to correct it."""
