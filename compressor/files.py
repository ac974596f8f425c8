"""Files and pipes of the command line: whole inputs in, whole outputs out or nothing at all."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys

from compressor.errors import OptionError

STANDARD_STREAM = "-"
_STDOUT_NAMES = (STANDARD_STREAM, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
_TEMPORARY = re.compile(r"\.compressor-(?P<host>[A-Za-z0-9.]*)-(?P<pid>\d{1,9})-[0-9a-f]{16}\.tmp")


def shown(path: str) -> str:
    """Return a path for messages: on one line, whatever it contains."""
    return path if path.isprintable() else ascii(path)


def is_stdout(path: str) -> bool:
    """Tell whether an output goes to the standard output."""
    return path in _STDOUT_NAMES


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


def check_output(path: str, *, source: str, overwrite: bool) -> None:
    """Find out what stands against writing a file, before the work is done.

    Args:
        path: the output.
        source: the input that it is made from.
        overwrite: whether an existing file may be replaced.

    Raises:
        OptionError: if the output is a folder, lies in no folder, exists though it may not, or is the input.
    """
    if is_stdout(path):
        if sys.stdout is None or sys.stdout.isatty():
            raise OptionError("the standard output is a terminal: name a file with -o, or use a pipe")
        return
    if os.path.isdir(path):
        raise OptionError(f"the output {shown(path)} is a folder: name a file in it")
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise OptionError(f"the folder of the output {shown(path)} does not exist: create it first")
    if not os.path.exists(path):
        return
    if source != STANDARD_STREAM and os.path.exists(source) and os.path.samefile(path, source):
        raise OptionError(f"the output {shown(path)} is the input: name another with -o")
    if not overwrite and _is_regular(path):
        raise _exists(path)


def write_output(path: str, data: bytes, *, overwrite: bool) -> None:
    """Write a whole file, or the standard output for "-".

    A file appears under its name complete, or not at all: the data go to a temporary file beside it, which
    is then renamed. Pipes and devices are written directly.

    Args:
        path: the output; a symbolic link is followed.
        data: the content.
        overwrite: whether an existing file may be replaced.

    Raises:
        OSError: if it cannot be written.
        OptionError: if it has come to exist though it may not.
    """
    if is_stdout(path):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if os.path.exists(path) and not _is_regular(path):
        with open(path, "wb") as file:
            file.write(data)
        return
    target = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(target), _temporary_name())
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        if overwrite:
            _keep_permissions(target, temporary)
            os.replace(temporary, target)
        else:
            _rename_to_new(temporary, target)
    except OSError as error:
        # The temporary name would tell the user nothing.
        error.filename = path
        raise
    finally:
        # Also on Ctrl-C. After a rename there is nothing left to remove.
        if os.path.lexists(temporary):
            os.unlink(temporary)


def remove_stale_temporaries(folder: str) -> None:
    """Remove from a folder what processes that were killed on this machine have left behind.

    Args:
        folder: need not exist.
    """
    if os.name != "posix" or not os.path.isdir(folder):
        # Elsewhere, asking whether a process lives would end it.
        return
    for name in os.listdir(folder):
        match = _TEMPORARY.fullmatch(name)
        if match and match["host"] == _host() and not _is_alive(int(match["pid"])):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def _temporary_name() -> str:
    # Who made it, so that it can be removed if its maker has no time to.
    return f".compressor-{_host()}-{os.getpid()}-{os.urandom(8).hex()}.tmp"


def _host() -> str:
    # Folders may be shared between machines, whose process ids say nothing here.
    name = os.uname().nodename if hasattr(os, "uname") else ""
    return re.sub("[^A-Za-z0-9.]", "", name)[:32]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # It is another user's.
        return True
    return True


def _is_regular(path: str) -> bool:
    return stat.S_ISREG(os.stat(path).st_mode)


def _keep_permissions(target: str, temporary: str) -> None:
    if os.path.exists(target):
        os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))


def _rename_to_new(temporary: str, target: str) -> None:
    # Unlike a rename, a hard link never replaces what another process has written meanwhile.
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:
        # The file system has no hard links.
        if os.path.lexists(target):
            raise _exists(target) from None
        os.replace(temporary, target)


def _exists(path: str) -> OptionError:
    return OptionError(f"the output {shown(path)} exists: name another with -o, or remove it")
