"""Files that readers see whole or not at all."""

from pathlib import Path

from compressor.atomic import atomic_path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a temporary file, then rename it: readers see the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
