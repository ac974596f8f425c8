"""Pictures on disk, the smallest settings of a run on them, and a trained checkpoint to start from."""

import warnings

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def restored_state(monkeypatch):
    """Undo what a run sets for its process: the precision of Keras, and the format of warnings."""
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    import keras

    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture
def tiny_checkpoint(tiny_flagship, tmp_path):
    """Return the path of the tiny flagship's checkpoint."""
    path = tmp_path / "trained.keras"
    tiny_flagship.save(path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory, random_pictures):
    """Return a folder of six smooth random pictures of 160 px."""
    folder = tmp_path_factory.mktemp("photos")
    for k, picture in enumerate(random_pictures(6, 160, 160)):
        Image.fromarray(np.rint(255 * picture).astype(np.uint8)).save(folder / f"{k}.png")
    return folder


@pytest.fixture(scope="session")
def small_run():
    """Return command line arguments of a run of the plain model that takes seconds."""
    return "--model cnn --batch 2 --crop 64 --steps 4 --checkpoint-every 2 --precision float32".split()
