"""Keeps NumPy's matrix products to one thread while other engines work beside them."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """Within it NumPy's BLAS has one thread, in the whole process.

    The threads of OpenBLAS spin for some milliseconds after every product, on the cores that an engine's next
    graph wants: on two cores the synthesis took 1.7 times as long.
    """
    context: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return context
