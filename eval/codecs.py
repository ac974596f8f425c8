"""The codecs under test, behind one small interface: pixels to file bytes and back.

To add a codec, append to `CODECS` any object with `name`, `label`, `suffix`, `qualities`,
`version()`, `settings()`, `encode(image_uint8, quality)` and `decode(data)`.
"""

import hashlib
import importlib
import io
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version as package_version
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, features

from eval.errors import CodecUnavailable, EvalError, one_line


@dataclass(frozen=True)
class Codec:
    """Common part: a name for tables and keys, a label for people, a quality scale of 1..100."""

    name: str
    label: str
    suffix: str
    options: dict = field(default_factory=dict)
    qualities: tuple[float, ...] = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    whole_qualities: bool = True  # the encoder accepts integers only
    by_default: bool = True  # takes part where no codecs are named

    def settings(self) -> dict:
        """What, besides picture, version and quality, decides the bytes: part of the cache key."""
        return {"name": self.name, "options": self.options}


@dataclass(frozen=True)
class PillowCodec(Codec):
    """A format that Pillow reads and writes."""

    format: str = ""
    feature: str = ""  # as `PIL.features` names it
    plugin: str = ""  # module to import, for formats outside Pillow
    plugin_package: str = ""

    def version(self) -> str:
        if self.plugin:
            try:
                importlib.import_module(self.plugin)
            except ImportError as error:
                raise CodecUnavailable(f"{self.name}: install {self.plugin_package} ({error})") from None
            return f"{self.plugin_package} {package_version(self.plugin_package)}"
        if not features.check(self.feature):
            raise CodecUnavailable(f"{self.name}: this Pillow was built without {self.format}")
        library = features.version(self.feature) or "unknown"
        if self.feature == "jpg" and features.check("libjpeg_turbo"):
            library = f"turbo {features.version('libjpeg_turbo')}"
        return f"Pillow {PIL.__version__}, {self.feature} {library}"

    def save_options(self, quality: float, size: tuple[int, int]) -> dict:
        return {"quality": round(quality) if self.whole_qualities else quality, **self.options}

    def encode(self, image_uint8: np.ndarray, quality: float) -> bytes:
        if self.plugin:
            importlib.import_module(self.plugin)
        file = io.BytesIO()
        image = Image.fromarray(image_uint8)
        image.save(file, self.format, **self.save_options(quality, image.size))
        return file.getvalue()

    def decode(self, data: bytes) -> np.ndarray:
        if self.plugin:
            importlib.import_module(self.plugin)
        with Image.open(io.BytesIO(data), formats=[self.format]) as image:
            return np.asarray(image.convert("RGB"))


@dataclass(frozen=True)
class Jpeg2000Codec(PillowCodec):
    """JPEG 2000 is steered by a target PSNR; quality 1..100 maps onto 22.3 .. 52 dB of it."""

    def save_options(self, quality: float, size: tuple[int, int]) -> dict:
        # OpenJPEG refuses more wavelet levels than a small picture has octaves.
        resolutions = min(6, min(size).bit_length())
        return {
            "quality_mode": "dB",
            "quality_layers": [22 + 0.3 * quality],
            "num_resolutions": resolutions,
            **self.options,
        }


@dataclass(frozen=True)
class LearnedCodec(Codec):
    """This project's codec, through its public API; `options` go to `compressor.encode`."""

    def version(self) -> str:
        try:
            import compressor

            number = compressor.__version__
            if not (callable(compressor.encode) and callable(compressor.decode)):
                raise AttributeError("encode and decode are not functions")
        except (ImportError, AttributeError) as error:
            raise CodecUnavailable(f"{self.name}: compressor is not usable ({one_line(error)})") from None
        return f"compressor {number} ({_source_digest(Path(compressor.__file__).parent)})"

    def encode(self, image_uint8: np.ndarray, quality: float) -> bytes:
        import compressor

        return compressor.encode(image_uint8, quality=quality, **self.options)

    def decode(self, data: bytes) -> np.ndarray:
        import compressor

        return np.asarray(compressor.decode(data).convert("RGB"))


@cache
def _source_digest(package: Path) -> str:
    """Short hash of a package's code and weights: a version number alone stays while both change."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:10]


def _jpeg(name: str, subsampling: str) -> PillowCodec:
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


def _avif(name: str, subsampling: str, speed: int) -> PillowCodec:
    return PillowCodec(
        name,
        f"AVIF {subsampling} speed {speed}",
        ".avif",
        {"subsampling": subsampling, "speed": speed},
        format="AVIF",
        feature="avif",
        qualities=(10, 15, 25, 35, 45, 55, 65, 75, 85, 90),
    )


def _harder(effort: int, by_default: bool) -> LearnedCodec:
    """The flagship at an effort that refines, which takes several seconds a picture."""
    return LearnedCodec(
        f"flagship-e{effort}",
        f"Compressor effort {effort}",
        ".cmpr",
        {"effort": effort},
        whole_qualities=False,
        qualities=(10, 30, 50, 70, 90),
        by_default=by_default,
    )


CODECS = [
    LearnedCodec(
        "flagship",
        "Compressor",
        ".cmpr",
        whole_qualities=False,
        qualities=(1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100),
    ),
    LearnedCodec(
        "cnn",
        "CNN baseline",
        ".cmpr",
        {"model": "cnn-1"},
        whole_qualities=False,
        qualities=(1, 20, 40, 60, 80, 100),
    ),
    _harder(7, by_default=True),
    _harder(9, by_default=False),
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
    PillowCodec(
        "jxl",
        "JPEG XL",
        ".jxl",
        {"effort": 7},
        format="JXL",
        plugin="pillow_jxl",
        plugin_package="pillow-jxl-plugin",
        qualities=(5, 10, 25, 40, 55, 65, 75, 85, 90, 95),
    ),
]


def select(names: list[str] | None) -> tuple[list, list[str]]:
    """The codecs of these names that work here, and a line for each that does not.

    Without names, all that are meant to be run by default.

    Raises:
        EvalError: a name that no codec has, or none of the codecs works here.
    """
    known = {codec.name: codec for codec in CODECS}
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise EvalError(f"no codec named {', '.join(unknown)}; there are {', '.join(known)}")
    usable, missing = [], []
    for name in dict.fromkeys(names or (codec.name for codec in CODECS if codec.by_default)):
        try:
            known[name].version()
            usable.append(known[name])
        except CodecUnavailable as error:
            missing.append(str(error))
    if not usable:
        raise EvalError("none of the codecs works here: " + "; ".join(missing))
    return usable, missing
