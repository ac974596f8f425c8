"""The command line: `compressor encode`, `decode` and `info`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, NoReturn

from compressor import __version__
from compressor.bitstream.limits import DEFAULT_MAX_PIXELS
from compressor.cli import option_values
from compressor.cli.commands import explain, info_file, output_path, run_file, say
from compressor.cli.files import STANDARD_STREAM, is_stream
from compressor.cli.requests import LOCAL_ADDRESS, DecodeRequest, EncodeRequest, InfoRequest
from compressor.codec import REDUCTIONS, check_options
from compressor.coding.effort import DEFAULT_EFFORT
from compressor.errors import CompressorError, OptionError, shown
from compressor.images.metadata import STRIP_CHOICES
from compressor.images.saving import DEFAULT_EXTENSION, check_extension, is_other_type
from compressor.options import AUTO, ENGINES, Runtime, Target
from compressor.spec.file_format import FILE_EXTENSION
from compressor.spec.quality import DEFAULT_QUALITY, MAX_QUALITY
from compressor.weights.files import shipped_models, tunes

# Reductions by the name of the scale.
SCALES = {f"1/{factor}" if factor > 1 else "1": factor for factor in REDUCTIONS}

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_WRONG_USAGE = 2
EXIT_INTERRUPTED = 130

_DESCRIPTION = "A learned image codec: photographs into small .cmpr files, and back."
_EPILOG = """\
examples:
  compressor encode photo.png                      writes photo.cmpr
  compressor encode photo.png -q 80 -o small.cmpr
  compressor encode photo.png --target-size 200k   the best picture in 200,000 bytes
  compressor encode photo.png --target-ssimulacra2 80   the smallest file of that visual quality
  compressor encode *.jpg -o folder
  compressor encode photo.png --roi mask.png       full quality where the mask is white
  compressor encode photos -o small --recursive -j 4 --skip-existing
  compressor encode photos -o small --ray          on a cluster; locally without an address
  compressor decode small.cmpr -o small.png        the extension chooses the type
  compressor decode small.cmpr -o part.png --region 512,0,300,200
  compressor decode small.cmpr -o thumbnail.png --scale 1/8
  compressor info small.cmpr
  cat photo.png | compressor encode - > photo.cmpr

exit status: 0 done, 1 an input failed, 2 wrong usage, 130 interrupted
"""


def run() -> NoReturn:
    """Run the command line and end the process."""
    # NumPy's products are small here, and starting threads for them takes 0.1 s of processor time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    status = main()
    if status == EXIT_INTERRUPTED:
        # A second Ctrl-C must not interrupt the cleanup at exit.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Pools of processes and clusters have work to do at exit.
    if "compressor.cli.batch" in sys.modules or _is_observed():
        sys.exit(status)
    try:
        print(end="", flush=True)
    except OSError:
        status = status or EXIT_FAILED
    # Without the interpreter's cleanup: freeing the networks takes 50 ms.
    os._exit(status)


def _is_observed() -> bool:
    """Return whether a profiler, a debugger or a coverage tool has work to do at exit."""
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = map(monitoring.get_tool, range(6)) if monitoring else ()
    return bool(sys.getprofile() or sys.gettrace() or any(tools))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; those of the process if None.

    Returns:
        The exit status: 0, 1 if an input failed, 130 after Ctrl-C.

    Raises:
        SystemExit: with status 2 for wrong usage, 1 if an option needs a model that cannot be read, 0 after
            --help and --version.
    """
    parser = _build_parser()
    arguments, unknown = parser.parse_known_args(argv)
    if isinstance(sys.stdout, TextIOWrapper):
        # Print file names that the terminal cannot show in escaped form.
        sys.stdout.reconfigure(errors="backslashreplace")
    if arguments.command is None:
        parser.error("received no command, expected encode, decode or info")
    if any(each.startswith("-") and each != "-" for each in unknown):
        arguments.fail(f"unrecognized arguments: {' '.join(map(shown, unknown))}")
    # argparse returns inputs as unknown if they follow an option that itself follows inputs.
    arguments.inputs += unknown
    request = _request(arguments)
    try:
        with warnings.catch_warnings():
            # Pillow's warnings are for developers; our own notes cover what concerns the user.
            warnings.simplefilter("ignore")
            if not isinstance(request, InfoRequest) and request.is_batch:
                from compressor.cli.batch import run_batch

                return EXIT_OK if run_batch(request) else EXIT_FAILED
            results = [_run_one(source, request) for source in request.inputs]
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has closed it. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return EXIT_OK if all(results) else EXIT_FAILED


def _run_one(source: str, request: EncodeRequest | DecodeRequest | InfoRequest) -> bool:
    """Run the command on one input; print one line if it fails."""
    try:
        if isinstance(request, InfoRequest):
            info_file(source, request)
        else:
            done = run_file(source, output_path(source, request), request)
            for line in (*done.notes, *done.summary):
                say(line)
    except BrokenPipeError:
        raise
    except Exception as error:
        say(explain(source, error))
        return False
    return True


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one line, without the usage."""
        say(f"{self.prog}: {message}; see {self.prog} --help")
        raise SystemExit(EXIT_WRONG_USAGE)


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="compressor",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"compressor {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    encode = commands.add_parser("encode", help="convert pictures to .cmpr files")
    _add_inputs(encode, "picture files of any format that Pillow reads")
    _add_output(encode, "next to the input, with the extension .cmpr")
    encode.add_argument(
        "--force", action="store_true", help="write to OUT even if its extension is not .cmpr"
    )
    _add_aim(encode)
    _add_strip(encode)
    encode.add_argument(
        "--keep-hidden",
        action="store_true",
        help="keep the colours of pixels that are fully transparent (default: they are cleared)",
    )
    encode.add_argument(
        "-e",
        "--effort",
        type=option_values.effort,
        default=DEFAULT_EFFORT,
        metavar="1..9",
        help="how hard to try for a better picture in about as many bytes; decoding takes the same time; "
        "1 to 5 differ only with --tune psnr; 6 to 9 refine latents by their effect on the decoded picture, "
        "which takes much longer (default: %(default)s)",
    )
    model = encode.add_mutually_exclusive_group()
    model.add_argument(
        "--tune",
        choices=tuple(tunes()),
        help="iq (image quality): the best picture to the eye; psnr: the least squared error (default: iq)",
    )
    model.add_argument("--model", choices=tuple(shipped_models()), help="one of the shipped models")
    encode.add_argument(
        "--roi",
        metavar="MASK",
        help="gray picture as large as the input: white keeps the quality, black lowers it by 40",
    )
    encode.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="read each new stream again and compare it with what was coded (default: yes; it takes "
        "less than a tenth of the time)",
    )
    _add_engine(encode)
    _add_many(encode, "all pictures in them")

    decode = commands.add_parser("decode", help="convert .cmpr files to pictures")
    _add_inputs(decode, ".cmpr files")
    _add_output(decode, "next to the input, with the extension .png, if no such file exists")
    decode.add_argument("--format", metavar="EXT", help="type of the output, such as png (default: by -o)")
    decode.add_argument(
        "--region",
        type=option_values.region,
        metavar="X,Y,W,H",
        help="decode only these pixels, counted from the top left (0,0)",
    )
    decode.add_argument(
        "--scale",
        choices=tuple(SCALES),
        default="1",
        help="decode at reduced width and height, which is faster (default: %(default)s)",
    )
    decode.add_argument("--partial", action="store_true", help="show what there is of a file that is cut off")
    _add_strip(decode)
    _add_engine(decode)
    _add_many(decode, "all .cmpr files in them")

    info = commands.add_parser("info", help="describe and check .cmpr files")
    _add_inputs(info, ".cmpr files")
    info.add_argument("--partial", action="store_true", help="accept files that are cut off")
    info.add_argument("--json", action="store_true", help="one JSON object per line")

    for command in (encode, decode, info):
        command.set_defaults(fail=command.error)
    return parser


def _add_inputs(parser: argparse.ArgumentParser, kind: str) -> None:
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help=f"{kind}; - for the standard input")
    parser.add_argument(
        "--max-pixels",
        type=option_values.positive,
        default=DEFAULT_MAX_PIXELS,
        metavar="N",
        help="refuse larger pictures (default: %(default)s)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="print more")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def _add_aim(parser: argparse.ArgumentParser) -> None:
    aims = parser.add_mutually_exclusive_group()
    aims.add_argument(
        "-q",
        "--quality",
        type=option_values.quality,
        metavar="1..100",
        help=f"1 is smallest, 100 is lossless (default: {DEFAULT_QUALITY:g})",
    )
    aims.add_argument(
        "--lossless",
        dest="quality",
        action="store_const",
        const=MAX_QUALITY,
        help=f"same as -q {MAX_QUALITY:g}",
    )
    aims.add_argument(
        "--target-bpp",
        type=option_values.number,
        metavar="BPP",
        help="the best file of at most BPP bits per pixel",
    )
    aims.add_argument(
        "--target-size",
        type=option_values.size,
        metavar="N",
        help="the best file of at most N bytes; 200k is 200,000, 1.5M is 1,500,000",
    )
    aims.add_argument(
        "--target-psnr",
        type=option_values.number,
        metavar="DB",
        help="the smallest file of at least DB dB PSNR",
    )
    aims.add_argument(
        "--target-ssimulacra2",
        type=option_values.number,
        metavar="SCORE",
        help="the smallest file of at least this SSIMULACRA 2 score: 90 is visually lossless, 70 is high",
    )


def _add_many(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help=f"inputs may be folders: {what}, in the same folders below OUT, which are created",
    )
    parser.add_argument("--skip-existing", action="store_true", help="skip inputs whose output exists")
    parser.add_argument(
        "--ray",
        nargs="?",
        const=LOCAL_ADDRESS,
        metavar="ADDRESS",
        help="spread the work over a Ray cluster, -j cores of it or all (default: one started on this "
        "machine); inputs may be folders, as with --recursive; needs the ray extra",
    )


def _add_output(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help=f"output file, - for the standard output; for several inputs a folder (default: {default})",
    )
    parser.add_argument(
        "--no-overwrite", dest="overwrite", action="store_false", help="fail if the output exists"
    )


def _add_strip(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strip",
        action="append",
        choices=STRIP_CHOICES,
        default=[],
        help="metadata to leave out; may be repeated",
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-j",
        "--threads",
        dest="jobs",
        type=option_values.positive,
        metavar="N",
        help="for one input, threads; for several, inputs at a time, each on one thread (default: one at a "
        "time, on all cores)",
    )
    parser.add_argument("--weights", metavar="DIR", help="an exported model to use instead of one that ships")
    parser.add_argument(
        "--engine",
        choices=(AUTO, *ENGINES),
        default=AUTO,
        help="engine that runs the networks; auto is openvino if it is installed and the CPU has AMX, "
        "otherwise onnxruntime (default: %(default)s)",
    )


def _request(arguments: argparse.Namespace) -> EncodeRequest | DecodeRequest | InfoRequest:
    """Convert parsed arguments to a request; print one line and exit if they are invalid."""
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
