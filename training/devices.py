"""Data parallelism over several devices and hosts, by means of Keras and TensorFlow."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import keras

from training.conditions import Hosts
from training.errors import TrainingError


@dataclass(frozen=True)
class Placement:
    """The devices on which a run computes.

    Attributes:
        scope: returns the context in which models are created and loaded.
        replicas: number of copies of the model whose gradients TensorFlow adds up; 1 on JAX.
        share: (index of this host, number of hosts).
    """

    scope: Callable[[], AbstractContextManager] = nullcontext
    replicas: int = 1
    share: tuple[int, int] = (0, 1)


def place(devices: int, batch: int, hosts: Hosts | None = None, group: int = 1) -> Placement:
    """Set up data parallelism. Call it before a model is created.

    Args:
        devices: number of devices of this machine; with `hosts`, all devices of all hosts are used.
        batch: number of crops per step, over all devices.
        hosts: machines that train together; None for this machine alone.
        group: number of consecutive crops that must stay on one device; only TensorFlow needs it, since it
            computes the loss on each device separately.

    Raises:
        TrainingError: if there are fewer devices, or the batch cannot be shared among them.
    """
    if devices == 1 and hosts is None:
        return Placement()
    if keras.backend.backend() == "tensorflow":
        return _tensorflow(devices, batch, hosts, group)
    if hosts:
        keras.distribution.initialize(hosts.coordinator, hosts.count, hosts.index)
    names = keras.distribution.list_devices()
    if not hosts:
        names = _first(names, devices)
    _check(batch, len(names), group=1)
    # Each host makes its own crops: Keras must not divide the data set again.
    parallel = keras.distribution.DataParallel(devices=names, auto_shard_dataset=False)
    keras.distribution.set_distribution(parallel)
    return Placement(share=(hosts.index, hosts.count) if hosts else (0, 1))


def _tensorflow(devices: int, batch: int, hosts: Hosts | None, group: int) -> Placement:
    import tensorflow as tf

    if hosts:
        raise TrainingError("several hosts train on the JAX backend: set KERAS_BACKEND=jax")
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    names = _first([device.name for device in found], devices)
    _check(batch, devices, group)
    return Placement(tf.distribute.MirroredStrategy(names).scope, devices)


def _first(names: list[str], count: int) -> list[str]:
    if count > len(names):
        raise TrainingError(
            f"received --devices {count}, expected at most {len(names)}: this machine has {', '.join(names)}"
        )
    return names[:count]


def _check(batch: int, devices: int, group: int) -> None:
    if batch % (devices * group):
        raise TrainingError(
            f"--batch {batch} cannot be shared by {devices} devices: give a multiple of {devices * group}"
        )
