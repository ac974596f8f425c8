"""The commands on one input."""

from __future__ import annotations

import errno
import os
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from compressor.cli.files import STANDARD_STREAM, check_output, is_stdout, read_input, write_output
from compressor.cli.progress import ProgressLine
from compressor.cli.requests import DecodeRequest, EncodeRequest, InfoRequest, Request
from compressor.codec import StreamInfo, decode, encode, read_info
from compressor.errors import CompressorError, OptionError, shown
from compressor.images.loading import load_picture, open_picture
from compressor.images.saving import save_picture

if TYPE_CHECKING:
    from PIL import Image

_OS_ERROR_HINTS = {
    errno.EACCES: "check its permissions",
    errno.EISDIR: "name a file in it; encode and decode take folders with --recursive",
    errno.ENOENT: "check its name",
    errno.ENOSPC: "make room on the disk",
    errno.EROFS: "name another folder with -o",
}


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of one input.

    Attributes:
        notes: for the user: one line for each thing that was reduced or left out.
        summary: for the user: what was done.
        num_bytes_in: size of the input.
        num_bytes_out: size of the output.
    """

    notes: tuple[str, ...]
    summary: tuple[str, ...]
    num_bytes_in: int
    num_bytes_out: int


def say(message: str) -> None:
    """Print a line on standard error; do nothing if it is closed or full."""
    if sys.stderr is None:
        return
    try:
        print(message, file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        # A lost message must not stop the remaining outputs.
        pass


def explain(source: str, error: Exception) -> str:
    """Return the one line that tells the user what went wrong with an input."""
    if isinstance(error, CompressorError):
        message = str(error)
    elif isinstance(error, OSError):
        name = f" {shown(os.fsdecode(error.filename))}" if error.filename not in (None, source) else ""
        hint = _OS_ERROR_HINTS.get(error.errno or 0, "check the file and the disk")
        message = f"cannot read or write{name} ({error.strerror or error}): {hint}"
    elif isinstance(error, MemoryError):
        message = "there is not enough memory: close other programs or use a smaller picture"
    else:
        message = f"internal error ({type(error).__name__}: {error}): please report it, with the file"
    return f"compressor: {shown(source)}: {' '.join(message.split())}"


def output_path(source: str, request: Request, *, relative: str | None = None) -> str:
    """Return the output of an input.

    Args:
        source: path of the input, or "-".
        request: the arguments of the command.
        relative: path inside the output folder, if there is one, without regard to the extension; by default
            the input's name.

    Raises:
        OptionError: if the output would have no name, or the input names a folder that does not exist.
    """
    if request.output is not None and not request.output_is_folder:
        return request.output
    if source == STANDARD_STREAM:
        if request.output_is_folder:
            raise OptionError("the standard input has no name for the folder: give it alone, with -o FILE")
        return STANDARD_STREAM
    if source.endswith(os.sep) and not os.path.isdir(source):
        raise OptionError(
            f"received the input {shown(source)}, expected a folder that exists: check its name"
        )
    path = source
    if request.output is not None:
        path = os.path.join(request.output, relative or os.path.basename(source))
    return os.path.splitext(path)[0] + request.extension


def run_file(source: str, output: str, request: Request) -> Done:
    """Encode or decode one file, by the type of the request.

    Args:
        source: path of the input, or "-".
        output: path of the output, or "-".
        request: the arguments of the command.

    Raises:
        CompressorError: if the input or an option is not usable.
        OSError: if a file cannot be read or written.
    """
    if isinstance(request, EncodeRequest):
        return encode_file(source, output, request)
    return decode_file(source, output, request)


def encode_file(source: str, output: str, request: EncodeRequest) -> Done:
    """Encode one picture file; see `run_file`."""
    start = time.perf_counter()
    sources = (source,) if request.roi is None else (source, request.roi)
    check_output(output, sources=sources, overwrite=request.overwrite)
    data = read_input(source)
    picture = load_picture(
        open_picture(data, max_pixels=request.max_pixels),
        strip=request.strip,
        keep_hidden=request.keep_hidden,
    )
    progress = ProgressLine(is_shown=not (request.is_batch or request.quiet))

    def show(share: float) -> None:
        progress.show(share, f"{shown(source)}: refining, {100 * share:.0f} %")

    parameters = request.parameters() | {"roi": _read_mask(request)}
    try:
        stream = encode(picture, **parameters, runtime=request.runtime, on_progress=show)
    finally:
        progress.clear()
    write_output(output, stream, overwrite=request.overwrite)
    notes = _notes(source, picture.notes, request)
    summary = _summary(source, output, read_info(stream, max_pixels=None), start, request)
    return Done(notes, summary, len(data), len(stream))


def decode_file(source: str, output: str, request: DecodeRequest) -> Done:
    """Decode one stream; see `run_file`."""
    start = time.perf_counter()
    # Next to photo.cmpr, photo.png is most likely the original.
    overwrite = request.overwrite and request.output is not None
    check_output(output, sources=(source,), overwrite=overwrite)
    data = read_input(source)
    image = decode(
        data,
        **request.parameters(),
        strip=request.strip,
        max_pixels=request.max_pixels,
        runtime=request.runtime,
    )
    picture = save_picture(image, request.extension)
    write_output(output, picture.data, overwrite=overwrite)
    part = f"scaled to {image.width}x{image.height} from " if request.reduction > 1 else ""
    if request.region is not None:
        part += "region {2}x{3} of ".format(*request.region)
    info = read_info(data, partial=request.partial, max_pixels=None)
    notes = picture.notes
    if len(data) < info.num_bytes:
        notes += (f"the file is cut off after {len(data)} of {info.num_bytes} bytes: detail may be missing",)
    summary = _summary(source, output, info, start, request, part=part)
    return Done(_notes(source, notes, request), summary, len(data), len(picture.data))


def info_file(source: str, request: InfoRequest) -> None:
    """Describe one stream on the standard output.

    Args:
        source: its path, or "-".
        request: the arguments of `info`.

    Raises:
        CompressorError: if the input is not usable.
        OSError: if the file cannot be read.
    """
    data = read_input(source)
    info = read_info(data, partial=request.partial, max_pixels=request.max_pixels)
    if request.quiet:
        return
    if sys.stdout is None:
        raise OptionError("the standard output is closed: open it, or add --quiet")
    if request.json:
        import json

        print(json.dumps({"file": source, **asdict(info), "is_cut": len(data) < info.num_bytes}), flush=True)
        return
    quality = f"{info.quality:g} (lossless)" if info.is_lossless else f"{info.quality:g}"
    lines = [
        f"{shown(source)}: {info.width}x{info.height} {info.mode}, quality {quality}, "
        f"{info.num_bytes} bytes, {info.bpp:.3f} bpp, {f'tune {info.tune}, ' if info.tune else ''}"
        f"format {info.format_version}, model {info.model_id}"
        + (f", cut off after {len(data)} bytes" if len(data) < info.num_bytes else "")
    ]
    if request.verbose:
        lines += [f"  {name}: {size} bytes" for name, size in info.section_num_bytes.items()]
    print("\n".join(lines), flush=True)


def _read_mask(request: EncodeRequest) -> Image.Image | None:
    if request.roi is None:
        return None
    try:
        return open_picture(read_input(request.roi), max_pixels=request.max_pixels)
    except CompressorError as error:
        raise OptionError(f"cannot use the mask {shown(request.roi)}: {error}") from error


def _notes(source: str, notes: tuple[str, ...], request: Request) -> tuple[str, ...]:
    return () if request.quiet else tuple(f"{shown(source)}: note: {note}" for note in notes)


def _summary(
    source: str, output: str, info: StreamInfo, start: float, request: Request, *, part: str = ""
) -> tuple[str, ...]:
    if request.quiet:
        return ()
    seconds = time.perf_counter() - start
    raw_num_bytes = info.width * info.height * len(info.mode)
    destination = "standard output" if is_stdout(output) else shown(output)
    first = (
        f"{shown(source)} -> {destination}: {part}{info.width}x{info.height} {info.mode}, "
        f"{info.num_bytes} bytes, {info.bpp:.3f} bpp, 1/{raw_num_bytes / info.num_bytes:.1f} of raw, "
        f"quality {info.quality:g}, {seconds:.2f} s"
    )
    if not request.verbose:
        return (first,)
    from compressor.coding.loading import load_coder

    # Cached since the work that is summarised here.
    coder = load_coder(request.runtime, info.model_id)
    sections = ", ".join(f"{name} {size}" for name, size in info.section_num_bytes.items())
    return (
        first,
        f"  model {coder.model_id} ({coder.model_name}), {coder.engine_name}",
        f"  bytes of sections: {sections}",
    )
