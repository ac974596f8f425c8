"""The command line: run, plot, compare, bench, scaling. Exit codes: 0 done, 1 something failed, 2 usage."""

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path

from eval import commands
from eval.codecs import CODECS
from eval.errors import EvalError, one_line


def default_cache() -> Path:
    """The user's cache folder, as the platform's convention has it."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "compressor-eval"


def _checked(kind: type, accepts: Callable[[float], bool], complaint: str) -> Callable[[str], float]:
    """What reads a number of an option, and refuses those that are no use."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not accepts(value):
            raise argparse.ArgumentTypeError(f"{text} {complaint}")
        return value

    return read


quality = _checked(float, lambda value: 1 <= value <= 100, "is outside 1..100")
positive = _checked(int, lambda value: value >= 1, "is no whole number from 1")
count = _checked(int, lambda value: value >= 0, "is no whole number from 0")
rate = _checked(float, lambda value: 0 < value < 100, "is no number of bits per pixel")
# Our own limit on pixels is a little above.
size = _checked(float, lambda value: 0 < value <= 170, "is not within 0..170 megapixels")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval", description="Rate-distortion evaluation of codecs."
    )
    commands_ = parser.add_subparsers(dest="command", required=True)
    names = ", ".join(codec.name for codec in CODECS)

    run = commands_.add_parser("run", help="every picture through every codec; tables, plots, an HTML report")
    run.add_argument("--images", type=Path, required=True, metavar="DIR", help="folder of pictures")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    run.add_argument("--name", default="report", help="stem of the files in it (default: report)")
    run.add_argument("--codecs", nargs="+", metavar="NAME", help=f"of {names} (default: all that work here)")
    run.add_argument(
        "--qualities", nargs="+", type=quality, metavar="Q", help="1..100 (default: each codec's own)"
    )
    run.add_argument(
        "--cache", type=Path, default=default_cache(), help="what is done already (default: %(default)s)"
    )
    run.add_argument(
        "-j", "--jobs", type=positive, default=1, help="processes; times are comparable with 1 (default)"
    )
    run.add_argument(
        "--viewer-images", type=count, default=3, metavar="N", help="pictures in the viewer (default: 3)"
    )
    run.add_argument("--viewer-bpp", nargs="+", type=rate, default=[0.25, 0.5], metavar="BPP",
                     help="rates at which the viewer compares (default: 0.25 0.5)")  # fmt: skip
    run.add_argument(
        "--viewer-mb", type=float, default=32.0, metavar="MB", help="its pictures' size at most (default: 32)"
    )
    run.add_argument("--no-html", action="store_true", help="tables and plots only")
    _add_table_options(run)
    run.add_argument("--quiet", action="store_true", help="no progress bar")
    run.set_defaults(handler=commands.run_command)

    plot = commands_.add_parser("plot", help="draw the plots and print the tables of an earlier run's CSV")
    plot.add_argument("rows", type=Path, metavar="ROWS.csv")
    plot.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the PNG files")
    plot.add_argument("--codecs", nargs="+", metavar="NAME", help="of those in the CSV (default: all)")
    _add_table_options(plot)
    plot.set_defaults(handler=commands.plot_command)

    compare = commands_.add_parser("compare", help="the metrics of one pair of pictures")
    compare.add_argument("original", type=Path)
    compare.add_argument("compressed", type=Path, help="its file size gives the rate")
    compare.add_argument("--json", action="store_true")
    compare.set_defaults(handler=commands.compare_command)

    bench = commands_.add_parser("bench", help="encode and decode times, interleaved, as ratios")
    bench.add_argument(
        "--images", type=Path, metavar="DIR", help="default: a photograph that scikit-image ships"
    )
    bench.add_argument("--codecs", nargs="+", metavar="NAME", help=f"of {names}")
    bench.add_argument("--bpp", type=rate, default=1.0, help="rate at which all are timed (default: 1)")
    bench.add_argument("--rounds", type=positive, default=5, help="repetitions per picture (default: 5)")
    bench.add_argument("--limit", type=positive, default=4, help="pictures at most (default: 4)")
    bench.add_argument(
        "--batch", type=positive, default=16, help="pictures in the run that counts pictures/s (default: 16)"
    )
    bench.add_argument("--no-cold", action="store_true", help="no fresh processes")
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    bench.set_defaults(handler=commands.bench_command)

    scaling = commands_.add_parser("scaling", help="our memory and time from 1 to 100 megapixels")
    scaling.add_argument(
        "--images", type=Path, metavar="DIR", help="of which the pictures are made (default: as for bench)"
    )
    scaling.add_argument(
        "--megapixels", nargs="+", type=size, default=[1, 4, 16, 64, 100], metavar="MP",
        help="default: 1 4 16 64 100",
    )  # fmt: skip
    scaling.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    scaling.add_argument("--quiet", action="store_true", help="do not say which size is done")
    scaling.set_defaults(handler=commands.scaling_command)
    return parser


def _add_table_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reference", default="jpeg420", metavar="NAME", help="BD-rate against it (default: jpeg420)"
    )
    parser.add_argument(
        "--method", choices=("pchip", "akima"), default="pchip", help="interpolation (default: pchip)"
    )
    parser.add_argument("--published", default="auto", metavar="auto|none|kodak|FILE",
                        help="curves to show; auto: Kodak's for a folder or file so called")  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    try:
        return options.handler(options)
    except EvalError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"error: {one_line(error)}", file=sys.stderr)
    return 1
