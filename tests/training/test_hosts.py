"""Several hosts, as processes of this machine, train as one."""

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training.plot import read_columns

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}


def start(photos, out, options):
    command = [sys.executable, "-m", "training", "--data", str(photos), "--out", str(out), *options]
    return subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="needs jax (the test extra)")
def test_two_hosts_train_as_one(photos, small_run, tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    # Without --precision, a run asks its devices, which must not happen before the hosts know each other.
    small_run = small_run[: small_run.index("--precision")]
    several = [*small_run, "--coordinator", f"localhost:{port}", "--hosts", "2", "--host"]
    running = [start(photos, tmp_path / "two", [*several, host]) for host in "01"]
    running.append(start(photos, tmp_path / "one", small_run))
    for process in running:
        assert process.wait(timeout=300) == 0, process.stderr.read()[-2000:]
    one, two = (read_columns(tmp_path / name / "log.csv") for name in ("one", "two"))
    assert one["step"] == two["step"] == [2, 4]
    for key in ("loss", "bpp", "psnr_db"):
        np.testing.assert_allclose(one[key], two[key], rtol=1e-4, err_msg=key)
