"""Runs whose latents are moved before they are coded."""

import json

import numpy as np
import pytest

from training.conditions import Conditions
from training.export_run import export_run
from training.run import train
from training.run_folder import load_checkpoint
from training.settings import Settings


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_run_keeps_the_analysis_and_exports_the_number_of_moves(
    tiny_flagship, tiny_checkpoint, photos, tmp_path, monkeypatch
):
    monkeypatch.setattr("training.worth.BATCHES", 1)
    settings = Settings(
        data=str(photos),
        init=str(tiny_checkpoint),
        steps=2,
        batch=2,
        crop=64,
        checkpoint_every=1,
        quick_moves=1,
    )
    train(tmp_path / "run", settings, Conditions(minutes=0))
    model = train(tmp_path / "run", settings)
    for old, new in zip(tiny_flagship.correction.get_weights(), model.correction.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert load_checkpoint(tmp_path / "run" / "checkpoint.keras").quick_moves == 1
    manifest = json.loads((export_run(tmp_path / "run", pictures=2) / "manifest.json").read_text())
    assert manifest["numbers"]["quick_moves"] == 1
