"""Conversion of parsed arguments to a request, with the checks that argparse cannot make."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

from compressor.cli.commands import say
from compressor.cli.exit_status import EXIT_FAILED, EXIT_WRONG_USAGE
from compressor.cli.files import STANDARD_STREAM, is_stream
from compressor.cli.parser import SCALES
from compressor.cli.requests import DecodeRequest, EncodeRequest, InfoRequest, Request
from compressor.codec import check_options
from compressor.errors import CompressorError, OptionError, shown
from compressor.images.saving import DEFAULT_EXTENSION, check_extension, is_other_type
from compressor.options import Runtime, Target
from compressor.spec.file_format import FILE_EXTENSION


def request_of(arguments: argparse.Namespace) -> Request | InfoRequest:
    """Convert parsed arguments to a request.

    Raises:
        SystemExit: after printing one line, if they are invalid or the model they name cannot be read.
    """
    if arguments.command == "info":
        return InfoRequest(
            inputs=tuple(arguments.inputs),
            max_pixels=arguments.max_pixels,
            partial=arguments.partial,
            json=arguments.json,
            verbose=arguments.verbose,
            quiet=arguments.quiet,
        )
    try:
        shared = _shared_arguments(arguments)
        if arguments.command == "encode":
            if not arguments.force and not shared["output_is_folder"]:
                _check_encoded_name(arguments.output)
            options = {
                "quality": arguments.quality,
                "target": _target(arguments),
                "tune": arguments.tune,
                "effort": arguments.effort,
            }
            check_options(**options, has_mask=arguments.roi is not None, runtime=shared["runtime"])
            return EncodeRequest(
                **shared,
                **options,
                extension=FILE_EXTENSION,
                roi=arguments.roi,
                keep_hidden=arguments.keep_hidden,
                verify=arguments.verify,
            )
        return DecodeRequest(
            **shared,
            extension=_decode_extension(arguments, output_is_folder=shared["output_is_folder"]),
            region=arguments.region,
            reduction=SCALES[arguments.scale],
            partial=arguments.partial,
        )
    except CompressorError as error:
        say(f"compressor {arguments.command}: {error}")
        raise SystemExit(EXIT_WRONG_USAGE if isinstance(error, OptionError) else EXIT_FAILED) from error


def _shared_arguments(arguments: argparse.Namespace) -> dict[str, Any]:
    recursive = arguments.recursive or arguments.ray is not None
    is_batch = len(arguments.inputs) > 1 or recursive or arguments.skip_existing
    _check_inputs(arguments, is_batch=is_batch)
    return {
        "inputs": tuple(arguments.inputs),
        "output": arguments.output,
        "output_is_folder": _output_is_folder(arguments.inputs, arguments.output, recursive=recursive),
        "overwrite": arguments.overwrite,
        "recursive": recursive,
        "skip_existing": arguments.skip_existing,
        "is_batch": is_batch,
        "num_workers": arguments.jobs,
        "ray": arguments.ray,
        "max_pixels": arguments.max_pixels,
        "runtime": Runtime(
            model=getattr(arguments, "model", None),
            weights=arguments.weights,
            engine=arguments.engine,
            threads=arguments.jobs,
        ),
        "strip": tuple(arguments.strip),
        "verbose": arguments.verbose,
        "quiet": arguments.quiet,
    }


def _check_inputs(arguments: argparse.Namespace, *, is_batch: bool) -> None:
    """Refuse a standard input that would be read twice, and an input that seems to be the output."""
    inputs = arguments.inputs
    if inputs.count(STANDARD_STREAM) > 1:
        raise OptionError("received - several times, expected it once: the standard input can be read once")
    if len(inputs) == 2 and arguments.output is None and _is_output(inputs[1], arguments.command):
        raise OptionError(
            f"received {shown(inputs[1])} as the second input, and there is no such file: "
            "if it is the output, put -o in front of it"
        )
    if getattr(arguments, "roi", None) == STANDARD_STREAM and (is_batch or STANDARD_STREAM in inputs):
        raise OptionError(
            "received --roi - in a batch or with the input -, expected a file: it can be read only once"
        )


def _output_is_folder(inputs: Sequence[str], output: str | None, *, recursive: bool) -> bool:
    """Return whether the output is a folder; refuse one that does not exist, unless it can be created."""
    # A closing slash names a folder, even where a pattern has matched a single input.
    if output is None or not (len(inputs) > 1 or output.endswith(("/", os.sep)) or recursive):
        return False
    if output == STANDARD_STREAM:
        raise OptionError("received -o - with several inputs or --recursive, expected a folder: name one")
    # With --recursive, folders are created as they are needed.
    is_new = recursive and not os.path.lexists(output)
    if not is_new and not os.path.isdir(output):
        raise OptionError(
            f"received the output {shown(output)}, expected a folder that exists: "
            + ("name another one" if os.path.lexists(output.rstrip("/")) else "create it first")
        )
    return True


def _is_output(path: str, command: str) -> bool:
    """Return whether an input does not exist and is named like an output; other encoders need no -o."""
    is_stream_name = path.lower().endswith(FILE_EXTENSION)
    return is_stream_name == (command == "encode") and not is_stream(path) and not os.path.lexists(path)


def _check_encoded_name(output: str | None) -> None:
    """Refuse an output that is named like another type of file: most likely it is a picture."""
    if output is None or is_stream(output):
        return
    extension = os.path.splitext(output)[1]
    if extension.lower() != FILE_EXTENSION:
        raise OptionError(
            f"received the output {shown(output)}, expected the extension {FILE_EXTENSION}: "
            "rename it, or add --force"
        )


def _target(arguments: argparse.Namespace) -> Target | None:
    given = {
        "bpp": arguments.target_bpp,
        "num_bytes": arguments.target_size,
        "psnr_db": arguments.target_psnr,
        "ssimulacra2": arguments.target_ssimulacra2,
    }
    return Target(**given) if any(given.values()) else None


def _decode_extension(arguments: argparse.Namespace, *, output_is_folder: bool) -> str:
    """Return the extension of all outputs."""
    output, chosen = arguments.output, None
    if arguments.format is not None:
        chosen = check_extension("." + arguments.format.removeprefix("."))
    if output is None or output_is_folder or is_stream(output):
        return chosen or DEFAULT_EXTENSION
    named = os.path.splitext(output)[1].lower()
    if chosen is None:
        return check_extension(named)
    if named == FILE_EXTENSION or is_other_type(named, chosen):
        raise OptionError(
            f"received the output {shown(output)} and the format {arguments.format}, expected one type: "
            "rename the output, or leave out --format"
        )
    return chosen
