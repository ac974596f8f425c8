"""The parser of the command line: commands, options and their help."""

import argparse
import math
from pathlib import Path

from compressor.cli.option_values import checked, count, number, positive, seed
from compressor.models.registry import FAMILIES
from compressor.spec.constants import SIDE_PX
from training.conditions import Conditions
from training.settings import Settings

DESCRIPTION = "Train a model, and export it to the files that encode and decode load."
EPILOG = """\
examples:
  python -m training --data photos/ --out runs/first --minutes 60
  python -m training --data photos/ --out runs/first            resumes it
  python -m training plot runs/first                            plots its curves
  python -m training export runs/first --out my-model
  compressor encode photo.png --weights my-model
"""

crop_side = checked(
    int, lambda value: value >= SIDE_PX and value % SIDE_PX == 0, "a multiple of 64: give 64, 128, 192..."
)
share = checked(float, lambda value: 0 <= value <= 1, "a share from 0 to 1")
tail = checked(float, lambda value: 0 < value <= 1, "a share above 0, at most 1")
not_negative = checked(float, lambda value: 0 <= value < math.inf, "a number from 0")
# Each move adds to the graph of a training step, so there are few.
quick_moves = checked(int, lambda value: 0 <= value <= 8, "a whole number from 0 to 8")
model_id = checked(int, lambda value: 0 <= value <= 255, "a whole number from 0 to 255")


def address(text: str) -> str:
    """HOST:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise argparse.ArgumentTypeError(f"received {text!r}, expected HOST:PORT, such as first-host:1234")
    return text


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    root = argparse.ArgumentParser(
        prog="python -m training",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="train (the default command)"))
    _add_export(commands.add_parser("export", help="write the files that encode and decode load"))
    _add_plot(commands.add_parser("plot", help="draw the curves of a run"))
    _add_filter(commands.add_parser("filter", help="train a flagship's synthesis filter alone"))
    _add_macs(commands.add_parser("macs", help="multiply-accumulates per pixel of an exported model"))
    return root


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", required=True, help="folder of images, shards:PATTERN (tar files), or tfds:NAME[:SPLIT]"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/default"), help="run folder (%(default)s)")
    parser.add_argument("--model", default=Settings.model, choices=sorted(FAMILIES))
    parser.add_argument(
        "--stage",
        default="all",
        choices=["entropy", "all"],
        help="entropy: the entropy model alone, on the fixed transform (flagship only)",
    )
    parser.add_argument(
        "--steps",
        type=positive,
        default=0,
        help="length of the run (default: that of the run to resume; for a new one, about what fits in "
        f"--minutes, else {Settings.steps})",
    )
    parser.add_argument(
        "--minutes",
        type=number,
        default=Conditions.minutes,
        help="stop after this long; run the same command again to resume",
    )
    _add_crops(parser)
    parser.add_argument(
        "--learning-rate", type=number, default=Settings.learning_rate, help="highest rate (%(default)s)"
    )
    parser.add_argument("--optimizer", default=Settings.optimizer, choices=["adam", "muon"])
    parser.add_argument(
        "--tail",
        type=tail,
        default=Settings.tail,
        help="share of the run, at its end, in which the learning rate falls to 0 (%(default)s)",
    )
    _add_distortion(parser)
    parser.add_argument(
        "--crops-per-photo",
        type=positive,
        default=Settings.crops_per_photo,
        help="number of crops per photograph in a batch, over which --metric ssimulacra2 pools (%(default)s)",
    )
    parser.add_argument(
        "--eight-bits",
        action="store_true",
        help="train a flagship with its synthesis filter and most of its means in 8-bit integers; "
        "needs --init",
    )
    parser.add_argument(
        "--quick-moves",
        type=quick_moves,
        default=Settings.quick_moves,
        metavar="N",
        help="move latents N times, to lower the squared error, before they are coded, and train all but the "
        "analysis; needs --init (%(default)s)",
    )
    parser.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        default="",
        help="number format of the transform networks (default: that of the run, or the faster one on this "
        "machine)",
    )
    parser.add_argument(
        "--init",
        default=Settings.init,
        help="start from these weights: a checkpoint, a run, or an exported model",
    )
    parser.add_argument(
        "--checkpoint-every",
        type=positive,
        default=Settings.checkpoint_every,
        help="steps between checkpoints (%(default)s)",
    )
    parser.add_argument(
        "--validation", default=Conditions.validation, help="held-out pictures, in the form of --data"
    )
    parser.add_argument(
        "--validate-every",
        type=positive,
        default=Conditions.validate_every,
        help="steps between validations (%(default)s)",
    )
    parser.add_argument(
        "--memory-gb",
        type=not_negative,
        default=Conditions.decoded_bytes / 2**30,
        help="memory for decoded photographs; the others stay encoded (%(default)s)",
    )
    parser.add_argument(
        "--devices",
        type=positive,
        default=Conditions.devices,
        help="number of devices that share each batch (%(default)s)",
    )
    parser.add_argument(
        "--coordinator",
        type=address,
        help="HOST:PORT of the first of several hosts (JAX); needs --hosts and --host",
    )
    parser.add_argument("--hosts", type=positive, default=1, help="number of hosts that train together")
    parser.add_argument("--host", type=count, default=0, help="number of this host, from 0")


def _add_crops(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=positive, default=Settings.batch, help="crops per step (%(default)s)")
    parser.add_argument(
        "--crop", type=crop_side, default=Settings.crop, help="side in pixels, divisible by 64 (%(default)s)"
    )
    parser.add_argument("--seed", type=seed, default=Settings.seed)


def _add_distortion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--metric",
        default=Settings.metric,
        choices=["mse", "ms-ssim", "ssimulacra2"],
        help="distortion (%(default)s)",
    )
    parser.add_argument(
        "--mse-share",
        type=share,
        default=Settings.mse_share,
        help="share of the squared error in the distortion of --metric ssimulacra2 (%(default)s)",
    )
    parser.add_argument(
        "--butteraugli-share",
        type=share,
        default=Settings.butteraugli_share,
        help="share of Butteraugli in the distortion of --metric ssimulacra2 (%(default)s)",
    )


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("init", type=Path, help="trained flagship: a checkpoint, a run, or an exported model")
    parser.add_argument("--data", required=True, help="pictures to train on; see run")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument(
        "--blocks", type=positive, default=6, help="residual blocks of the filter (%(default)s)"
    )
    _add_distortion(parser)
    parser.add_argument("--steps", type=positive, default=8000, help="length of the run (%(default)s)")
    parser.add_argument(
        "--decoded", type=positive, default=4000, help="number of crops to decode and train on (%(default)s)"
    )
    _add_crops(parser)
    parser.add_argument("--learning-rate", type=number, default=2e-3, help="highest rate (%(default)s)")
    parser.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        default="",
        help="number format of the transform networks (default: the faster one on this machine)",
    )


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--out", type=Path, help="folder to write (default: RUN/export)")
    parser.add_argument("--name", help="name of the model (default: the run folder's)")
    parser.add_argument(
        "--id", type=model_id, default=0, help="model id in streams (0: a model that does not ship)"
    )
    parser.add_argument(
        "--count",
        type=positive,
        default=200,
        help="number of training pictures whose symbols are counted for the tables (%(default)s)",
    )


def _add_plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--out", type=Path, help="PNG to write (default: RUN/curves.png)")


def _add_macs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="exported model")
