"""The same training on the TensorFlow and the JAX backend."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training.plot import read_columns

ROOT = Path(__file__).parents[2]
# Weights come from NumPy: the backends draw different random numbers.
FIRST_STEPS = """
import json, sys
import keras, numpy as np
from compressor.models.registry import build_model
from training.compile import compile_model
from training.settings import Settings

options, folder = json.loads(sys.argv[1]), sys.argv[2]
images = np.load(f"{folder}/images.npy")
losses = {}
for name in options:
    model = build_model(name, **options[name])
    model.adapt(images)
    random = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(variable + 0.02 * random.standard_normal(variable.shape))
    for layer in model._flatten_layers():
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            shape = layer.kernel.shape
            layer.kernel.assign(random.standard_normal(shape) / np.prod(shape[:3]) ** 0.5)
    # The optimizer does not depend on the family, and compiling Muon for the large graph takes a minute.
    optimizer = "adam" if name == "flagship" else "muon"
    compile_model(model, Settings(data="", steps=100, optimizer=optimizer))
    batch = {"images": images, "quality": np.linspace(0.1, 0.9, len(images)).astype("float32")}
    losses[name] = [float(model.train_on_batch(batch, return_dict=True)["loss"]) for _ in range(4)]
print(json.dumps({"backend": keras.backend.backend(), "losses": losses}))
"""


def first_steps(backend, options, folder):
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # Compilation takes most of the time.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    done = subprocess.run(
        [sys.executable, "-c", FIRST_STEPS, json.dumps(options), str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["backend"] == backend
    return result["losses"]


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="needs jax (the test extra)")
def test_first_loss_agrees_and_steps_run_on_both_backends(tmp_path, random_pictures, tiny_options):
    np.save(tmp_path / "images.npy", random_pictures(4, 64, 64))
    ours, theirs = (first_steps(backend, tiny_options, tmp_path) for backend in ("tensorflow", "jax"))
    for name in tiny_options:
        assert abs(ours[name][0] / theirs[name][0] - 1) < 1e-3, name
        for losses in (ours[name], theirs[name]):
            assert np.isfinite(losses).all(), name
            # `loss` is the mean since the start: it moves only if the weights do.
            assert len(set(losses)) == 4, name


# Two devices that are parts of one processor, and the same run on one of them and on both.
TWO_DEVICES = """
import sys
import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [part, part])
from training.__main__ import main

data, out, *options = sys.argv[1:]
for devices in ("1", "2"):
    assert main(["--data", data, "--out", f"{out}/{devices}", "--devices", devices, *options]) == 0
assert main(["--data", data, "--out", f"{out}/3", "--devices", "3", *options]) == 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_as_one(backend, photos, small_run, tmp_path):
    if not importlib.util.find_spec(backend):
        pytest.skip(f"needs {backend} (the test extra)")
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
    }
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            TWO_DEVICES,
            str(photos),
            str(tmp_path),
            *small_run,
            "--checkpoint-every",
            "1",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "received --devices 3, expected at most 2: this machine has" in done.stderr
    one, two = (read_columns(tmp_path / devices / "log.csv") for devices in "12")
    assert one["step"] == [1, 2, 3, 4]
    for key in ("loss", "bpp", "psnr_db"):
        np.testing.assert_allclose(one[key], two[key], rtol=1e-4, err_msg=key)
