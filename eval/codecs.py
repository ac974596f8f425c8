"""The codecs under test, with a common interface: pixels to the bytes of a file and back.

To add a codec, write a subclass of `Codec` with `version`, `encode` and `decode`, and append an instance to
`CODECS`.
"""

import hashlib
import importlib
import io
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, features

import compressor
from compressor.engines.loading import resolve_engine
from compressor.errors import WeightsError, shown
from compressor.weights.files import ModelFiles
from eval.errors import CodecUnavailableError, EvalError


@dataclass(frozen=True)
class Codec(ABC):
    """Base of all codecs.

    Attributes:
        name: name in options, tables and the cache.
        label: name shown to people.
        suffix: suffix of its files, with the dot.
        options: settings of the encoder.
        qualities: qualities that a run uses, in 1..100.
        whole_qualities: whether the encoder accepts integers only.
        by_default: whether it runs when no codecs are named.
    """

    name: str
    label: str
    suffix: str
    options: dict = field(default_factory=dict)
    qualities: tuple[float, ...] = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    whole_qualities: bool = True
    by_default: bool = True

    def settings(self) -> dict:
        """Return the settings that determine the bytes, for the cache key."""
        return {"name": self.name, "options": self.options}

    @abstractmethod
    def version(self) -> str:
        """Return the versions of the libraries, for the report and the cache key.

        Raises:
            CodecUnavailableError: if a library is missing.
        """

    @abstractmethod
    def encode(self, image_uint8: np.ndarray, quality: float) -> bytes:
        """Encode uint8 (H, W, 3) at a quality in 1..100."""

    @abstractmethod
    def decode(self, data: bytes) -> np.ndarray:
        """Decode to uint8 (H, W, 3)."""


@dataclass(frozen=True)
class PillowCodec(Codec):
    """A format that Pillow reads and writes.

    A subclass may override only `save_options`, since `eval.processes` runs Pillow in a separate process with
    nothing but these options. A codec that needs more derives from `Codec`.

    Attributes:
        format: Pillow's name of the format.
        feature: name of the format in `PIL.features`.
        plugin: module that adds the format to Pillow, "" for built-in formats.
        plugin_package: package that contains the plugin.
    """

    format: str = ""
    feature: str = ""
    plugin: str = ""
    plugin_package: str = ""

    def version(self) -> str:
        """Return the versions of the libraries, for the report and the cache key.

        Raises:
            CodecUnavailableError: if a library is missing.
        """
        if self.plugin:
            try:
                importlib.import_module(self.plugin)
            except ImportError as error:
                raise CodecUnavailableError(f"{self.name}: install {self.plugin_package} ({error})") from None
            return f"{self.plugin_package} {package_version(self.plugin_package)}"
        if not features.check(self.feature):
            raise CodecUnavailableError(f"{self.name}: this Pillow was built without {self.format}")
        library = features.version(self.feature) or "unknown"
        if self.feature == "jpg" and features.check("libjpeg_turbo"):
            library = f"turbo {features.version('libjpeg_turbo')}"
        return f"Pillow {PIL.__version__}, {self.feature} {library}"

    def save_options(self, quality: float, size: tuple[int, int]) -> dict:
        """Return the options of `Image.save`, for a quality in 1..100 and a size in pixels."""
        return {"quality": round(quality) if self.whole_qualities else quality, **self.options}

    def encode(self, image_uint8: np.ndarray, quality: float) -> bytes:
        """Encode uint8 (H, W, 3) at a quality in 1..100."""
        if self.plugin:
            importlib.import_module(self.plugin)
        file = io.BytesIO()
        image = Image.fromarray(image_uint8)
        image.save(file, self.format, **self.save_options(quality, image.size))
        return file.getvalue()

    def decode(self, data: bytes) -> np.ndarray:
        """Decode to uint8 (H, W, 3)."""
        if self.plugin:
            importlib.import_module(self.plugin)
        with Image.open(io.BytesIO(data), formats=[self.format]) as image:
            return np.asarray(image.convert("RGB"))


@dataclass(frozen=True)
class Jpeg2000Codec(PillowCodec):
    """JPEG 2000, encoded to a target PSNR: quality 1..100 maps to 22.3 .. 52 dB."""

    def save_options(self, quality: float, size: tuple[int, int]) -> dict:
        """Return the options of `Image.save`, for a quality in 1..100 and a size in pixels."""
        # OpenJPEG refuses more wavelet levels than the shorter side can be halved.
        resolutions = min(6, min(size).bit_length())
        return {
            "quality_mode": "dB",
            "quality_layers": [22 + 0.3 * quality],
            "num_resolutions": resolutions,
            **self.options,
        }


@dataclass(frozen=True)
class JxlCodec(PillowCodec):
    """JPEG XL. Quality 100 is lossless, which the plugin requires as a separate option."""

    def save_options(self, quality: float, size: tuple[int, int]) -> dict:
        """Return the options of `Image.save`, for a quality in 1..100 and a size in pixels."""
        options = super().save_options(quality, size)
        return options if options["quality"] < 100 else {"lossless": True, **self.options}


@dataclass(frozen=True)
class LearnedCodec(Codec):
    """This project's codec, through its public API.

    `options` are passed to `compressor.encode`, except the name of a `model`, which selects its runtime.

    Attributes:
        weights: folder of an exported model, "" for those that ship.
    """

    weights: str = ""

    def settings(self) -> dict:
        """Return the settings that determine the bytes, for the cache key."""
        settings = super().settings()
        if self.weights:
            settings["weights"] = ModelFiles(Path(self.weights)).sha256
        return settings

    def version(self) -> str:
        """Return the version with a hash of code and weights, and those of libraries that affect results."""
        digest = _source_digest(Path(compressor.__file__).parent)
        libraries = [f"{name} {package_version(name)}" for name in (resolve_engine("auto"), "constriction")]
        return ", ".join([f"compressor {compressor.__version__} ({digest})", *libraries])

    def encode(self, image_uint8: np.ndarray, quality: float) -> bytes:
        """Encode uint8 (H, W, 3) at a quality in 1..100."""
        options = dict(self.options)
        runtime = compressor.Runtime(model=options.pop("model", None), weights=self.weights or None)
        return compressor.encode(image_uint8, quality=quality, runtime=runtime, **options)

    def decode(self, data: bytes) -> np.ndarray:
        """Decode to uint8 (H, W, 3)."""
        runtime = compressor.Runtime(weights=self.weights or None)
        return np.asarray(compressor.decode(data, runtime=runtime).convert("RGB"))


@cache
def _source_digest(package: Path) -> str:
    """Hash a package's code and weights, which may change while its version number stays."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:10]


def _jpeg(name: str, subsampling: str) -> PillowCodec:
    """Return a JPEG codec with optimised, progressive files."""
    options = {"subsampling": subsampling, "optimize": True, "progressive": True}
    return PillowCodec(
        name,
        f"JPEG {subsampling}",
        ".jpg",
        options,
        format="JPEG",
        feature="jpg",
        qualities=(5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 90, 95),
    )


def _avif(name: str, subsampling: str, speed: int, tune: str = "") -> PillowCodec:
    """Return an AVIF codec; an empty `tune` is the encoder's default, which aims at SSIM."""
    # By default, Pillow splits pictures into tiles by the number of processors, for speed. Without tiles and
    # with two threads or more, files are smaller, by about 0.5 %, and the same on every machine.
    options = {
        "subsampling": subsampling,
        "speed": speed,
        "autotiling": False,
        "max_threads": max(2, os.cpu_count() or 1),
    }
    if tune:
        options["advanced"] = {"tune": tune}
    return PillowCodec(
        name,
        f"AVIF {subsampling} speed {speed}{f' tuned for {tune.upper()}' if tune else ''}",
        ".avif",
        options,
        format="AVIF",
        feature="avif",
        qualities=(10, 15, 25, 35, 45, 55, 65, 75, 85, 90, 94, 97),
    )


def _at_effort(tune: str, effort: int) -> LearnedCodec:
    """Return a codec at an effort other than the default; above the default, a file takes several seconds."""
    name, label = ("flagship", "Compressor") if tune == "iq" else ("flagship-psnr", "Compressor, PSNR")
    return LearnedCodec(
        f"{name}-e{effort}",
        f"{label}, effort {effort}",
        ".cmpr",
        {"tune": tune, "effort": effort},
        whole_qualities=False,
        qualities=(10, 30, 50, 70, 90, 93, 96),
        by_default=False,
    )


# Quality 100 is left out: its files are lossless and have no point on a curve.
_OUR_QUALITIES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 93, 96, 98, 99.75)

CODECS = [
    LearnedCodec(
        "flagship",
        "Compressor",
        ".cmpr",
        whole_qualities=False,
        qualities=_OUR_QUALITIES,
    ),
    LearnedCodec(
        "flagship-psnr",
        "Compressor, PSNR",
        ".cmpr",
        {"tune": "psnr"},
        whole_qualities=False,
        qualities=_OUR_QUALITIES,
    ),
    LearnedCodec(
        "cnn",
        "CNN baseline",
        ".cmpr",
        {"model": "cnn"},
        whole_qualities=False,
        qualities=(1, 20, 40, 60, 80, 99.75),
    ),
    *(_at_effort("iq", effort) for effort in (6, 7, 9)),
    *(_at_effort("psnr", effort) for effort in (3, 4, 6, 7, 9)),
    _jpeg("jpeg420", "4:2:0"),
    _jpeg("jpeg444", "4:4:4"),
    PillowCodec(
        "webp",
        "WebP",
        ".webp",
        {"method": 6},
        format="WEBP",
        feature="webp",
        qualities=(1, 5, 15, 30, 45, 60, 75, 85, 92, 96),
    ),
    _avif("avif420", "4:2:0", 6),
    _avif("avif444", "4:4:4", 6),
    _avif("avif444-slow", "4:4:4", 3),
    _avif("avif444-psnr", "4:4:4", 6, "psnr"),
    _avif("avif444-psnr-slow", "4:4:4", 3, "psnr"),
    Jpeg2000Codec(
        "jpeg2000",
        "JPEG 2000",
        ".jp2",
        {"irreversible": True, "mct": 1},
        format="JPEG2000",
        feature="jpg_2000",
        whole_qualities=False,
        qualities=(10, 17, 24, 31, 38, 45, 52, 59, 66, 73, 80),
    ),
    JxlCodec(
        "jxl",
        "JPEG XL",
        ".jxl",
        {"effort": 7},
        format="JXL",
        plugin="pillow_jxl",
        plugin_package="pillow-jxl-plugin",
        qualities=(5, 10, 25, 40, 55, 65, 75, 85, 90, 95, 97),
    ),
]


def own_model(folder: Path) -> LearnedCodec:
    """Return the codec of an exported model, under the name in its manifest.

    Raises:
        EvalError: if the folder holds no model.
    """
    # The path must be absolute, since timed processes run in another folder.
    folder = folder.resolve()
    try:
        # The name comes from a folder name, which may not be valid text.
        name = shown(ModelFiles(folder).name)
    except WeightsError as error:
        raise EvalError(str(error)) from error
    return LearnedCodec(
        name, name, ".cmpr", whole_qualities=False, qualities=_OUR_QUALITIES, weights=str(folder)
    )


def is_ours(name: str) -> bool:
    """Return whether a name belongs to our codec.

    Names that are not in `CODECS` are those of exported models, which are ours too.
    """
    return not any(codec.name == name and not isinstance(codec, LearnedCodec) for codec in CODECS)


def select(names: list[str] | None, weights: list[Path] | None = None) -> tuple[list[Codec], list[str]]:
    """Select codecs by name, or the default ones without names, and add exported models.

    Args:
        names: names of codecs; None or empty for the default ones.
        weights: folders of exported models.

    Returns:
        The codecs that work on this machine, and one line for each that does not.

    Raises:
        EvalError: if a name is unknown, a model cannot be used, or no codec works.

    Example:
        >>> usable, missing = select(["jpeg420"])
        >>> usable[0].label
        'JPEG 4:2:0'
    """
    known = {codec.name: codec for codec in CODECS}
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise EvalError(f"no codec named {', '.join(unknown)}; available: {', '.join(known)}")
    usable, missing = [], []
    for name in dict.fromkeys(names or (codec.name for codec in CODECS if codec.by_default)):
        try:
            known[name].version()
            usable.append(known[name])
        except CodecUnavailableError as error:
            missing.append(str(error))
    taken = {codec.name for codec in CODECS}
    for codec in map(own_model, weights or []):
        if codec.name in taken:
            raise EvalError(
                f"the model in {codec.weights} has the name of another codec, {codec.name}: "
                "export it with another --name"
            )
        taken.add(codec.name)
        usable.append(codec)
    if not usable:
        raise EvalError("none of the codecs works: " + "; ".join(missing))
    return usable, missing
