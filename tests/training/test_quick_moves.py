"""Runs whose latents are moved before they are coded."""

import json

import numpy as np

from training.export_run import export_run
from training.run import Conditions, train
from training.run_folder import load_checkpoint
from training.settings import Settings


def test_a_run_keeps_the_analysis_and_exports_the_number_of_moves(tiny_flagship, photos, tmp_path):
    tiny_flagship.save(tmp_path / "trained.keras")
    settings = Settings(
        data=str(photos),
        init=str(tmp_path / "trained.keras"),
        steps=4,
        batch=2,
        crop=64,
        checkpoint_every=2,
        quick_moves=1,
    )
    train(tmp_path / "run", settings, Conditions(minutes=0))
    model = train(tmp_path / "run", settings)
    for old, new in zip(tiny_flagship.correction.get_weights(), model.correction.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert load_checkpoint(tmp_path / "run" / "checkpoint.keras").quick_moves == 1
    manifest = json.loads((export_run(tmp_path / "run", pictures=2) / "manifest.json").read_text())
    assert manifest["numbers"]["quick_moves"] == 1
