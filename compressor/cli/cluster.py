"""Run a function on many items on Ray, even if workers or machines fail."""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from compressor.cli.requests import LOCAL_ADDRESS
from compressor.cli.workers import WorkerDiedError
from compressor.errors import ClusterError, MissingDependencyError, one_line

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_MAX_ATTEMPTS = 3
_SECONDS_TO_ANSWER = 10


def run_on_ray(
    function: Callable[[Item], Outcome],
    items: Sequence[Item],
    address: str = LOCAL_ADDRESS,
    num_workers: int | None = None,
) -> Iterator[tuple[Item, Outcome | WorkerDiedError]]:
    """Yield items with their results, as they come.

    A worker is a process that keeps what the function loads. If it dies, or its machine does, another is
    started where there is room, and its item goes to whichever worker is free next. The function may
    therefore run twice on an item. After three failed attempts, an item is given up.

    Args:
        function: is pickled, and so are items and results. Runs in the folder that is current here.
        items: what to run it on.
        address: address of a Ray cluster; "auto" is the one that this machine belongs to, and "local" starts
            one on this machine.
        num_workers: maximum number of workers, one core each; None for all cores of the cluster.

    Raises:
        MissingDependencyError: if Ray is not installed.
        ClusterError: if the cluster does not answer, or no worker can start.
    """
    ray = _connect(address, num_workers)
    try:
        num_workers = num_workers or int(ray.cluster_resources().get("CPU", 1))
        start = partial(ray.remote(num_cpus=1)(_Worker).remote, function, os.getcwd())
        yield from _Pool(ray, start, min(num_workers, len(items))).results(items)
    finally:
        ray.shutdown()


class _Worker:
    """A worker process on the cluster."""

    def __init__(self, function: Callable[[Any], Any], folder: str) -> None:
        # Otherwise a relative path would mean another file here.
        os.chdir(folder)
        self._function = function

    def is_ready(self) -> bool:
        return True

    def run(self, item: Any) -> Any:
        return self._function(item)


class _Pool:
    """The workers that are alive, and the item that each works on.

    Only workers that have started are given items: some may never find room.
    """

    def __init__(self, ray: Any, start: Callable[[], Any], num_workers: int) -> None:
        self._ray, self._start_worker = ray, start
        self._starting: dict[Any, tuple[Any, int]] = {}
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Any, int]] = {}
        for _ in range(num_workers):
            self._start()

    def results(self, items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield items with their results, as they come."""
        waiting = deque((item, 1) for item in items)
        while waiting or self._busy:
            while waiting and self._idle:
                worker, (item, attempt) = self._idle.pop(), waiting.popleft()
                self._busy[worker.run.remote(item)] = worker, item, attempt
            (ready,), _ = self._ray.wait([*self._starting, *self._busy])
            if ready in self._starting:
                self._finish_start(ready)
                continue
            worker, item, attempt = self._busy.pop(ready)
            try:
                outcome = self._ray.get(ready)
            except self._ray.exceptions.RayError:
                self._start()
                if attempt < _MAX_ATTEMPTS:
                    waiting.append((item, attempt + 1))
                else:
                    yield item, WorkerDiedError(f"{attempt} workers died at work on it")
                continue
            self._idle.append(worker)
            yield item, outcome

    def _start(self, attempt: int = 1) -> None:
        worker = self._start_worker()
        self._starting[worker.is_ready.remote()] = worker, attempt

    def _finish_start(self, ready: Any) -> None:
        worker, attempt = self._starting.pop(ready)
        try:
            self._ray.get(ready)
        except self._ray.exceptions.RayError as error:
            if attempt < _MAX_ATTEMPTS:
                self._start(attempt + 1)
            elif not (self._starting or self._idle or self._busy):
                raise _cannot_start(error) from error
        else:
            self._idle.append(worker)


def _connect(address: str, num_workers: int | None) -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingDependencyError("Ray is not installed; pip install '.[ray]' in a checkout") from error
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL_ADDRESS:
        options |= {"num_cpus": num_workers, "include_dashboard": False}
    try:
        _check_address(address)
        ray.init(address, **options)
    except Exception as error:
        # Ray raises errors of many types, with messages of several lines.
        needs_token = address.startswith("ray://") and "RAY_AUTH_MODE" not in os.environ
        hint = ", or set RAY_AUTH_MODE=token if the cluster asks for a token" if needs_token else ""
        raise ClusterError(
            f"no answer from Ray at {address} ({one_line(error)}): check the address{hint}"
        ) from error
    return ray


def _check_address(address: str) -> None:
    """Check that a server listens at the address; Ray itself would try for minutes."""
    parts = urlsplit("//" + address.removeprefix("ray://"))
    if parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), _SECONDS_TO_ANSWER).close()


def _cannot_start(error: Exception) -> ClusterError:
    # The last line of the trace that comes from the worker.
    reason = str(error).strip().splitlines()[-1]
    return ClusterError(
        f"no worker can start ({reason}): install this package on every machine of the cluster, and run the "
        "command in a folder that all of them have under the same path"
    )
