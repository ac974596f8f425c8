"""List the demos, run one, or run all and write a gallery."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from compressor.cli.option_values import seed
from compressor.errors import shown
from demos.errors import DemoError
from demos.registry import NAMES, describe, run_demo


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the three commands."""
    parser = argparse.ArgumentParser(prog="python -m demos", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="print name and title of every demo")
    run = commands.add_parser("run", help="run one demo")
    run.add_argument("name", metavar="NAME", choices=NAMES, help="a name printed by `list`")
    gallery = commands.add_parser("gallery", help="run all demos and write their figures to an HTML page")
    gallery.add_argument("--thumbnails", type=Path, metavar="DIR", help="also write a thumbnail of each demo")
    for command, out in ((run, "out/demos"), (gallery, "out/gallery")):
        command.add_argument(
            "--image", type=Path, metavar="PATH", help="a picture file (default: a sample picture)"
        )
        command.add_argument(
            "--out", type=Path, metavar="DIR", default=out, help="output folder (default: %(default)s)"
        )
        command.add_argument(
            "--seed", type=seed, metavar="N", default=0, help="random seed (default: %(default)s)"
        )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 success, 1 failure, 2 wrong usage, 130 interrupted."""
    options = build_parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hide TensorFlow's start-up messages
    try:
        if options.command == "list":
            for name in NAMES:
                print(f"{name:<20}{describe(name).title}")
        elif options.command == "run":
            started = time.perf_counter()
            context = run_demo(options.name, options.out, options.image, options.seed)
            for path, _ in context.figures:
                print(f"wrote {shown(str(path))}")
            print(f"{time.perf_counter() - started:.1f} s")
        else:
            from demos.gallery import write_gallery

            page = write_gallery(options.out, options.image, options.seed, options.thumbnails)
            print(f"wrote {shown(str(page))}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "demos":
            raise
        return _fail(f"{error.name} is not installed; the demos need: pip install '.[demos,train]'")
    except (DemoError, OSError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    return 0


def _fail(message: str) -> int:
    """Print an error as one line and return its exit code."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
