"""Validation with the codec: sizes of the files of held-out pictures, and their PSNR."""

import tempfile
from pathlib import Path

import numpy as np

import compressor
from compressor.images.psnr import psnr_db
from training.export import export
from training.file_names import CHECKPOINT, SETTINGS, VALIDATION
from training.run_folder import append_row, averaged_weights, load_checkpoint, step_of
from training.settings import Settings

QUALITIES = (10, 30, 50, 70, 90)


def measure(weights: Path, photos, quality: float) -> tuple[float, float]:
    """Encode and decode pictures.

    Args:
        weights: folder of an exported model.
        photos: pictures, uint8 (H, W, 3).
        quality: quality of the files, 1 to 100.

    Returns:
        Means over the pictures: bits per pixel of whole streams, and PSNR in dB.
    """
    rates, psnrs = [], []
    runtime = compressor.Runtime(weights=weights)
    for photo in photos:
        stream = compressor.encode(photo, quality, runtime=runtime)
        decoded = np.asarray(compressor.decode(stream, runtime=runtime).convert("RGB"))
        rates.append(8 * len(stream) / (photo.shape[0] * photo.shape[1]))
        # Equal pictures have an infinite PSNR.
        psnrs.append(min(psnr_db(decoded, photo), 100.0))
    return float(np.mean(rates)), float(np.mean(psnrs))


def validate(run: Path, photos) -> None:
    """Measure the averaged weights of a run's checkpoint, and append a row per quality to validation.csv.

    Unlike in an export, the model is not calibrated (the kernels of an 8-bit filter, the scales of the side
    information), and no symbols are counted for the tables: files are a little larger, and an 8-bit filter is
    less exact.

    Args:
        run: folder of the run.
        photos: held-out pictures, uint8 (H, W, 3).
    """
    settings, model = Settings.load(run / SETTINGS), load_checkpoint(run / CHECKPOINT)
    step = step_of(model)
    averaged_weights(model)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "model"
        export(model, weights, name=run.name, model_id=0, metric=settings.metric, provenance={"steps": step})
        for quality in QUALITIES:
            bpp, psnr = measure(weights, photos, quality)
            row = {"step": step, "quality": quality, "bpp": round(bpp, 5), "psnr_db": round(psnr, 4)}
            append_row(run / VALIDATION, row)
            print(f"validation, step {step}: quality {quality}, {bpp:.3f} bpp, {psnr:.2f} dB", flush=True)
