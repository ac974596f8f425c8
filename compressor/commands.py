"""What the command line does with one input."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import time
from dataclasses import dataclass

from compressor.bitstream.header import FILE_EXTENSION
from compressor.codec import StreamInfo, decode, encode, read_info
from compressor.errors import CompressorError, OptionError
from compressor.files import STANDARD_STREAM, check_output, is_stdout, read_input, shown, write_output
from compressor.image_io import load_picture, open_picture
from compressor.image_output import DEFAULT_EXTENSION, save_picture
from compressor.progress import ProgressLine

_OS_ERROR_HINTS = {
    errno.EACCES: "check its permissions",
    errno.EISDIR: "name a file in it, or add --recursive",
    errno.ENOENT: "check its name",
    errno.ENOSPC: "make room on the disk",
    errno.EROFS: "name another folder with -o",
}


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one input.

    Attributes:
        lines: for the user: notes, then the summary.
        num_bytes_in: size of the input.
        num_bytes_out: size of the output.
    """

    lines: tuple[str, ...]
    num_bytes_in: int
    num_bytes_out: int


def say(message: str) -> None:
    """Print a line on the standard error output, if there is one."""
    if sys.stderr is not None:
        print(message, file=sys.stderr, flush=True)


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


def output_path(source: str, options: argparse.Namespace, *, relative: str | None = None) -> str:
    """Return where the output of an input goes.

    Args:
        source: the path of the input, or "-".
        options: the arguments of the command.
        relative: its path inside the output folder, if there is one, but for the extension; by default its
            name.

    Raises:
        OptionError: if it has no name to go by.
    """
    if options.output is not None and not options.output_is_folder:
        return str(options.output)
    if source == STANDARD_STREAM:
        if options.output_is_folder:
            raise OptionError("the standard input has no name for the folder: give it alone, with -o FILE")
        return STANDARD_STREAM
    path = source
    if options.output_is_folder:
        path = os.path.join(options.output, relative or os.path.basename(source))
    return os.path.splitext(path)[0] + output_extension(options)


def output_extension(options: argparse.Namespace) -> str:
    """Return the extension that outputs have, with its dot."""
    return FILE_EXTENSION if options.command == "encode" else options.extension or DEFAULT_EXTENSION


def encode_file(source: str, output: str, options: argparse.Namespace) -> Done:
    """Encode one picture file.

    Args:
        source: its path, or "-".
        output: the path of the stream, or "-".
        options: the arguments of `compressor encode`.

    Raises:
        CompressorError: if the input or an option is not usable.
        OSError: if a file cannot be read or written.
    """
    start = time.perf_counter()
    check_output(output, source=source, overwrite=options.overwrite)
    data = read_input(source)
    picture = load_picture(open_picture(data, max_pixels=options.max_pixels), strip=options.strip)
    progress = ProgressLine(is_shown=not (options.is_batch or options.quiet))

    def show(share: float) -> None:
        progress.show(share, f"{shown(source)}: refining, {100 * share:.0f} %")

    try:
        stream = encode(
            picture,
            options.quality,
            target_bpp=options.target_bpp,
            target_size=options.target_size,
            target_psnr=options.target_psnr,
            effort=options.effort,
            verify=options.verify,
            model=options.model,
            weights=options.weights,
            engine=options.engine,
            threads=options.threads,
            on_progress=show,
        )
    finally:
        progress.clear()
    write_output(output, stream, overwrite=options.overwrite)
    notes = [] if options.quiet else [f"{shown(source)}: note: {note}" for note in picture.notes]
    summary = _summary(source, output, read_info(stream, max_pixels=None), start, options)
    return Done((*notes, *summary), len(data), len(stream))


def decode_file(source: str, output: str, options: argparse.Namespace) -> Done:
    """Decode one stream. Arguments and errors as for `encode_file`, with those of `compressor decode`."""
    start = time.perf_counter()
    # Next to photo.cmpr, photo.png is most likely the original.
    overwrite = options.overwrite and options.output is not None
    check_output(output, source=source, overwrite=overwrite)
    data = read_input(source)
    image = decode(
        data,
        weights=options.weights,
        engine=options.engine,
        threads=options.threads,
        max_pixels=options.max_pixels,
        region=options.region,
    )
    picture = save_picture(image, output_extension(options))
    write_output(output, picture, overwrite=overwrite)
    part = "" if options.region is None else f"region {image.width}x{image.height} of "
    summary = _summary(source, output, read_info(data, max_pixels=None), start, options, part=part)
    return Done(summary, len(data), len(picture))


def info_file(source: str, options: argparse.Namespace) -> None:
    """Describe one stream. Arguments and errors as for `encode_file`, with those of `compressor info`."""
    info = read_info(read_input(source), max_pixels=options.max_pixels)
    if options.quiet:
        return
    if options.json:
        import dataclasses
        import json

        print(json.dumps({"file": source, **dataclasses.asdict(info)}), flush=True)
        return
    lines = [
        f"{shown(source)}: {info.width}x{info.height} {info.mode}, quality {info.quality:g}, "
        f"{info.num_bytes} bytes, {info.bpp:.3f} bpp, format {info.format_version}, model {info.model_id}"
    ]
    if options.verbose:
        lines += [f"  {name}: {size} bytes" for name, size in info.section_num_bytes.items()]
    print("\n".join(lines), flush=True)


def _summary(
    source: str, output: str, info: StreamInfo, start: float, options: argparse.Namespace, *, part: str = ""
) -> tuple[str, ...]:
    if options.quiet:
        return ()
    seconds = time.perf_counter() - start
    raw_num_bytes = info.width * info.height * len(info.mode)
    destination = "standard output" if is_stdout(output) else shown(output)
    first = (
        f"{shown(source)} -> {destination}: {part}{info.width}x{info.height} {info.mode}, "
        f"{info.num_bytes} bytes, {info.bpp:.3f} bpp, 1/{raw_num_bytes / info.num_bytes:.1f} of raw, "
        f"quality {info.quality:g}, {seconds:.2f} s"
    )
    if not options.verbose:
        return (first,)
    from compressor.picture_coder import load_coder

    # Loaded and cached by the work that is summarised here.
    coder = load_coder(info.model_id, weights=options.weights, engine=options.engine, threads=options.threads)
    sections = ", ".join(f"{name} {size}" for name, size in info.section_num_bytes.items())
    return (
        first,
        f"  model {coder.model_id} ({coder.model_name}), {coder.engine_name}",
        f"  bytes of sections: {sections}",
    )
