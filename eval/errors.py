"""The typed errors of the evaluation. Each message is one line that a user can act on."""


class EvalError(Exception):
    """Something the user can mend; the command line prints it without a traceback."""


class BadPicture(EvalError):
    """A file that is not a picture that can be compared."""


class SizeMismatch(EvalError):
    """Two pictures that should be of one size are not."""


class CodecUnavailable(EvalError):
    """The library behind a codec is not installed, or does not work here."""


class Interrupted(EvalError):
    """Stopped by Ctrl-C; what was done is in the cache."""


def one_line(error: BaseException) -> str:
    """Any exception as one line: its message, or its type where it has none."""
    text = " ".join(str(error).split())
    if isinstance(error, EvalError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
