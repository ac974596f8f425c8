"""Validation with the real codec: files of held-out pictures, their sizes and their PSNR."""

import tempfile
from pathlib import Path

import numpy as np

import compressor
from training.export import export
from training.run_folder import CHECKPOINT, VALIDATION, append_row, averaged_weights, load_checkpoint

QUALITIES = (10, 30, 50, 70, 90)


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    """Of 8-bit pixels, both (H, W, 3) uint8; equal pictures count as 100 dB."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return float(10 * np.log10(255**2 / max(error, 255**2 / 1e10)))


def measure(weights: Path, photos, quality: float) -> tuple[float, float]:
    """Mean bits per pixel (of whole streams) and mean PSNR in dB over pictures at a quality."""
    rates, psnrs = [], []
    for photo in photos:
        stream = compressor.encode(photo, quality, weights=weights)
        decoded = np.asarray(compressor.decode(stream, weights=weights).convert("RGB"))
        rates.append(8 * len(stream) / (photo.shape[0] * photo.shape[1]))
        psnrs.append(psnr_db(photo, decoded))
    return float(np.mean(rates)), float(np.mean(psnrs))


def validate(run: Path, photos) -> None:
    """Measure the averaged weights of a run's checkpoint; adds a row per quality to its validation.csv.

    The tables are those of the density: an export, which counts symbols, is a little smaller.

    Args:
        run: folder of the run.
        photos: uint8 (H, W, 3) pictures that it does not train on.
    """
    model = load_checkpoint(run / CHECKPOINT)
    step = int(model.optimizer.iterations)
    averaged_weights(model)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "model"
        export(model, weights, name=run.name, model_id=0, provenance={"steps": step})
        for quality in QUALITIES:
            bpp, psnr = measure(weights, photos, quality)
            row = {"step": step, "quality": quality, "bpp": round(bpp, 5), "psnr_db": round(psnr, 4)}
            append_row(run / VALIDATION, row)
            print(f"validation, step {step}: quality {quality}, {bpp:.3f} bpp, {psnr:.2f} dB", flush=True)
