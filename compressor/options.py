"""Options that several functions share, as typed values."""

from __future__ import annotations

import math
import numbers
from dataclasses import asdict, dataclass
from os import PathLike

from compressor.errors import OptionError

ENGINES = ("onnxruntime", "openvino", "keras")
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Runtime:
    """The model that codes, and how it is run.

    Attributes:
        model: name of a shipped model, to encode with; None for the default. Streams name the model that
            decodes them.
        weights: folder of an exported model to use instead of a shipped one, to encode and to decode.
        engine: "onnxruntime", "openvino", "keras", or "auto": OpenVINO if it is installed and the CPU
            has AMX, and ONNX Runtime otherwise.
        threads: the most threads the engine may use, from 1, capped at the number of cores; None leaves it
            to the engine.

    Raises:
        OptionError: if a model and weights are both given, if either has the wrong type, if the engine is
            unknown, or if `threads` is not a whole number from 1.

    Example:
        >>> Runtime(engine="onnxruntime", threads=1).threads
        1
    """

    model: str | None = None
    weights: str | PathLike[str] | None = None
    engine: str = AUTO
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.model is not None and self.weights is not None:
            raise OptionError(
                f"received the model {self.model} and the weights {self.weights}, expected one of them"
            )
        if not isinstance(self.model, str | None):
            raise OptionError(f"received the model {self.model!r}, expected the name of a shipped model")
        if not isinstance(self.weights, str | PathLike | None):
            raise OptionError(
                f"received the weights {self.weights!r}, expected the path of a folder as str or Path"
            )
        if self.engine not in (AUTO, *ENGINES):
            raise OptionError(
                f"received engine {self.engine!r}, expected one of {', '.join([AUTO, *ENGINES])}"
            )
        is_count = isinstance(self.threads, numbers.Integral) and not isinstance(self.threads, bool)
        if self.threads is not None and (not is_count or self.threads < 1):
            raise OptionError(f"received threads={self.threads!r}, expected a whole number from 1")


@dataclass(frozen=True, slots=True)
class Target:
    """A size or a fidelity that a file has to meet; exactly one is given.

    The file of the best quality that is not above a size is made, or the smallest that has a fidelity.

    Attributes:
        bpp: the most bits per pixel of the whole file.
        num_bytes: the most bytes of the whole file, metadata included.
        psnr_db: the least PSNR in dB of the decoded RGB pixels; hidden pixels do not count unless their
            colours are kept (see `keep_hidden` of `encode`).
        ssimulacra2: the least SSIMULACRA 2 score of the decoded RGB pixels, at most 100: 90 is visually
            lossless, 70 high quality, 50 medium.

    Raises:
        OptionError: unless exactly one is given, as a finite number above 0.

    Example:
        >>> Target(num_bytes=200_000).num_bytes
        200000
    """

    bpp: float | None = None
    num_bytes: float | None = None
    psnr_db: float | None = None
    ssimulacra2: float | None = None

    @property
    def is_fidelity(self) -> bool:
        """Whether it is a fidelity, rather than a size."""
        return self.psnr_db is not None or self.ssimulacra2 is not None

    def __post_init__(self) -> None:
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if len(given) != 1:
            received = " and ".join(given) or "no target"
            raise OptionError(f"received {received}, expected one of {', '.join(asdict(self))}")
        for name, value in given.items():
            is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if not is_number or not 0 < value < math.inf:
                raise OptionError(f"received the target {name}={value!r}, expected a number above 0")
        if self.ssimulacra2 is not None and self.ssimulacra2 > 100:
            raise OptionError(f"received the target ssimulacra2={self.ssimulacra2!r}, expected at most 100")
