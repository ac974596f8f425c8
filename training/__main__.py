"""Train a model, and export it to the files that encode and decode load."""

import argparse
import os
import sys
import warnings
from dataclasses import fields

from compressor.errors import CompressorError, one_line
from training.backend import check_backend
from training.conditions import Conditions, Hosts
from training.errors import TrainingError
from training.parser import build_parser
from training.settings import Settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def settings_of(options: argparse.Namespace, **others: object) -> Settings:
    """Return settings from the options of the same names and from `others`."""
    names = {field.name for field in fields(Settings)} & vars(options).keys()
    return Settings(**{name: getattr(options, name) for name in names} | others)


def hosts_of(options: argparse.Namespace) -> Hosts | None:
    """Return the hosts that options name; None for this machine alone.

    Raises:
        TrainingError: if options contradict each other.
    """
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
    return Hosts(options.coordinator, options.hosts, options.host) if options.coordinator else None


def run(options: argparse.Namespace) -> None:
    """Train with the options of the command line."""
    hosts = hosts_of(options)
    check_backend()
    from training.run import train

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
    check_backend()
    from training.filter_run import train_filter

    settings = settings_of(options, tail=1.0, init=str(options.init))
    train_filter(options.out, settings, options.decoded, options.blocks)


def export(options: argparse.Namespace) -> None:
    """Export a run with the options of the command line."""
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


HANDLERS = {"run": run, "filter": filter_alone, "export": export, "plot": plot, "macs": macs}


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
    # One line, without the place in the code.
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        HANDLERS[options.command](options)
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
