"""Atomic writes: a file appears under its name complete, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

_TEMPORARY = re.compile(r"\.compressor-(?P<host>[A-Za-z0-9.]*)-(?P<pid>\d{1,9})-[0-9a-f]{16}\.tmp(\.\w+)?")


@contextlib.contextmanager
def atomic_path(
    target: str | os.PathLike[str], *, overwrite: bool = True, suffix: str = ""
) -> Iterator[Path]:
    """Yield a temporary path next to a file, and rename it to that file at the end.

    If the body raises an exception, the temporary file is removed and the target stays as it was.

    Args:
        target: the file; a symbolic link is followed. A file that is replaced keeps its permissions.
        overwrite: whether an existing file may be replaced.
        suffix: extension of the temporary path, such as ".keras", for libraries that choose a format by it.

    Yields:
        The temporary path. No file exists there yet.

    Raises:
        FileExistsError: if the target exists at the end, and `overwrite` is false.
        OSError: if the file cannot be renamed.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_path(folder / "settings.toml") as temporary:
        ...     _ = temporary.write_text("steps = 100")
        >>> [path.name for path in folder.iterdir()]
        ['settings.toml']
    """
    final = Path(os.path.realpath(target))
    # The name says which process made the file, so that it can be removed if that process is killed.
    temporary = final.with_name(f".compressor-{_host()}-{os.getpid()}-{os.urandom(8).hex()}.tmp{suffix}")
    try:
        yield temporary
        if overwrite:
            _keep_permissions(final, temporary)
            os.replace(temporary, final)
        else:
            _rename_to_new(temporary, final)
    finally:
        # Also on Ctrl-C. After a rename there is nothing left to remove.
        if os.path.lexists(temporary):
            os.unlink(temporary)


def remove_stale_temporaries(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes of this machine have left in a folder.

    Args:
        folder: need not exist.
    """
    if os.name != "posix" or not os.path.isdir(folder):
        # On other systems, asking whether a process is alive would end it.
        return
    try:
        names = os.listdir(folder)
    except OSError:
        # A folder may be writable but not readable.
        return
    for name in names:
        match = _TEMPORARY.fullmatch(name)
        if match and match["host"] == _host() and not _is_alive(int(match["pid"])):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def _host() -> str:
    # Machines and containers may share a folder, and a process id is valid only within its own.
    name = re.sub("[^A-Za-z0-9.]", "", os.uname().nodename if hasattr(os, "uname") else "")[:32]
    with contextlib.suppress(OSError):
        name += f".{os.stat('/proc/self/ns/pid').st_ino}"
    return name


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # The process belongs to another user.
        return True
    return True


def _keep_permissions(final: Path, temporary: Path) -> None:
    if os.path.exists(final):
        os.chmod(temporary, stat.S_IMODE(os.stat(final).st_mode))


def _rename_to_new(temporary: Path, final: Path) -> None:
    # Unlike a rename, a hard link never replaces a file that another process has just written.
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise
    except OSError:
        # The file system has no hard links.
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(final)) from None
        os.replace(temporary, final)
