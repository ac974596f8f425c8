"""Description of the machine and the software that made a measurement."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-image",
    "pillow",
    "bjontegaard",
    "onnxruntime",
    "openvino",
    "constriction",
)


def cpu_name() -> str:
    """Return the processor's model name, or its architecture if the system does not report it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def describe() -> dict[str, str]:
    """Return the processor, the system, and the versions of Python and of packages that affect results."""
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "processor": cpu_name(),
        "logical processors": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **packages,
    }


def describe_lines(machine: dict[str, str]) -> list[str]:
    """Format a description for the terminal.

    Example:
        >>> describe_lines({"python": "3.12"})
        ['python: 3.12']
    """
    return [f"{key}: {value}" for key, value in machine.items()]
