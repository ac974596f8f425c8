"""The command line. Exit codes: 0 success, 1 failure, 2 wrong usage."""

import argparse
import os
import sys
from pathlib import Path

from compressor.cli.option_values import checked, count, number, positive, quality
from compressor.errors import CompressorError, one_line
from eval import commands
from eval.bench import bench_command
from eval.codecs import CODECS
from eval.errors import described
from eval.scaling import scaling_command


def default_cache() -> Path:
    """Return the platform's cache folder for this program."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "compressor-eval"


rate = checked(float, lambda value: 0 < value < 100, "a number of bits per pixel above 0 and below 100")
# The decoder's own limit is slightly higher.
size = checked(float, lambda value: 0 < value <= 170, "a number of megapixels above 0, at most 170")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m eval", description="Rate-distortion evaluation of codecs."
    )
    commands_ = parser.add_subparsers(dest="command", required=True)
    names = ", ".join(codec.name for codec in CODECS)

    run = commands_.add_parser("run", help="run codecs on pictures; write tables, plots and an HTML report")
    run.add_argument("--images", type=Path, required=True, metavar="DIR", help="folder of pictures")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    run.add_argument("--name", default="report", help="stem of the result files (default: report)")
    run.add_argument(
        "--codecs",
        nargs="+",
        metavar="NAME",
        help=f"any of {names} (default: all that are installed, except the slowest)",
    )
    _add_weights(run)
    run.add_argument(
        "--qualities", nargs="+", type=quality, metavar="Q", help="1..100 (default: each codec's own)"
    )
    run.add_argument(
        "--cache",
        type=Path,
        default=default_cache(),
        help="folder of finished files (default: %(default)s)",
    )
    run.add_argument(
        "-j",
        "--jobs",
        type=positive,
        default=1,
        help="worker processes; more than 1 distort times (default: 1)",
    )
    run.add_argument(
        "--viewer-images", type=count, default=3, metavar="N", help="pictures in the viewer (default: 3)"
    )
    run.add_argument("--viewer-bpp", nargs="+", type=rate, default=[0.25, 0.5], metavar="BPP",
                     help="rates at which the viewer compares (default: 0.25 0.5)")  # fmt: skip
    run.add_argument(
        "--viewer-mb",
        type=number,
        default=32.0,
        metavar="MB",
        help="maximum size of all pictures (default: 32)",
    )
    run.add_argument("--no-html", action="store_true", help="write no HTML report")
    _add_table_options(run)
    run.add_argument("--quiet", action="store_true", help="show no progress bar")
    run.set_defaults(handler=commands.run_command)

    plot = commands_.add_parser("plot", help="draw plots and print tables from the CSV of an earlier run")
    plot.add_argument("rows", type=Path, metavar="ROWS.csv")
    plot.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the PNG files")
    plot.add_argument("--codecs", nargs="+", metavar="NAME", help="any of those in the CSV (default: all)")
    plot.add_argument(
        "--limits",
        nargs=3,
        metavar=("METRIC", "LOW", "HIGH"),
        help="values between which BD-rates by a metric are averaged, for example ssimulacra2 60 90",
    )
    _add_table_options(plot)
    plot.set_defaults(handler=commands.plot_command)

    compare = commands_.add_parser("compare", help="measure one pair of pictures")
    compare.add_argument("original", type=Path)
    compare.add_argument("compressed", type=Path, help="its file size determines the rate")
    compare.add_argument(
        "--weights",
        type=Path,
        metavar="DIR",
        help="exported model that made the .cmpr file, if it is not a shipped one",
    )
    compare.add_argument("--json", action="store_true", help="print JSON")
    compare.set_defaults(handler=commands.compare_command)

    bench = commands_.add_parser("bench", help="compare encode and decode times")
    bench.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="pictures (default: a photograph of scikit-image)",
    )
    bench.add_argument("--codecs", nargs="+", metavar="NAME", help=f"any of {names}")
    _add_weights(bench)
    bench.add_argument("--bpp", type=rate, default=1.0, help="rate at which codecs are timed (default: 1)")
    bench.add_argument("--rounds", type=positive, default=5, help="repetitions per picture (default: 5)")
    bench.add_argument("--limit", type=positive, default=4, help="maximum number of pictures (default: 4)")
    bench.add_argument(
        "--batch", type=positive, default=16, help="pictures in the throughput test (default: 16)"
    )
    bench.add_argument("--no-cold", action="store_true", help="skip the whole processes")
    bench.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to a file")
    bench.set_defaults(handler=bench_command)

    scaling = commands_.add_parser("scaling", help="time and memory of our codec from 1 to 100 megapixels")
    scaling.add_argument(
        "--images", type=Path, metavar="DIR", help="photographs to tile (default: as for bench)"
    )
    scaling.add_argument(
        "--megapixels", nargs="+", type=size, default=[1, 4, 16, 64, 100], metavar="MP",
        help="sizes (default: 1 4 16 64 100)",
    )  # fmt: skip
    scaling.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to a file")
    scaling.add_argument("--quiet", action="store_true", help="report no progress")
    scaling.set_defaults(handler=scaling_command)
    return parser


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", nargs="+", type=Path, metavar="DIR", help="folders of exported models to measure as well"
    )


def _add_table_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `run` and `plot` share."""
    parser.add_argument(
        "--reference", default="jpeg420", metavar="NAME", help="codec to compare with (default: jpeg420)"
    )
    parser.add_argument(
        "--method", choices=("pchip", "akima"), default="pchip", help="interpolation (default: pchip)"
    )
    parser.add_argument("--published", default="auto", metavar="auto|none|kodak|FILE",
                        help="published curves to show; auto: Kodak's, if the pictures are")  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = build_parser().parse_args(arguments)
    try:
        return options.handler(options)
    except CompressorError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
    except OSError as error:  # disk full, no permission
        print(f"error: {described(error)}", file=sys.stderr)
    return 1
