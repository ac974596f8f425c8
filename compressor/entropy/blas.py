"""Keeps NumPy's matrix products to one thread while an engine uses the other cores."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

from compressor.locks import CachedProperty, ForkSafeLock


class _Limit:
    """A limit of the whole process: the first to enter sets it, and the last to leave removes it."""

    def __init__(self) -> None:
        self._lock, self._users = ForkSafeLock(), 0
        self._limiter: Any = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget_users)

    @CachedProperty
    def _controller(self) -> ThreadpoolController:
        return ThreadpoolController()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Limit NumPy's BLAS to one thread inside a `with` block.

        The threads of OpenBLAS spin for some milliseconds after every product, on the cores that an engine's
        next graph needs: on two cores, the synthesis took 1.7 times as long.
        """
        with self._lock:
            if not self._users:
                self._take_control()
                self._limiter = self._controller.limit(limits=1, user_api="blas")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._remove()

    def _forget_users(self) -> None:
        """Remove the limit in a forked process, which has none of the threads that were within it."""
        if self._users:
            self._users = 0
            self._remove()

    def _remove(self) -> None:
        self._take_control()
        self._limiter.restore_original_limits()

    def _take_control(self) -> None:
        """Let this thread change OpenBLAS: otherwise only the first thread that ever did so can."""
        for library in self._controller.select(internal_api="openblas").lib_controllers:
            library.clear_controlling_thread(force=True)


one_blas_thread = _Limit()
