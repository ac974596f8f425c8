"""Many inputs on Ray: a cluster of two workers on this machine."""

import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from compressor.cli.cluster import _Pool, run_on_ray
from compressor.cli.main import main
from compressor.cli.workers import WorkerDiedError
from compressor.errors import ClusterError
from tests.samples import files_below

RNG = np.random.default_rng(7)


@pytest.fixture
def needs_ray(monkeypatch):
    pytest.importorskip("ray", reason="needs the ray extra")
    # Workers import the package from this checkout, also where it is not installed.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Enter a folder with pictures in `in`, one of them corrupt."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "deep/b.png", "deep/c.png", "deep/er/d.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    whole = (tmp_path / "in" / "a.png").read_bytes()
    (tmp_path / "in" / "bad.png").write_bytes(whole[: len(whole) // 2])
    return tmp_path


@pytest.mark.usefixtures("needs_ray")
def test_ray_makes_the_same_files(folder, tiny_folder, capsys):
    common = ["encode", "in", "--weights", str(tiny_folder)]
    found = []
    for where in (["-r", "-j", "1"], ["--ray", "-j", "2"]):
        out = f"out{len(found)}"
        assert main([*common, "-o", out, *where]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("compressor: in/bad.png: the picture cannot be read")
        assert lines[1].startswith("encoded 4 of 5 files, 1 failed, ")
        found.append(files_below(folder / out))
    assert found[0] == found[1]
    assert len(found[0]) == 4


@pytest.mark.usefixtures("needs_ray")
def test_no_item_is_lost_with_its_worker(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    # A function inside a function is pickled with its code, so that workers need not import this file.
    def work(item):
        is_first_time = not os.path.exists(item)
        with open(item, "w"):
            if item == "deadly" or (item == "unlucky" and is_first_time):
                os.kill(os.getpid(), signal.SIGKILL)
        return 2 * item

    items = ["deadly", "unlucky", *"abcdef"]
    results = list(run_on_ray(work, items, num_workers=2))
    assert sorted(item for item, _ in results) == sorted(items)
    outcomes = dict(results)
    assert isinstance(outcomes.pop("deadly"), WorkerDiedError)
    assert outcomes == {item: 2 * item for item in items[1:]}


def test_workers_that_cannot_start_are_given_up():
    """In place of Ray, a stand-in on which every start fails."""

    class RayError(Exception):
        pass

    def get(_):
        raise RayError("a trace\nFileNotFoundError: no such folder")

    def start():
        starts.append(len(starts))
        return SimpleNamespace(is_ready=SimpleNamespace(remote=object))

    starts = []
    ray = SimpleNamespace(
        get=get, wait=lambda tasks: (tasks[:1], tasks[1:]), exceptions=SimpleNamespace(RayError=RayError)
    )
    with pytest.raises(ClusterError, match=r"no worker can start \(FileNotFoundError.*same path"):
        list(_Pool(ray, start, num_workers=2).results([1, 2, 3]))
    assert len(starts) == 6


@pytest.mark.usefixtures("needs_ray")
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nonsense"])
def test_an_unreachable_cluster_is_reported(folder, capsys, address):
    assert main(["encode", "in", "-o", "out", "--ray", address, "--quiet"]) == 1
    message = capsys.readouterr().err
    assert message.startswith(f"compressor: no answer from Ray at {address} (")
    assert message.count("\n") == 1


def test_without_ray_the_extra_is_named(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["encode", "in", "-o", "out", "--ray", "--quiet"]) == 1
    assert capsys.readouterr().err == "compressor: Ray is not installed; pip install '.[ray]' in a checkout\n"
