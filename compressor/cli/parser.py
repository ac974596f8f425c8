"""The parser of the command line: commands, options and their help."""

from __future__ import annotations

import argparse
from typing import NoReturn

from compressor import __version__
from compressor.bitstream.limits import DEFAULT_MAX_PIXELS
from compressor.cli import option_values
from compressor.cli.commands import say
from compressor.cli.exit_status import EXIT_WRONG_USAGE
from compressor.cli.requests import LOCAL_ADDRESS
from compressor.codec import REDUCTIONS
from compressor.coding.effort import DEFAULT_EFFORT
from compressor.images.metadata import STRIP_CHOICES
from compressor.options import AUTO, ENGINES
from compressor.spec.quality import DEFAULT_QUALITY, MAX_QUALITY
from compressor.weights.shipped import shipped_models, tunes

# Reductions by the name of the scale.
SCALES = {f"1/{factor}" if factor > 1 else "1": factor for factor in REDUCTIONS}

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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one line, without the usage."""
        say(f"{self.prog}: {message}; see {self.prog} --help")
        raise SystemExit(EXIT_WRONG_USAGE)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser. Parsed arguments have a function `fail`, which prints a message and exits with 2."""
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
        help="keep the colours of pixels that are fully transparent (default: they are replaced)",
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
