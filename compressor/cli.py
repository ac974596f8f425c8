"""The command line: `compressor encode`, `decode` and `info`."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

from compressor import __version__, option_values
from compressor.bitstream.header import DEFAULT_MAX_PIXELS, DEFAULT_QUALITY
from compressor.commands import decode_file, encode_file, explain, info_file, output_path, say
from compressor.effort import DEFAULT_EFFORT
from compressor.errors import OptionError
from compressor.files import STANDARD_STREAM, is_stdout, shown
from compressor.image_output import check_extension
from compressor.metadata import STRIP_CHOICES

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

_DESCRIPTION = "A learned image codec: photographs into small .cmpr files, and back."
_EPILOG = """\
examples:
  compressor encode photo.png                      writes photo.cmpr
  compressor encode photo.png -q 80 -o small.cmpr
  compressor encode photo.png --target-size 200k   the best that 200,000 bytes can hold
  compressor encode photo.png --target-psnr 38     the smallest that is so close to the original
  compressor encode *.jpg -o folder
  compressor encode photos -o small --recursive -j 4 --skip-existing
  compressor encode photos -o small --ray          on a cluster; locally without an address
  compressor decode small.cmpr -o small.png        the extension chooses the type
  compressor decode small.cmpr -o part.png --region 512,0,300,200
  compressor info small.cmpr
  cat photo.png | compressor encode - > photo.cmpr

exit status: 0 done, 1 something failed, 2 wrong usage
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; those of the process if None.

    Returns:
        The exit status: 0, 1 if an input failed, 130 after Ctrl-C.

    Raises:
        SystemExit: with status 2 for wrong usage, 0 after --help and --version.
    """
    parser = _build_parser()
    options = parser.parse_args(argv)
    if isinstance(sys.stdout, TextIOWrapper):
        # A file name that the terminal cannot show is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    if options.command is None:
        parser.error("received no command, expected encode, decode or info")
    _check_usage(options)
    try:
        with warnings.catch_warnings():
            # Pillow warns of much that concerns its callers; what concerns the user is in our own notes.
            warnings.simplefilter("ignore")
            if options.command != "info" and options.is_batch:
                from compressor.batch import run_batch

                return EXIT_OK if run_batch(options) else EXIT_FAILED
            results = [_run_one(source, options) for source in options.inputs]
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return EXIT_OK if all(results) else EXIT_FAILED


def _run_one(source: str, options: argparse.Namespace) -> bool:
    """Run the command on one input; report what went wrong on one line."""
    try:
        if options.command == "info":
            info_file(source, options)
        else:
            for line in options.run(source, output_path(source, options), options).lines:
                say(line)
    except BrokenPipeError:
        raise
    except Exception as error:
        say(explain(source, error))
        return False
    return True


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say it on one line, without the usage."""
        say(f"{self.prog}: {message}; see {self.prog} --help")
        raise SystemExit(2)


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="compressor",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"compressor {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    encode = commands.add_parser("encode", help="pictures to .cmpr files")
    _add_inputs(encode, "picture files of any format that Pillow reads")
    _add_output(encode, "next to the input, with the extension .cmpr")
    _add_aim(encode)
    encode.add_argument(
        "--strip",
        action="append",
        choices=STRIP_CHOICES,
        default=[],
        help="metadata to leave out; may be repeated",
    )
    encode.add_argument(
        "-e",
        "--effort",
        type=option_values.effort,
        default=DEFAULT_EFFORT,
        metavar="1..9",
        help="how hard to try for a better picture in about as many bytes, which decodes as fast; above 5 "
        "symbols are improved by what they do to the picture, which takes longer (default: %(default)s)",
    )
    encode.add_argument("--model", metavar="NAME", help="a model that ships (default: the best)")
    encode.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="read each new stream again, and compare it with what was meant (default: yes; it takes "
        "less than a tenth of the time)",
    )
    _add_engine(encode)
    _add_many(encode, "all pictures in them")
    encode.set_defaults(run=encode_file)

    decode = commands.add_parser("decode", help=".cmpr files to pictures")
    _add_inputs(decode, ".cmpr files")
    _add_output(decode, "next to the input, with the extension .png, if no such file exists")
    decode.add_argument("--format", metavar="EXT", help="type of the output, such as png (default: by -o)")
    decode.add_argument(
        "--region",
        type=option_values.region,
        metavar="X,Y,W,H",
        help="decode these pixels alone, from the top left (0,0)",
    )
    _add_engine(decode)
    _add_many(decode, "all .cmpr files in them")
    decode.set_defaults(run=decode_file)

    info = commands.add_parser("info", help="describe and check .cmpr files")
    _add_inputs(info, ".cmpr files")
    info.add_argument("--json", action="store_true", help="one JSON object a line")
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
    parser.add_argument("-v", "--verbose", action="store_true", help="say more")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def _add_aim(parser: argparse.ArgumentParser) -> None:
    aims = parser.add_mutually_exclusive_group()
    aims.add_argument(
        "-q",
        "--quality",
        type=option_values.quality,
        metavar="1..100",
        help=f"1 is smallest, 100 is best (default: {DEFAULT_QUALITY:g})",
    )
    aims.add_argument(
        "--target-bpp",
        type=option_values.number,
        metavar="BPP",
        help="the best of at most so many bits per pixel",
    )
    aims.add_argument(
        "--target-size",
        type=option_values.size,
        metavar="N",
        help="the best file of at most so many bytes; 200k is 200,000, 1.5M is 1,500,000",
    )
    aims.add_argument(
        "--target-psnr",
        type=option_values.number,
        metavar="DB",
        help="the smallest file of at least this PSNR",
    )


def _add_many(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help=f"inputs may be folders: {what}, in the same folders below OUT, which are created",
    )
    parser.add_argument("--skip-existing", action="store_true", help="leave out inputs whose output exists")
    parser.add_argument(
        "--ray",
        nargs="?",
        const="local",
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


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-j",
        "--threads",
        dest="jobs",
        type=option_values.positive,
        metavar="N",
        help="for one input, threads; for several, how many at a time, each on one thread (default: one at a "
        "time, on all cores)",
    )
    parser.add_argument(
        "--weights", metavar="DIR", help="an exported model to use in place of one that ships"
    )
    parser.add_argument(
        "--engine", default="auto", help="what runs the networks (default: the fastest installed)"
    )


def _check_usage(options: argparse.Namespace) -> None:
    """Check what concerns all inputs together, and note down what the commands need to know of it."""
    try:
        if options.command != "info":
            _check_output_usage(options)
        if options.command == "decode":
            options.extension = _decode_extension(options)
    except OptionError as error:
        say(f"compressor {options.command}: {error}")
        raise SystemExit(2) from error


def _check_output_usage(options: argparse.Namespace) -> None:
    output = options.output
    options.recursive |= options.ray is not None
    if options.inputs.count(STANDARD_STREAM) > 1:
        raise OptionError("received - several times, expected it once: the standard input can be read once")
    # A closing slash says that a folder is meant, also where a pattern has matched one input only.
    is_folder = output is not None and (
        len(options.inputs) > 1 or output.endswith(os.sep) or options.recursive
    )
    if options.recursive and is_folder and not os.path.lexists(output):
        # Its folders are created as they are needed.
        pass
    elif is_folder and not os.path.isdir(output):
        raise OptionError(
            f"received the output {shown(output)}, expected a folder that exists: "
            "create it, or give one input at a time"
        )
    options.output_is_folder = is_folder
    options.is_batch = len(options.inputs) > 1 or options.recursive or options.skip_existing
    # Many pictures are best spread over processes, which takes no thread of one from another.
    options.threads = 1 if options.is_batch and (options.jobs or options.ray) else options.jobs


def _decode_extension(options: argparse.Namespace) -> str | None:
    """Return the type of all outputs, or None for the default."""
    if options.format is not None:
        return check_extension("." + options.format.removeprefix("."))
    output = options.output
    if output is None or options.output_is_folder or is_stdout(output) or os.path.isdir(output):
        return None
    if os.path.exists(output) and not os.path.isfile(output):
        return None
    return check_extension(os.path.splitext(output)[1])
