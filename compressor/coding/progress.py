"""Callbacks that receive the progress of an encoding."""

from collections.abc import Callable

# Called with the share of the work done so far, 0..1.
OnProgress = Callable[[float], object]


def ignore_progress(share: float) -> None:
    """Do nothing."""


def progress_of_part(on_progress: OnProgress, part: int, parts: int) -> OnProgress:
    """Return a callback that reports the progress of one of several equal parts as that of the whole."""
    return lambda share: on_progress((part + share) / parts)
