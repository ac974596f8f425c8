"""Butteraugli of 8-bit sRGB pictures, by libjxl's `butteraugli_main`."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from eval.errors import EvalError, MetricUnavailableError

PROGRAM = "butteraugli_main"
MIN_PX = 8  # smaller pictures always get a distance of 0


def require_butteraugli() -> None:
    """Check that the program is installed.

    Raises:
        MetricUnavailableError: if `butteraugli_main` is not on the search path.
    """
    if shutil.which(PROGRAM) is None:
        raise MetricUnavailableError(f"Butteraugli: install {PROGRAM} (Debian and Ubuntu: libjxl-devtools)")


def butteraugli(reference: np.ndarray, other: np.ndarray) -> float:
    """Measure the 3-norm of the Butteraugli distance map, at 80 nits.

    Args:
        reference, other: uint8 (H, W, 3), sRGB, sides of at least `MIN_PX`.

    Returns:
        0 for equal pictures; a difference is just noticeable at about 1.

    Raises:
        EvalError: if the program fails.
        MetricUnavailableError: if the program is not installed.

    Reference:
        Alakuijala et al., Guetzli: perceptually guided JPEG encoder, 2017, arXiv 1703.04421.
    """
    require_butteraugli()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("reference.png", "other.png")]
        for path, image in zip(paths, (reference, other), strict=True):
            Image.fromarray(image).save(path, compress_level=1)
        # The default intensity is written out, because other versions may have another default.
        command = [PROGRAM, *map(str, paths), "--intensity_target", "80"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise EvalError(f"{PROGRAM} failed with exit code {done.returncode}: {done.stderr}")
    return parse_3_norm(done.stdout)


def parse_3_norm(output: str) -> float:
    """Read the 3-norm from what the program prints.

    Raises:
        EvalError: if there is none.

    Example:
        >>> parse_3_norm("0.4197838902\\n3-norm: 0.188333\\n")
        0.188333
    """
    for line in output.splitlines():
        name, _, value = line.partition(":")
        if name == "3-norm":
            return float(value)
    raise EvalError(f"{PROGRAM} printed no 3-norm: {output!r}")
