"""What the channels that a flagship leaves out cost: `python -m scripts.channel_limit MODEL IMAGES`.

Prints the PSNR that the kept channels of the lapped transform allow before anything is quantised, and how
many more bits they take than all channels would at the same PSNR, by reverse water-filling over the channels'
variances in each picture, as if they were independent and Gaussian (Cover and Thomas, "Elements of
Information Theory", section 10.3.3).
"""

import argparse
from pathlib import Path

import numpy as np

from compressor.layers import LappedAnalysis
from compressor.layers.lapped import ALL_CHANNELS, BLOCK
from compressor.model_files import ModelFiles
from compressor.models.exported import load_exported
from eval.images import find_pictures, load_rgb

PSNRS_DB = (34, 36, 38, 40)


def kept_channels(model) -> np.ndarray:
    """Which of all channels a model has, (768,) bool."""
    everything = LappedAnalysis(ALL_CHANNELS)
    everything.build(None)
    kernels = (everything.kernel, model.lapped_analysis.kernel)
    basis, kept = (np.asarray(kernel).reshape(ALL_CHANNELS, -1) for kernel in kernels)
    return np.abs(basis.T @ kept).max(axis=1) > 0.5


def energies(image: np.ndarray) -> np.ndarray:
    """Mean square of all channels over a picture, in squared 8-bit levels, (768,)."""
    height, width = (n // BLOCK * BLOCK for n in image.shape[:2])
    everything = LappedAnalysis(ALL_CHANNELS)
    latents = everything(image[None, :height, :width].astype(np.float32) - 128)
    return np.square(np.asarray(latents)).mean(axis=(0, 1, 2))


def bits(energy: np.ndarray, error: float) -> float:
    """Least bits for Gaussian channels whose errors sum to `error`; infinite if that is not above 0."""
    if error <= 0:
        return np.inf
    low, high = 1e-6, energy.max() + error
    for _ in range(80):
        level = np.sqrt(low * high)
        low, high = (low, level) if np.minimum(energy, level).sum() > error else (level, high)
    return 0.5 * np.log2(np.maximum(energy / level, 1)).sum()


def main() -> None:
    """Print the limits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("images", type=Path)
    options = parser.parse_args()
    kept = kept_channels(load_exported(ModelFiles(options.model)))
    pictures = [energies(load_rgb(picture.path)) for picture in find_pictures(options.images)[0]]
    limits = [10 * np.log10(255**2 * ALL_CHANNELS / max(energy[~kept].sum(), 1e-9)) for energy in pictures]
    print(f"{kept.sum()} channels: at least {min(limits):.1f} dB, in the median {np.median(limits):.1f} dB")
    for psnr in PSNRS_DB:
        error = ALL_CHANNELS * 255**2 / 10 ** (psnr / 10)
        pairs = [(bits(e[kept], error - e[~kept].sum()), bits(e, error)) for e in pictures]
        ours, best = np.array([pair for pair in pairs if np.isfinite(pair[0])]).T
        reached = f"{len(ours)} of {len(pictures)} pictures reach it"
        print(f"{psnr} dB: {reached}, with {100 * (ours.mean() / best.mean() - 1):.1f} % more bits")


if __name__ == "__main__":
    main()
