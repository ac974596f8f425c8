"""Plots of a run: loss, rate, PSNR, and the rate-distortion curves of validation."""

import csv
import sys
from pathlib import Path

from compressor.atomic import atomic_path
from compressor.errors import one_line
from training.errors import TrainingError
from training.file_names import LOG, VALIDATION

# Number of validations to plot, the latest ones: more curves cannot be told apart.
CURVES = 6


def read_columns(path: Path) -> dict[str, list[float]]:
    """Return the columns of a CSV file of numbers; an empty dictionary if there is no file.

    A last line without a newline is left out: the run was stopped while writing it.

    Raises:
        TrainingError: if a value is not a number, or missing.
    """
    if not path.exists():
        return {}
    try:
        whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
        rows = list(csv.DictReader(whole.splitlines()))
        return {key: [float(row[key]) for row in rows] for key in (rows[0] if rows else {})}
    except (TypeError, ValueError, csv.Error) as error:
        raise TrainingError(
            f"{path} is damaged ({one_line(error)}): remove the damaged line, or the file"
        ) from error


def rate_curves(columns: dict[str, list[float]]) -> dict[int, list[tuple[float, float]]]:
    """Return the points (bpp, PSNR in dB) of each validated step, sorted by rate.

    Args:
        columns: columns of `validation.csv`; see `read_columns`.

    Raises:
        TrainingError: if a column is missing.
    """
    curves: dict[int, list[tuple[float, float]]] = {}
    needed = ("step", "bpp", "psnr_db")
    if columns and not columns.keys() >= set(needed):
        raise TrainingError(
            f"{VALIDATION} has the columns {', '.join(columns)}, expected {', '.join(needed)}: "
            "remove the file"
        )
    for step, bpp, psnr in zip(*(columns.get(key, []) for key in needed), strict=True):
        curves.setdefault(int(step), []).append((bpp, psnr))
    return {step: sorted(points) for step, points in curves.items()}


def plot_run(run: Path, out: Path | None = None) -> Path:
    """Plot the curves of a run.

    Args:
        run: folder of a run.
        out: PNG to write; `run / "curves.png"` if None.

    Returns:
        The path of the PNG.

    Raises:
        TrainingError: if the run has no log, its files are damaged, the output is not a PNG file, or
            matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise TrainingError("plot needs matplotlib: pip install matplotlib") from error
    log = read_columns(run / LOG)
    if not {"step", "rd_loss", "bpp", "psnr_db"} <= log.keys():
        raise TrainingError(
            f"{run} holds no {LOG} with the rows of a run; give the --out folder of a training run"
        )
    out = out or run / "curves.png"
    if out.suffix.lower() != ".png":
        raise TrainingError(f"received the output {out}, expected the extension .png: rename it")
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(2, 2).flat
    for axis, (key, label) in zip(
        axes,
        {"rd_loss": "loss", "bpp": "estimated bits per pixel", "psnr_db": "PSNR, dB"}.items(),
        strict=False,
    ):
        axis.plot(log["step"], log[key])
        axis.set(xlabel="step", ylabel=label)
    last = figure.axes[3]
    for step, points in list(rate_curves(read_columns(run / VALIDATION)).items())[-CURVES:]:
        last.plot(*zip(*points, strict=True), marker="o", label=f"step {step}")
        last.legend()
    last.set(xlabel="bits per pixel of files", ylabel="PSNR, dB", title="validation")
    for axis in figure.axes:
        axis.grid(alpha=0.3)
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    print(out, file=sys.stderr)
    return out
