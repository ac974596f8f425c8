"""The public interface: pixels to bytes and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compressor.bitstream.container import (
    read_beginning,
    read_container,
    read_preamble,
    verify_container,
    write_container,
)
from compressor.bitstream.limits import DEFAULT_MAX_PIXELS, check_num_pixels
from compressor.coding.area import Area
from compressor.coding.effort import DEFAULT_EFFORT, Effort, effort_of
from compressor.coding.progress import OnProgress, ignore_progress
from compressor.coding.region import region_area
from compressor.errors import CorruptStreamError, ImageInputError, OptionError
from compressor.images.alpha import decode_alpha, encode_alpha, verify_alpha
from compressor.images.loading import LoadedPicture, load_picture
from compressor.images.metadata import Metadata, parse_strip
from compressor.options import Runtime, Target
from compressor.spec.file_format import ALPHA, PICTURE, STORED, Flags
from compressor.spec.quality import (
    DEFAULT_QUALITY,
    MAX_QUALITY,
    TOP_LEVEL,
    level_to_quality,
    quality_to_level,
)
from compressor.weights.shipped import model_files, model_of_tune, tune_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image


# Factors by which `decode` can divide width and height.
REDUCTIONS = (1, 2, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The description of a stream.

    Attributes:
        format_version: version of the file format.
        model_id: the model that decodes it.
        tune: "iq" or "psnr", the measure of quality for which it was encoded; None for other models.
        width: columns of pixels.
        height: rows of pixels.
        mode: channels: "L", "LA", "RGB" or "RGBA".
        quality: 1.0 to 100.0; with a quality map, that of regions that are not lowered.
        num_bytes: size of the whole stream.
        bpp: bits per pixel: 8 * num_bytes / (width * height).
        section_num_bytes: sizes of the payloads: of "icc", "exif", "xmp", "alpha", "stored", "quality_map"
            where present, and of "picture".
    """

    format_version: int
    model_id: int
    tune: str | None
    width: int
    height: int
    mode: str
    quality: float
    num_bytes: int
    bpp: float
    section_num_bytes: dict[str, int]

    @property
    def is_lossless(self) -> bool:
        """Whether all pixels are stored without loss."""
        return self.quality == MAX_QUALITY and not self.section_num_bytes[PICTURE]


def encode(
    image: Image.Image | npt.NDArray[np.uint8] | LoadedPicture,
    quality: float | None = None,
    *,
    target: Target | None = None,
    tune: str | None = None,
    roi: Image.Image | npt.NDArray[np.uint8] | None = None,
    effort: int = DEFAULT_EFFORT,
    strip: str | Iterable[str] = (),
    keep_hidden: bool = False,
    verify: bool = False,
    runtime: Runtime = Runtime(),
    on_progress: OnProgress = ignore_progress,
) -> bytes:
    """Encode a picture.

    Gray stays gray, alpha is kept without loss, the EXIF orientation is baked into the pixels, and ICC
    profile, EXIF and XMP are kept. Text, charts and pixel art are stored, with all of their colours or with
    fewer, where that costs less than coding them with the networks. At quality 100, everything is stored
    without loss. A file that turns out to be lossless has quality 100.

    Args:
        image: a Pillow image of any mode but F and 32-bit I; a uint8 array of 0..255 with shape (H, W),
            (H, W, 1), (H, W, 2) for gray and alpha, (H, W, 3) or (H, W, 4); or the result of `load_picture`,
            which `strip` and `keep_hidden` do not change. Any size from 1x1.
        quality: 1 (smallest) to 100 (lossless), in steps of a quarter; by default 50, or a target.
        target: a size or a fidelity to meet instead of a quality. Pixels whose colours are not kept (see
            `keep_hidden`) do not count towards the PSNR; for SSIMULACRA 2, they count as exact.
        tune: "iq" (image quality, the default) for the best picture to the eye, judged by SSIMULACRA 2, or
            "psnr" for the least squared error. It chooses the model, and excludes a model in `runtime`.
        roi: mask of the region of interest, as large as the upright picture: a Pillow image, or an array of
            0..255 with shape (H, W). White keeps the quality, black lowers it by 40 (not below 1), and gray
            by less. The quality changes gradually, over 64 pixels beyond squares of 64x64 pixels with white
            in them. It excludes the quality 100.
        effort: 1 to 9: how hard to try for a better picture in about as many bytes; decoding takes the same
            time. With the tune "psnr", latents are moved once and twice at efforts 3 and 4, and three times
            from 5 on, to lower the squared error of the decoded picture. With "iq", efforts 1 to 5 are the
            same. From 6 on, latents are then refined by the effect of their symbols on the decoded picture,
            in 2, 6, 15 and 40 steps, each of which takes several times as long as an encoding at effort 5
            with "iq". With a target, every trial is refined.
        strip: metadata to leave out: one or several of "all", "exif", "icc", "xmp".
        keep_hidden: whether to keep the colours of pixels that are fully transparent. By default, they are
            replaced by a smooth continuation of the visible pixels beside them or, if the whole picture is
            stored without loss, by black: nobody sees them, they cost bytes, and they may reveal what was cut
            out.
        verify: whether to read the new stream again and compare it with what was coded.
        runtime: model, engine and threads.
        on_progress: called during a refinement with the share of the work done so far, 0..1; with a target,
            the share starts again at each trial.

    Returns:
        The content of a .cmpr file.

    Raises:
        ImageInputError: if the picture cannot be read, or its type, shape or mode is not supported.
        LimitError: if Pillow refuses the picture for its size.
        OptionError: if an argument is outside its range, arguments contradict each other, or the picture
            cannot meet the target.
        CorruptStreamError: with `verify`, if the new stream does not hold what was coded.
        MissingDependencyError: if the engine is not installed.
        WeightsError: if the model files are missing or damaged.

    Example:
        >>> from PIL import Image
        >>> stream = encode(Image.new("RGB", (64, 48), "teal"), quality=30)
        >>> decode(stream).size
        (64, 48)
    """
    # Options are checked before the picture is read.
    level, rules, runtime = check_options(
        quality=quality, target=target, tune=tune, has_mask=roi is not None, effort=effort, runtime=runtime
    )

    from compressor.coding.loading import load_coder
    from compressor.coding.quality_map import lowering_of_mask
    from compressor.coding.screen_content import find_screen_content
    from compressor.coding.sections import SectionEncoder
    from compressor.coding.targets import meet_target
    from compressor.images.pixels import Pixels

    coder = load_coder(runtime)
    picture = (
        image
        if isinstance(image, LoadedPicture)
        else load_picture(image, strip=strip, keep_hidden=keep_hidden)
    )
    upright, pixels = picture.image, Pixels.of(picture)
    sections = picture.metadata.sections()
    if upright.mode in ("LA", "RGBA"):
        sections[ALPHA] = encode_alpha(upright)
        if verify:
            verify_alpha(sections[ALPHA], upright)
    lowering = None if roi is None else lowering_of_mask(_mask(roi, upright.size))
    if lowering is not None and not lowering.any():
        lowering = None
    # At the top level, everything is stored without loss.
    found = None if level == TOP_LEVEL else find_screen_content(pixels.image_uint8)
    if found is not None and lowering is not None:
        found = found.without(lowering > 0)

    encoder = SectionEncoder(coder, pixels, found, lowering, rules, verify=verify, on_progress=on_progress)
    # The top level means a lossless file, which cannot have a quality map.
    highest = TOP_LEVEL if lowering is None else TOP_LEVEL - 1

    def encode_at(level: int, *, stores: bool = True) -> bytes:
        encoded = encoder.encode(min(level, highest), stores=stores)
        payloads = sections | encoded.payloads
        stream = write_container(
            model_id=coder.model_id,
            level=encoded.level,
            width=upright.width,
            height=upright.height,
            gray=upright.mode in ("L", "LA"),
            sections=payloads,
        )
        if verify:
            verify_container(stream, payloads)
        return stream

    if target is None:
        return encode_at(level)
    return meet_target(
        target,
        coder,
        pixels,
        encode_at,
        has_screen_content=found is not None,
        may_be_lossless=highest == TOP_LEVEL,
    )


def check_options(
    *,
    quality: float | None,
    target: Target | None,
    tune: str | None,
    has_mask: bool,
    effort: int,
    runtime: Runtime,
) -> tuple[int, Effort, Runtime]:
    """Check the options of `encode` that do not depend on the picture.

    Args:
        quality: see `encode`.
        target: see `encode`.
        tune: see `encode`.
        has_mask: whether there is a mask of the region of interest.
        effort: see `encode`.
        runtime: see `encode`.

    Returns:
        The quality level, which is not used with a target; the rules of the effort; and the runtime with the
        model of the tune.

    Raises:
        OptionError: if an option is outside its range, or options contradict each other.
        WeightsError: if the effort refines, and the manifest of the model is missing or damaged.
    """
    _check_runtime(runtime)
    level = _level(quality, target, has_mask=has_mask)
    rules = effort_of(effort)
    runtime = _tuned(runtime, tune)
    if rules.refinement_steps:
        files = model_files(runtime.model, runtime.weights)
        if not files.can_refine:
            raise OptionError(
                f"received an effort above 5, which refines latents, and model {files.name}, which does not "
                "support that: use an effort of at most 5, or another model"
            )
    return level, rules, runtime


def _mask(roi: Image.Image | npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return the gray values (H, W) of a mask for a picture of a size."""
    import numpy as np

    try:
        image = load_picture(roi, strip="all").image
    except ImageInputError as error:
        raise OptionError(f"cannot use the mask: {error}") from error
    if image.size != size:
        raise OptionError(
            f"received a mask of {image.width}x{image.height} pixels, expected {size[0]}x{size[1]} as the "
            "picture: resize it"
        )
    return np.asarray(image.convert("L"))


def _check_runtime(runtime: Runtime) -> None:
    if not isinstance(runtime, Runtime):
        raise OptionError(f"received the runtime {runtime!r}, expected compressor.Runtime(...)")


def _tuned(runtime: Runtime, tune: str | None) -> Runtime:
    """Return a runtime with the model of a tune."""
    if tune is None:
        return runtime
    if runtime.model is not None or runtime.weights is not None:
        raise OptionError("received a tune and a model, expected one of them")
    return replace(runtime, model=model_of_tune(tune))


def _level(quality: float | None, target: Target | None, *, has_mask: bool) -> int:
    """Return the level of a quality; with a target, it is not used."""
    if target is not None and not isinstance(target, Target):
        raise OptionError(f"received the target {target!r}, expected compressor.Target(...)")
    if quality is not None and target is not None:
        raise OptionError("received a quality and a target, expected one of them")
    try:
        level = quality_to_level(DEFAULT_QUALITY if quality is None else quality)
    except ValueError as error:
        raise OptionError(str(error)) from None
    if has_mask and level == TOP_LEVEL:
        raise OptionError("received a mask and quality 100, which is lossless: use at most 99.75")
    return level


def decode(
    data: bytes | bytearray | memoryview,
    *,
    region: Sequence[int] | None = None,
    reduction: int = 1,
    partial: bool = False,
    strip: str | Iterable[str] = (),
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    runtime: Runtime = Runtime(),
) -> Image.Image:
    """Decode a stream, or a region of it, at full or at reduced size.

    Args:
        data: the content of a .cmpr file.
        region: x, y, width, height in pixels of the upright picture, from its top left: decode only this
            part. It costs the synthesis of the part, and the entropy decoding of the tiles of 2048 pixels
            that it touches; pixels differ from those of the whole picture by at most 1.
        reduction: 1, 2, 4, 8 or 16: divide width and height by this factor and round up, as Pillow's
            `Image.reduce` does. Only the low frequencies are decoded, in a fraction of the time; with alpha
            or a stored section, the full size is decoded first. The squares of pixels that touch the region
            are returned.
        partial: whether to accept a stream that is cut off, such as a download that has not finished. The
            picture shows the coding passes that are complete, and becomes sharper with each. Tiles of 2048
            pixels that are missing are gray. A picture that is cut off cannot be checked for damage.
        strip: metadata to leave out: one or several of "all", "exif", "icc", "xmp".
        max_pixels: the largest width x height of the whole picture allowed, or None for no limit.
        runtime: engine and threads; weights, if the stream was made with a model that does not ship.

    Returns:
        A picture of mode L, LA, RGB or RGBA, with "icc_profile", "exif" and "xmp" in its `info` where the
        stream has them.

    Raises:
        StreamError: if the data are not a stream, damaged, cut off, or made by a later version.
        LimitError: if the picture is larger than `max_pixels`.
        OptionError: if an argument is outside its range, or the region outside the picture.
        MissingDependencyError: if the engine is not installed.
        WeightsError: if the model files are missing or damaged.

    Example:
        >>> from PIL import Image
        >>> stream = encode(Image.new("L", (40, 40), 90))
        >>> decode(stream, region=(8, 8, 16, 4)).size
        (16, 4)
        >>> decode(stream, reduction=8).size
        (5, 5)
    """
    if reduction not in REDUCTIONS:
        raise OptionError(
            f"received the reduction {reduction!r}, expected one of {', '.join(map(str, REDUCTIONS))}"
        )
    _check_runtime(runtime)
    reduction = int(reduction)
    stripped = parse_strip(strip)
    stream = _as_bytes(data)
    container, is_cut = read_beginning(stream) if partial else (read_container(stream), False)
    header = container.header
    check_num_pixels(header.width, header.height, max_pixels)
    whole = Area(0, 0, header.height, header.width)
    area = whole if region is None else region_area(region, header.width, header.height)

    from compressor.coding.loading import load_coder
    from compressor.coding.sections import decode_sections
    from compressor.images.arrays import colour_image

    coder = load_coder(runtime, header.model_id)
    # The cheaper check first: a wrong alpha section costs no run of the networks.
    alpha = None
    if Flags.ALPHA in header.flags:
        alpha = decode_alpha(container.sections[ALPHA], header.width, header.height)
    reduced = area.covering(reduction)
    # Colours have to be weighed by alpha before they are averaged, and stored pixels have full size.
    decodes_reduced = alpha is None and STORED not in container.sections and reduction in coder.reductions
    factor, area = (reduction, reduced) if decodes_reduced else (1, reduced.scaled(reduction).common(whole))
    try:
        pixels = decode_sections(coder, container, area, factor, is_cut=is_cut)
    except CorruptStreamError as error:
        if runtime.weights is None:
            raise
        raise CorruptStreamError(
            f"{error}; if a model other than {runtime.weights} made the file, pass the weights of that model"
        ) from error
    image = colour_image(pixels, gray=Flags.GRAY in header.flags)
    if alpha is not None:
        image.putalpha(alpha if area == whole else _cropped(alpha, area))
    if reduction > factor:
        image = image.reduce(reduction)
    image.info.update(Metadata.of_sections(container.sections).stripped(stripped).info())
    return image


def _cropped(image: Image.Image, area: Area) -> Image.Image:
    """Crop a picture. Unlike `Image.crop`, this does not apply Pillow's own limit on pixels."""
    import numpy as np
    from PIL import Image

    return Image.fromarray(np.asarray(image)[area.slices])


def read_info(
    data: bytes | bytearray | memoryview,
    *,
    partial: bool = False,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
) -> StreamInfo:
    """Describe a stream without decoding its pixels.

    Args:
        data: the content of a .cmpr file.
        partial: whether to accept a stream that is cut off within the picture section. The picture's checksum
            is checked only if the stream is complete.
        max_pixels: the largest width x height allowed, or None for no limit.

    Raises:
        StreamError: if the data are not a stream, damaged, cut off, or made by a later version.
        LimitError: if the picture is larger than `max_pixels`.
    """
    stream = _as_bytes(data)
    preamble = read_preamble(stream)
    if not partial or len(stream) >= preamble.num_bytes:
        # Checks the picture's checksum too.
        read_container(stream)
    header = preamble.header
    check_num_pixels(header.width, header.height, max_pixels)
    return StreamInfo(
        format_version=header.version,
        model_id=header.model_id,
        tune=tune_of(header.model_id),
        width=header.width,
        height=header.height,
        mode=header.mode,
        quality=level_to_quality(header.level),
        num_bytes=preamble.num_bytes,
        bpp=8 * preamble.num_bytes / (header.width * header.height),
        section_num_bytes=preamble.section_num_bytes,
    )


def _as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"received {type(data).__name__}, expected bytes: read the file first")
    return bytes(data)
