"""A progress line on the terminal."""

import shutil
import sys
import time

_SECONDS_BETWEEN_UPDATES = 0.1


class ProgressLine:
    """A line that is rewritten in place; without a terminal, nothing is written.

    Args:
        is_shown: whether it is wanted at all.
    """

    def __init__(self, *, is_shown: bool) -> None:
        self._start = time.perf_counter()
        self._shown_at = -1.0
        self._is_shown = is_shown and sys.stderr is not None and sys.stderr.isatty()

    def show(self, share: float, text: str) -> None:
        """Show the share of the work done, and an estimate of the remaining time.

        Args:
            share: share of the work that is done, above 0, at most 1.
            text: what the line begins with.
        """
        now = time.perf_counter()
        if not self._is_shown or now < self._shown_at + _SECONDS_BETWEEN_UPDATES:
            return
        self._shown_at = now
        left = round((now - self._start) * (1 - share) / share)
        self._write(f"{text}, {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left")

    def clear(self) -> None:
        """Remove the line."""
        if self._is_shown and self._shown_at >= 0:
            self._write("")

    def _write(self, text: str) -> None:
        # Back to the beginning, and clear to the end of the line. A line that wraps could not be cleared.
        num_columns = shutil.get_terminal_size().columns
        print(f"\r\x1b[K{text[: num_columns - 1]}", end="", file=sys.stderr, flush=True)
