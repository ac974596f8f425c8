"""The commands of the command line; each returns its exit code."""

import contextlib
import json
import math
from pathlib import Path

import numpy as np

import compressor
from compressor.errors import shown
from eval import codecs, metrics, outputs, published
from eval.errors import CodecUnavailableError, EvalError, warn
from eval.files import write_atomically
from eval.images import find_pictures, load_rgb
from eval.machine import describe
from eval.measure import Cache
from eval.runner import plan, run
from eval.tables import bd_table

_SHOWN_FAILURES = 12


def run_command(options) -> int:
    """Run `python -m eval run`: measure, then write rows, tables, plots and the report."""
    # Check the options first: measuring takes long.
    chosen, missing = codecs.select(options.codecs, options.weights)
    _check_reference(options.reference, [codec.name for codec in chosen])
    options.out.mkdir(parents=True, exist_ok=True)
    pictures, unreadable = find_pictures(options.images, warn)
    _, missing_metrics = metrics.usable_metrics()
    left_out = [f"left out: {line}" for line in [*unreadable, *missing, *missing_metrics]]
    for line in left_out:
        warn(line)
    curves = published.load(options.published, options.images)
    cache = Cache(options.cache)
    rows, failures = run(plan(pictures, chosen, options.qualities), cache, options.jobs, options.quiet)
    for line in failures[:_SHOWN_FAILURES]:
        warn(f"failed: {line}")
    if not rows:
        raise EvalError("no measurement succeeded: fix what the warnings report")
    if len(failures) > _SHOWN_FAILURES:
        warn(f"failed: {len(failures) - _SHOWN_FAILURES} more, see {options.name}.json")
    for note in dict.fromkeys(f"{row['image']}: {row['note']}" for row in rows if row["note"]):
        warn(note)
    table = _table(rows, options, curves)
    about = {
        "pictures": len(pictures),
        "reference": options.reference,
        "method": options.method,
        **describe(),
    }

    def write(suffix: str, text: str) -> None:
        write_atomically(options.out / f"{options.name}{suffix}", text.encode())

    problems = left_out + [f"failed: {line}" for line in failures]
    write(".csv", outputs.rows_to_csv(rows))
    write(".json", outputs.rows_to_json(rows, about, problems))
    write("-bd.csv", outputs.bd_to_csv(table, options.reference, options.method))
    write("-bd.md", "\n".join(_all_bd_lines(table, options.reference)))
    _plot(rows, curves, options.out, options.name)
    if not options.no_html:
        from eval import report

        results = report.Results(rows, table, curves, pictures, chosen, cache, about, problems)
        write(".html", report.build(results, options))
    # Published curves are in the files only.
    measured = [row for row in table if not row.published]
    print("\n".join(outputs.bd_lines(measured, options.reference)))
    print(f"\nresults written to {shown(str(options.out / options.name))}.*")
    # A missing codec is a failure only if codecs were requested by name; a missing metric never is.
    return 1 if failures or unreadable or (missing and options.codecs) else 0


def _check_reference(name: str, measured: list[str]) -> None:
    """Raise an EvalError unless the name is that of a known codec or of a measured model."""
    known = dict.fromkeys([*(codec.name for codec in codecs.CODECS), *measured])
    if name not in known:
        raise EvalError(f"received the reference {name}, expected one of {', '.join(known)}")


def _table(rows: list[dict], options, curves: dict, chosen=metrics.METRICS) -> list:
    """Return the BD-rates, or warn that there is no reference."""
    if any(row["codec"] == options.reference for row in rows):
        return bd_table(rows, options.reference, curves, options.method, chosen)
    warn(f"no BD-rates: there are no results for the reference {options.reference}")
    return []


def _all_bd_lines(table: list, reference: str) -> list[str]:
    """Return the BD tables of all metrics that have rows."""
    lines = []
    for metric in dict.fromkeys(row.metric for row in table):
        if part := outputs.bd_lines(table, reference, metric):
            lines += [*part, ""]
    return lines


def _plot(rows: list[dict], curves: dict, folder: Path, name: str) -> None:
    """Draw all plots."""
    from eval import plots  # imports Matplotlib, which is slow

    plots.draw(rows, curves, folder, name)


def plot_command(options) -> int:
    """Run `python -m eval plot`: plots and tables of rows that an earlier run wrote."""
    rows = outputs.rows_from_csv(_read_text(options.rows))
    _check_reference(options.reference, [row["codec"] for row in rows])
    if options.codecs:
        known = {row["codec"] for row in rows}
        unknown = [name for name in options.codecs if name not in known]
        if unknown:
            raise EvalError(f"no rows for {', '.join(unknown)} in {options.rows}")
        # The tables need the reference, even if it is not drawn.
        rows = [row for row in rows if row["codec"] in (*options.codecs, options.reference)]
    curves = published.load(options.published, options.rows)
    chosen = metrics.METRICS
    if options.limits:
        name, low, high = options.limits
        try:
            chosen = metrics.with_limits(name, float(low), float(high))
        except ValueError:
            raise EvalError(
                f"received --limits {name} {low} {high}, expected a metric and two numbers"
            ) from None
    table = _table(rows, options, curves, chosen)
    drawn = [row for row in rows if not options.codecs or row["codec"] in options.codecs]
    _plot(drawn, curves, options.out, options.rows.stem)
    print("\n".join(_all_bd_lines(table, options.reference)).rstrip())
    return 0


def _read_text(path: Path) -> str:
    """Read a text file, with errors that the command line prints."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise EvalError(f"{path}: not a text file") from None


def compare_command(options) -> int:
    """Run `python -m eval compare`: measure one pair. The second may be a file of any codec."""
    original = load_rgb(options.original, warn)
    compressed = load_any(options.compressed, options.weights)
    try:
        result = metrics.compare(original, compressed)
    except EvalError as error:
        raise type(error)(f"{options.original.name} and {options.compressed.name}: {error}") from None
    num_bytes = options.compressed.stat().st_size
    result = {
        "num_bytes": num_bytes,
        "bpp": 8 * num_bytes / (original.shape[0] * original.shape[1]),
        **result,
    }
    if options.json:
        print(json.dumps(outputs.to_json(result | {"lossless": result["psnr_rgb_db"] == math.inf})))
        return 0
    note = result.pop("note")
    for key, value in result.items():
        print(f"{key:12} {'-' if value is None else value if key == 'num_bytes' else f'{value:.5g}'}")
    for line in [note, *metrics.usable_metrics()[1]]:
        if line:
            print(line)
    return 0


def load_any(path: Path, weights: Path | None = None) -> np.ndarray:
    """Read a picture of any codec as uint8 (H, W, 3).

    Args:
        path: the picture.
        weights: folder of the exported model that it was made with, if that model does not ship.

    Raises:
        PictureError: if neither Pillow nor an installed plugin can read it.
        CompressorError: if `weights` are given and it cannot be decoded with them.
    """
    if weights is not None:
        picture = compressor.decode(path.read_bytes(), runtime=compressor.Runtime(weights=weights))
        return np.asarray(picture.convert("RGB"))
    for codec in codecs.CODECS:
        if isinstance(codec, codecs.PillowCodec) and codec.plugin:
            with contextlib.suppress(CodecUnavailableError):
                codec.version()  # importing the plugin registers it
    return load_rgb(path, warn)
