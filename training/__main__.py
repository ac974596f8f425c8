"""Train a model, and export it to the files that encode and decode load."""

import argparse
import math
import os
import sys
import warnings
from dataclasses import fields
from pathlib import Path

from compressor.cli.option_values import checked, count, number, positive, seed
from compressor.models.registry import FAMILIES
from compressor.spec.constants import SIDE_PX
from training.conditions import Conditions, Hosts
from training.settings import Settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

crop_side = checked(
    int, lambda value: value >= SIDE_PX and value % SIDE_PX == 0, "a multiple of 64: give 64, 128, 192..."
)
share = checked(float, lambda value: 0 <= value <= 1, "a share from 0 to 1")
tail = checked(float, lambda value: 0 < value <= 1, "a share above 0, at most 1")
not_negative = checked(float, lambda value: 0 <= value < math.inf, "a number from 0")
# Each move adds to the graph of a training step, so there are few.
quick_moves = checked(int, lambda value: 0 <= value <= 8, "a whole number from 0 to 8")
model_id = checked(int, lambda value: 0 <= value <= 255, "a whole number from 0 to 255")

EPILOG = """\
examples:
  python -m training --data photos/ --out runs/first --minutes 60
  python -m training --data photos/ --out runs/first            resumes it
  python -m training plot runs/first                            plots its curves
  python -m training export runs/first --out my-model
  compressor encode photo.png --weights my-model
"""


def address(text: str) -> str:
    """HOST:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise argparse.ArgumentTypeError(f"received {text!r}, expected HOST:PORT, such as first-host:1234")
    return text


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add to a parser the arguments and the handler of `run`."""
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
    add_crops(parser)
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
    add_distortion(parser)
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
    parser.set_defaults(handler=run)


def add_crops(parser: argparse.ArgumentParser) -> None:
    """Add to a parser the arguments for the crops of a step."""
    parser.add_argument("--batch", type=positive, default=Settings.batch, help="crops per step (%(default)s)")
    parser.add_argument(
        "--crop", type=crop_side, default=Settings.crop, help="side in pixels, divisible by 64 (%(default)s)"
    )
    parser.add_argument("--seed", type=seed, default=Settings.seed)


def add_distortion(parser: argparse.ArgumentParser) -> None:
    """Add to a parser the arguments for the distortion."""
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


def add_filter(parser: argparse.ArgumentParser) -> None:
    """Add to a parser the arguments and the handler of `filter`."""
    parser.add_argument("init", type=Path, help="trained flagship: a checkpoint, a run, or an exported model")
    parser.add_argument("--data", required=True, help="pictures to train on; see run")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument(
        "--blocks", type=positive, default=6, help="residual blocks of the filter (%(default)s)"
    )
    add_distortion(parser)
    parser.add_argument("--steps", type=positive, default=8000, help="length of the run (%(default)s)")
    parser.add_argument(
        "--decoded", type=positive, default=4000, help="number of crops to decode and train on (%(default)s)"
    )
    add_crops(parser)
    parser.add_argument("--learning-rate", type=number, default=2e-3, help="highest rate (%(default)s)")
    parser.add_argument(
        "--precision",
        choices=["float32", "bfloat16"],
        default="",
        help="number format of the transform networks (default: the faster one on this machine)",
    )
    parser.set_defaults(handler=filter_alone)


def add_export(parser: argparse.ArgumentParser) -> None:
    """Add to a parser the arguments and the handler of `export`."""
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
    parser.set_defaults(handler=export)


def add_plot(parser: argparse.ArgumentParser) -> None:
    """Add to a parser the arguments and the handler of `plot`."""
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--out", type=Path, help="PNG to write (default: RUN/curves.png)")
    parser.set_defaults(handler=plot)


def add_macs(parser: argparse.ArgumentParser) -> None:
    """Add to a parser the arguments and the handler of `macs`."""
    parser.add_argument("folder", type=Path, help="exported model")
    parser.set_defaults(handler=macs)


def settings_of(options: argparse.Namespace, **others: object) -> Settings:
    """Return settings from the options of the same names and from `others`."""
    names = {field.name for field in fields(Settings)} & vars(options).keys()
    return Settings(**{name: getattr(options, name) for name in names} | others)


def check_hosts(options: argparse.Namespace) -> None:
    """Check the options for several hosts.

    Raises:
        TrainingError: if they contradict each other.
    """
    from training.errors import TrainingError

    if not options.coordinator and (options.hosts > 1 or options.host > 0):
        raise TrainingError(
            "received --hosts or --host without --coordinator, expected all three: "
            "give --coordinator HOST:PORT"
        )
    if options.host >= options.hosts:
        raise TrainingError(
            f"received --host {options.host} and --hosts {options.hosts}, "
            "expected a host below the number of hosts: count hosts from 0"
        )
    if options.coordinator and options.devices > 1:
        raise TrainingError(
            f"received --devices {options.devices} and --coordinator, expected one of them: "
            "leave out --devices, since hosts use all their devices"
        )


def run(options: argparse.Namespace) -> None:
    """Train with the options of the command line."""
    from training.backend import check_backend

    check_hosts(options)
    check_backend()
    from training.run import train

    hosts = Hosts(options.coordinator, options.hosts, options.host) if options.coordinator else None
    conditions = Conditions(
        minutes=options.minutes,
        devices=options.devices,
        hosts=hosts,
        validation=options.validation,
        validate_every=options.validate_every,
        decoded_bytes=int(options.memory_gb * 2**30),
    )
    settings = settings_of(options, transforms=options.stage == "all")
    train(options.out, settings, conditions)


def filter_alone(options: argparse.Namespace) -> None:
    """Train a filter with the options of the command line."""
    from training.backend import check_backend

    check_backend()
    from training.filter_run import train_filter

    settings = settings_of(options, tail=1.0, init=str(options.init))
    train_filter(options.out, settings, options.decoded, options.blocks)


def export(options: argparse.Namespace) -> None:
    """Export a run with the options of the command line."""
    from training.backend import check_backend

    check_backend()
    from training.export_run import export_run

    export_run(options.run, options.out, name=options.name, model_id=options.id, pictures=options.count)


def plot(options: argparse.Namespace) -> None:
    """Plot the curves of a run with the options of the command line."""
    from training.plot import plot_run

    plot_run(options.run, options.out)


def macs(options: argparse.Namespace) -> None:
    """Print the multiply-accumulates of an exported model."""
    from training.macs import macs_per_pixel

    for name, per_pixel in macs_per_pixel(options.folder).items():
        print(f"{name:16}{per_pixel / 1000:8.2f} kMAC per pixel")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    root = argparse.ArgumentParser(
        prog="python -m training",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_run(commands.add_parser("run", help="train (the default command)"))
    add_export(commands.add_parser("export", help="write the files that encode and decode load"))
    add_plot(commands.add_parser("plot", help="draw the curves of a run"))
    add_filter(commands.add_parser("filter", help="train a flagship's synthesis filter alone"))
    add_macs(commands.add_parser("macs", help="multiply-accumulates per pixel of an exported model"))
    return root


def main(argv: list[str] | None = None) -> int:
    """Run the command line; without the name of a command, `run`.

    Args:
        argv: arguments; those of the process if None.

    Returns:
        The exit status: 0, 1 after a one-line error, or 130 after Ctrl-C.

    Raises:
        SystemExit: with status 2 for wrong usage, 0 after --help.
    """
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0].startswith("--") and argv[0] != "--help":
        argv = ["run", *argv]
    options = build_parser().parse_args(argv)
    from compressor.errors import CompressorError, one_line

    # One line, without the place in the code.
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        options.handler(options)
    except CompressorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {one_line(error)}: check the path and the disk", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        resumes = "; run the same command again to resume from the last checkpoint"
        print(f"\nstopped{resumes if options.command == 'run' else ''}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
