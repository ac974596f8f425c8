"""A lock and a cached property that are safe to use across forks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class ForkSafeLock:
    """A lock for threads that is free in a forked process, even if it was held at the time of the fork.

    It has no `__enter__` of its own: Ctrl-C between two of its lines could leave the lock held for ever.

    Attributes:
        current: the lock of this process.

    Example:
        >>> lock = ForkSafeLock()
        >>> with lock.current:
        ...     pass
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self.current = threading.Lock()


class CachedProperty(Generic[Value]):
    """Decorator like `functools.cached_property`, which has a lock before Python 3.12.

    All instances of a class share that lock. So threads wait for each other, and a process forked while a
    thread holds the lock waits for ever. Without the lock, two threads may compute the same value.

    Example:
        >>> class Circle:
        ...     radius = 2
        ...
        ...     @CachedProperty
        ...     def diameter(self):
        ...         return 2 * self.radius
        >>> Circle().diameter
        4
    """

    def __init__(self, function: Callable[[Any], Value]) -> None:
        self._function, self.__doc__ = function, function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> CachedProperty[Value]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._function(instance)
        return value
