"""The public interface: pixels to bytes and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compressor.bitstream.container import Container, Preamble, read_container, read_preamble, write_container
from compressor.bitstream.header import (
    DEFAULT_MAX_PIXELS,
    DEFAULT_QUALITY,
    Flags,
    check_num_pixels,
    level_to_quality,
    quality_to_level,
)
from compressor.effort import DEFAULT_EFFORT, OnProgress, effort_of, ignore_progress
from compressor.errors import OptionError
from compressor.image_io import (
    LoadedPicture,
    colour_array,
    colour_image,
    decode_alpha,
    encode_alpha,
    load_picture,
)
from compressor.metadata import EXIF_PREFIX, Metadata
from compressor.region import region_area

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    from compressor.rate_control import Target


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What a stream says about itself.

    Attributes:
        format_version: version of the file format.
        model_id: which weights it was coded with.
        width: columns of pixels.
        height: rows of pixels.
        mode: channels: "L", "LA", "RGB" or "RGBA".
        quality: 1.0 to 100.0.
        num_bytes: size of the whole stream.
        bpp: bits per pixel: 8 * num_bytes / (width * height).
        section_num_bytes: sizes of the payloads: of "icc", "exif", "xmp", "alpha" where present, and of
            "picture".
    """

    format_version: int
    model_id: int
    width: int
    height: int
    mode: str
    quality: float
    num_bytes: int
    bpp: float
    section_num_bytes: dict[str, int]


def encode(
    image: Image.Image | npt.NDArray[np.uint8] | LoadedPicture,
    quality: float | None = None,
    *,
    target_bpp: float | None = None,
    target_size: float | None = None,
    target_psnr: float | None = None,
    effort: int = DEFAULT_EFFORT,
    verify: bool = False,
    strip: str | Iterable[str] = (),
    model: str | None = None,
    weights: str | Path | None = None,
    engine: str = "auto",
    threads: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> bytes:
    """Encode a picture.

    Gray stays gray, alpha is kept without loss, the EXIF orientation is baked into the pixels, and ICC
    profile, EXIF and XMP are kept.

    Args:
        image: a Pillow image of any mode but F and 32-bit I; or a uint8 array of 0..255 with shape (H, W),
            (H, W, 1), (H, W, 2) for gray and alpha, (H, W, 3) or (H, W, 4); or what `load_picture` has made
            of one, whose metadata are kept whatever `strip` says. Any size from 1x1.
        quality: 1 (smallest) to 100 (best), in steps of a quarter; 50 if neither it nor a target is given.
        target_bpp: in place of a quality, the most bits per pixel that the stream may take.
        target_size: in place of a quality, the most bytes that the stream may take, metadata included. The
            largest stream within it is made.
        target_psnr: in place of a quality, the least PSNR in dB of the decoded RGB pixels. The smallest
            stream that has it is made.
        effort: 1 to 9: how hard to try for a smaller stream that looks the same. It decodes as fast. From 5
            on, each symbol's bits are weighed against its error; from 6 on, symbols are improved by what
            each changes in the decoded picture, in 4, 12, 24 and 48 steps, each of which takes somewhat
            longer than an encoding; with a target, for each trial.
        verify: whether to read the new stream again, and compare it with what was meant.
        strip: metadata to leave out: one or several of "all", "exif", "icc", "xmp".
        model: name of a model that ships; None for the default one.
        weights: folder of an exported model to take instead; decoding needs it too.
        engine: what runs the networks; "auto" chooses the fastest that is installed.
        threads: how many threads it may use; None for its own choice.
        on_progress: called with the share of the work that is done, 0..1, during a refinement.

    Returns:
        The stream: the content of a .cmpr file.

    Raises:
        ImageInputError: if the picture cannot be read, or its type, shape or mode is not supported.
        OptionError: if an argument is outside its range, or the picture cannot meet the target.
        CorruptStreamError: if the new stream does not hold what was meant.
        MissingDependencyError: if the engine is not installed.
        WeightsError: if the model files are missing or damaged.
    """
    # What is wrong with them is said before a picture is read.
    aim = _aim(quality, target_bpp, target_size, target_psnr)
    work = effort_of(effort)
    picture = image if isinstance(image, LoadedPicture) else load_picture(image, strip=strip)

    from compressor.picture_coder import load_coder

    upright, metadata = picture.image, picture.metadata
    coder = load_coder(model, weights=weights, engine=engine, threads=threads)
    sections = {"icc": metadata.icc, "exif": metadata.exif, "xmp": metadata.xmp}
    if upright.mode in ("LA", "RGBA"):
        sections["alpha"] = encode_alpha(upright)
    gray = upright.mode in ("L", "LA")
    image_uint8 = colour_array(upright)

    def encode_at(level: int) -> bytes:
        payload = coder.encode(image_uint8, level, work, verify=verify, on_progress=on_progress)
        return write_container(
            model_id=coder.model_id,
            level=level,
            width=upright.width,
            height=upright.height,
            gray=gray,
            sections=sections | {"picture": payload},
        )

    if isinstance(aim, int):
        return encode_at(aim)

    from compressor.rate_control import encode_to_target, psnr_db

    def psnr_of(stream: bytes) -> float:
        container = read_container(stream)
        level, payload = container.header.level, container.sections["picture"]
        decoded = coder.decode(payload, upright.height, upright.width, level)
        if gray:
            # As it will be seen: the mean of the channels, rounded once more.
            decoded = colour_array(colour_image(decoded, gray=True))
        return psnr_db(decoded, image_uint8)

    return encode_to_target(aim, upright.width * upright.height, encode_at, psnr_of)


def _aim(
    quality: float | None, bpp: float | None, num_bytes: float | None, psnr_db: float | None
) -> int | Target:
    """Check what is asked for before any work is done: a quality level, or a target."""
    if bpp is num_bytes is psnr_db is None:
        return quality_to_level(DEFAULT_QUALITY if quality is None else quality)
    if quality is not None:
        raise OptionError("received a quality and a target, expected one of them")

    from compressor.rate_control import Target

    return Target(bpp, num_bytes, psnr_db)


def decode(
    data: bytes | bytearray | memoryview,
    *,
    weights: str | Path | None = None,
    engine: str = "auto",
    threads: int | None = None,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    region: Sequence[int] | None = None,
) -> Image.Image:
    """Decode a stream, or a region of it.

    Args:
        data: the content of a .cmpr file.
        weights: folder of the exported model that the stream was made with, if it is none that ships.
        engine: what runs the networks; "auto" chooses the fastest that is installed.
        threads: how many threads it may use; None for its own choice.
        max_pixels: the largest width x height of the whole picture allowed, or None for no limit.
        region: x, y, width, height in pixels of the upright picture, from its top left: decode this part
            alone. It costs the synthesis of the part, and the entropy decoding of the tiles of 2048 pixels
            that it touches; pixels differ from those of the whole picture by at most 1.

    Returns:
        A picture of mode L, LA, RGB or RGBA, with "icc_profile", "exif" and "xmp" in its `info` where the
        stream has them.

    Raises:
        StreamError: if the data are not a stream, damaged, cut off, or made by a later version.
        LimitError: if the picture is larger than `max_pixels`.
        OptionError: if an argument is outside its range, or the region outside the picture.
        MissingDependencyError: if the engine is not installed.
        WeightsError: if the model files are missing or damaged.
    """
    container = read_container(_as_bytes(data))
    header = container.header
    check_num_pixels(header.width, header.height, max_pixels)
    area = None if region is None else region_area(region, header.width, header.height)

    from compressor.picture_coder import load_coder

    coder = load_coder(header.model_id, weights=weights, engine=engine, threads=threads)
    # The cheaper check first: a wrong alpha section costs no run of the networks.
    alpha = None
    if Flags.ALPHA in header.flags:
        alpha = decode_alpha(container.sections["alpha"], header.width, header.height)
        if area is not None:
            alpha = alpha.crop((area.left, area.top, area.right, area.bottom))
    pixels = coder.decode(container.sections["picture"], header.height, header.width, header.level, area)
    image = colour_image(pixels, gray=Flags.GRAY in header.flags)
    if alpha is not None:
        image.putalpha(alpha)
    image.info.update(metadata_of(container).info())
    return image


def read_info(
    data: bytes | bytearray | memoryview,
    *,
    is_prefix: bool = False,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
) -> StreamInfo:
    """Describe a stream without decoding its pixels.

    Args:
        data: the content of a .cmpr file.
        is_prefix: whether the data may be the beginning of a file only. Then the picture's checksum is not
            checked; the beginning must reach behind all other sections.
        max_pixels: the largest width x height allowed, or None for no limit.

    Raises:
        StreamError: if the data are not a stream, damaged, cut off, or made by a later version.
        LimitError: if the picture is larger than `max_pixels`.
    """
    stream = _as_bytes(data)
    if not is_prefix:
        read_container(stream)
    preamble = read_preamble(stream)
    header = preamble.header
    check_num_pixels(header.width, header.height, max_pixels)
    return StreamInfo(
        format_version=header.version,
        model_id=header.model_id,
        width=header.width,
        height=header.height,
        mode=header.mode,
        quality=level_to_quality(header.level),
        num_bytes=preamble.num_bytes,
        bpp=8 * preamble.num_bytes / (header.width * header.height),
        section_num_bytes=preamble.section_num_bytes,
    )


def metadata_of(stream: Container | Preamble) -> Metadata:
    """Return the metadata among the sections of a stream."""
    icc, exif, xmp = (stream.sections.get(name, b"") for name in ("icc", "exif", "xmp"))
    return Metadata(icc=icc, exif=exif.removeprefix(EXIF_PREFIX), xmp=xmp)


def _as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"received {type(data).__name__}, expected bytes: read the file first")
    return bytes(data)
