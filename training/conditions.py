"""The conditions of a run, which do not change its result; the command line reads them without Keras."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hosts:
    """Several machines that train together.

    Attributes:
        coordinator: HOST:PORT of the first host.
        count: number of hosts.
        index: index of this host, from 0.
    """

    coordinator: str
    count: int
    index: int


@dataclass(frozen=True)
class Conditions:
    """Options of a run that do not change its result: where and how long it runs, and its validation.

    Attributes:
        minutes: time after which the run stops.
        devices: number of devices of this machine that share each batch.
        hosts: machines that train together; None for this machine alone.
        validation: source of held-out pictures; empty for no validation.
        validate_every: number of steps between validations.
        decoded_bytes: memory for decoded photographs, in bytes.
    """

    minutes: float = float("inf")
    devices: int = 1
    hosts: Hosts | None = None
    validation: str = ""
    validate_every: int = 1000
    decoded_bytes: int = 4 << 30

    @property
    def is_first_host(self) -> bool:
        """Whether this host is the first, which alone writes files."""
        return self.hosts is None or self.hosts.index == 0
