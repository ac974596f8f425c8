"""Atomic writes, as the command line, training and evaluation use them."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from compressor.atomic import atomic_path, remove_stale_temporaries

ROOT = Path(__file__).parents[1]


def test_the_file_appears_at_the_end(tmp_path):
    target = tmp_path / "file.txt"
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_file(tmp_path, error):
    target = tmp_path / "file.txt"
    target.write_text("old")

    def fail():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    target.chmod(0o640)
    with atomic_path(target) as temporary:
        temporary.write_text("new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_symbolic_link_is_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to("folder/file.txt")
    with atomic_path(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert os.listdir(tmp_path / "folder") == ["file.txt"]


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_without_overwrite_a_file_made_in_the_meantime_stays(tmp_path, monkeypatch, has_hard_links):
    def fail(*_):
        raise PermissionError

    if not has_hard_links:
        monkeypatch.setattr("os.link", fail)
    target = tmp_path / "file.txt"
    with atomic_path(target, overwrite=False) as temporary:
        temporary.write_text("first")
    with pytest.raises(FileExistsError), atomic_path(target, overwrite=False) as temporary:
        temporary.write_text("second")
    assert target.read_text() == "first"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_the_suffix_ends_the_temporary_name(tmp_path):
    with atomic_path(tmp_path / "model.keras", suffix=".keras") as temporary:
        assert temporary.suffix == ".keras"
        temporary.write_text("new")


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/pid"), reason="needs Linux")
def test_a_temporary_file_of_another_container_stays(tmp_path):
    """Containers may have the same name, and each has process ids of its own."""
    with atomic_path(tmp_path / "a") as temporary:
        temporary.touch()
    name = temporary.name
    os.unlink(tmp_path / "a")
    inode = str(os.stat("/proc/self/ns/pid").st_ino)
    assert inode in name
    dead = name.replace(f"-{os.getpid()}-", "-999999999-")
    for stale in (dead, dead.replace(inode, "1")):
        (tmp_path / stale).touch()
    remove_stale_temporaries(tmp_path)
    assert os.listdir(tmp_path) == [dead.replace(inode, "1")]


def test_temporary_files_of_other_machines_and_running_processes_stay(tmp_path):
    with atomic_path(tmp_path / "a") as temporary:
        temporary.touch()
        dead = temporary.name.replace(f"-{os.getpid()}-", "-999999999-")
        for name in (dead.replace(".compressor-", ".compressor-x"), ".compressor-x.tmp"):
            (tmp_path / name).touch()
        kept = set(os.listdir(tmp_path))
        remove_stale_temporaries(tmp_path)
        assert set(os.listdir(tmp_path)) == kept
    remove_stale_temporaries(tmp_path / "missing")


def test_a_temporary_file_of_a_killed_process_is_removed(tmp_path):
    killed = "import os, sys\nfrom compressor.atomic import atomic_path\n"
    killed += "with atomic_path(sys.argv[1], suffix='.keras') as temporary:\n"
    killed += "    temporary.write_text('half')\n    os.kill(os.getpid(), 9)"
    target = tmp_path / "model.keras"
    assert subprocess.run([sys.executable, "-c", killed, target], cwd=ROOT).returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 1
    remove_stale_temporaries(tmp_path)
    assert os.listdir(tmp_path) == []
