"""Files, pipes and devices of the command line: read inputs, check and write outputs."""

from __future__ import annotations

import os
import sys

from compressor.atomic import atomic_path
from compressor.errors import OptionError, shown

STANDARD_STREAM = "-"
_STDOUT_NAMES = (STANDARD_STREAM, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def is_stdout(path: str) -> bool:
    """Return whether an output goes to the standard output."""
    return path in _STDOUT_NAMES


def is_stream(path: str) -> bool:
    """Return whether an output is the standard output, a pipe or a device, whose name shows no file type."""
    return is_stdout(path) or (os.path.exists(path) and not os.path.isfile(path))


def read_input(path: str) -> bytes:
    """Read a whole file, or the standard input for "-".

    Raises:
        OSError: if it cannot be read.
        OptionError: if the standard input is closed.
    """
    if path != STANDARD_STREAM:
        with open(path, "rb") as file:
            return file.read()
    if sys.stdin is None:
        raise OptionError("the standard input is closed: name a file")
    return sys.stdin.buffer.read()


def check_output(path: str, *, sources: tuple[str, ...], overwrite: bool) -> None:
    """Raise an error if an output cannot be written, before the work is done.

    Args:
        path: the output.
        sources: the inputs that it is made from.
        overwrite: whether an existing file may be replaced.

    Raises:
        OptionError: if the output is a folder, its folder does not exist, it exists and `overwrite` is false,
            or it is one of the inputs.
    """
    if is_stdout(path):
        if sys.stdout is None:
            raise OptionError("the standard output is closed: name a file with -o")
        if sys.stdout.isatty():
            raise OptionError("the standard output is a terminal: name a file with -o, or use a pipe")
        return
    if os.path.isdir(path):
        raise OptionError(f"the output {shown(path)} is a folder: name a file in it")
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise OptionError(f"the folder of the output {shown(path)} does not exist: create it first")
    if not os.path.exists(path):
        return
    if any(_is_same(path, source) for source in sources):
        raise OptionError(f"the output {shown(path)} is an input: name another with -o")
    if not overwrite and os.path.isfile(path):
        raise _exists(path)


def write_output(path: str, data: bytes, *, overwrite: bool) -> None:
    """Write a whole file, or the standard output for "-".

    A regular file is written atomically; see `atomic_path`. Pipes and devices are written directly.

    Args:
        path: the output; a symbolic link is followed.
        data: the content.
        overwrite: whether an existing file may be replaced.

    Raises:
        OSError: if the file cannot be written.
        OptionError: if another process has created the file since `check_output`, and `overwrite` is false,
            or if the reader of a pipe closes it.
    """
    if is_stdout(path):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if is_stream(path):
        try:
            with open(path, "wb") as file:
                file.write(data)
        except BrokenPipeError as error:
            raise OptionError(
                f"the reader closed the output {shown(path)}: start the reader again"
            ) from error
        return
    try:
        with atomic_path(path, overwrite=overwrite) as temporary, open(temporary, "xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        # Name the output, not the temporary file.
        error.filename = path
        raise


def _is_same(path: str, source: str) -> bool:
    if source != STANDARD_STREAM:
        return os.path.exists(source) and os.path.samefile(path, source)
    try:
        return os.path.samestat(os.stat(path), os.fstat(sys.stdin.fileno()))
    except (AttributeError, OSError, ValueError):
        # It is closed, or not a file of the system.
        return False


def _exists(path: str) -> OptionError:
    return OptionError(f"the output {shown(path)} exists: name another with -o, or remove it")
