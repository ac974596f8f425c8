"""The errors that the codec raises (one base, one subclass per kind of cause), and helpers for messages.

Each message is one line: what was received, what was expected, how to fix it.
"""


class CompressorError(Exception):
    """Base of every error that this package raises on purpose."""


class ImageInputError(CompressorError):
    """The picture to encode cannot be read, or has a type, shape or mode that is not supported."""


class StreamError(CompressorError):
    """The bytes to decode are not a stream that this version can decode."""


class NotAStreamError(StreamError):
    """The bytes do not start like a stream of this codec."""


class TruncatedStreamError(StreamError):
    """The bytes end before the stream does."""


class CorruptStreamError(StreamError):
    """A checksum or a value in the stream contradicts the rest of it."""


class UnsupportedStreamError(StreamError):
    """A format version or model id that this version of the package does not know."""


class LimitError(CompressorError):
    """The picture is larger than the limit on pixels in force."""


class OptionError(CompressorError):
    """An option or argument has a value outside its range, or contradicts another."""


class MissingDependencyError(CompressorError):
    """An optional dependency is needed for what was asked, and is not installed."""


class WeightsError(CompressorError):
    """The model files are missing, damaged, or do not match their manifest."""


class ClusterError(CompressorError):
    """The cluster does not answer, or its machines cannot do the work."""


def one_line(error: BaseException) -> str:
    """Return the message of any error on one line, or its type where there is none.

    Example:
        >>> one_line(ValueError("bad  \\n value"))
        'bad value'
    """
    return " ".join(str(error).split()) or type(error).__name__


def shown(name: str) -> str:
    """Return a file's name or other text from outside for a message: on one line, whatever it contains.

    Example:
        >>> shown("a\\nb.png")
        "'a\\\\nb.png'"
    """
    return name if name.isprintable() else ascii(name)
