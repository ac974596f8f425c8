"""The errors of the demos: one base, one subclass per kind of cause."""

from compressor.errors import CompressorError


class DemoError(CompressorError):
    """Base of all errors of the demos, with a message of one line."""


class PictureError(DemoError):
    """A file cannot be read as a picture."""


class ArgumentError(DemoError, ValueError):
    """An operation is not defined for a size, kernel or shape."""


class CheckError(DemoError):
    """A statement of a lesson is false."""
