"""What the command line does with one input."""

from __future__ import annotations

import argparse
import os
import sys
import time

from compressor.bitstream.header import FILE_EXTENSION
from compressor.codec import StreamInfo, decode, encode_loaded, read_info
from compressor.errors import OptionError
from compressor.files import STANDARD_STREAM, check_output, is_stdout, read_input, shown, write_output
from compressor.image_io import load_picture, open_picture
from compressor.image_output import DEFAULT_EXTENSION, save_picture


def say(message: str) -> None:
    """Print a line on the standard error output, if there is one."""
    if sys.stderr is not None:
        print(message, file=sys.stderr, flush=True)


def encode_file(source: str, options: argparse.Namespace) -> None:
    """Encode one picture file.

    Args:
        source: its path, or "-".
        options: the arguments of `compressor encode`.

    Raises:
        CompressorError: if the input or an option is not usable.
        OSError: if a file cannot be read or written.
    """
    start = time.perf_counter()
    output = _output_path(source, options, FILE_EXTENSION)
    check_output(output, source=source, overwrite=options.overwrite)
    data = read_input(source)
    picture = load_picture(open_picture(data, max_pixels=options.max_pixels), strip=options.strip)
    stream = encode_loaded(
        picture,
        options.quality,
        model=options.model,
        weights=options.weights,
        engine=options.engine,
        threads=options.threads,
    )
    write_output(output, stream, overwrite=options.overwrite)
    if options.quiet:
        return
    for note in picture.notes:
        say(f"{shown(source)}: note: {note}")
    info = read_info(stream, max_pixels=None)
    _summarise(source, output, info, start, options)


def decode_file(source: str, options: argparse.Namespace) -> None:
    """Decode one stream. Arguments and errors as for `encode_file`, with those of `compressor decode`."""
    start = time.perf_counter()
    extension = options.extension or DEFAULT_EXTENSION
    output = _output_path(source, options, extension)
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
    )
    write_output(output, save_picture(image, extension), overwrite=overwrite)
    if not options.quiet:
        _summarise(source, output, read_info(data, max_pixels=None), start, options)


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


def _output_path(source: str, options: argparse.Namespace, extension: str) -> str:
    if options.output is not None and not options.output_is_folder:
        return str(options.output)
    if source == STANDARD_STREAM:
        if options.output_is_folder:
            raise OptionError("the standard input has no name for the folder: give it alone, with -o FILE")
        return STANDARD_STREAM
    path = os.path.splitext(source)[0] + extension
    if options.output_is_folder:
        path = os.path.join(options.output, os.path.basename(path))
    if path in options.outputs_so_far:
        raise OptionError(f"the output {shown(path)} was already made from another input: rename one of them")
    options.outputs_so_far.add(path)
    return path


def _summarise(source: str, output: str, info: StreamInfo, start: float, options: argparse.Namespace) -> None:
    seconds = time.perf_counter() - start
    raw_num_bytes = info.width * info.height * len(info.mode)
    destination = "standard output" if is_stdout(output) else shown(output)
    say(
        f"{shown(source)} -> {destination}: {info.width}x{info.height} {info.mode}, {info.num_bytes} bytes, "
        f"{info.bpp:.3f} bpp, 1/{raw_num_bytes / info.num_bytes:.1f} of raw, {seconds:.2f} s"
    )
    if options.verbose:
        from compressor.picture_coder import load_coder

        # Loaded and cached by the work that is summarised here.
        coder = load_coder(
            info.model_id, weights=options.weights, engine=options.engine, threads=options.threads
        )
        sections = ", ".join(f"{name} {size}" for name, size in info.section_num_bytes.items())
        say(f"  quality {info.quality:g}, model {coder.model_id} ({coder.model_name}), {coder.engine_name}")
        say(f"  bytes of sections: {sections}")
