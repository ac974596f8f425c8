"""Text for terminals and files: tables, CSV and JSON."""

import csv
import io
import json
import math
from pathlib import Path

from eval.bd import BD
from eval.errors import EvalError
from eval.files import write_atomically
from eval.measure import COLUMNS
from eval.metrics import METRICS, Metric
from eval.tables import BDRow

_WORDS = ("image", "codec", "codec_version", "note")


def signed(value: float | None, digits: int = 1) -> str:
    """Format a number with its sign; "-" for None.

    Example:
        >>> signed(3.14159), signed(None)
        ('+3.1', '-')
    """
    return "-" if value is None else f"{value:+.{digits}f}"


def bd_header(metric: Metric) -> tuple[str, ...]:
    """Return the column titles of a metric's BD table."""
    rates = "BD-rate % (averaged curve)", "BD-rate % (mean of images)"
    return ("codec", *rates, "images", f"BD gain {metric.axis_unit}".strip(),
            f"overlap {metric.axis_unit}".strip(), "remark")  # fmt: skip


def bd_cells(row: BDRow) -> tuple[str, ...]:
    """Return a row of a BD table as text, in the order of `bd_header`."""
    bd = row.of_mean_curve
    if bd.low is None:
        overlap = "-"
    else:
        overlap = " .. ".join(f"{value:.1f}" for value in row.metric.axis_range(bd.low, bd.high))
    rates = signed(bd.rate_percent), signed(row.mean_of_images)
    return (row.title, *rates, str(row.num_images or "-"), signed(bd.gain, 2), overlap, bd.warning)


def bd_lines(table: list[BDRow], reference: str, metric: Metric = METRICS[0]) -> list[str]:
    """Return the BD table of one metric as Markdown lines; empty if it has no rows."""
    part = [row for row in table if row.metric == metric]
    if not part:
        return []
    title = ", ".join(filter(None, (f"{metric.label} against {reference}", metric.scope, metric.axis_note)))
    return [title, "", *table_lines([bd_header(metric), *map(bd_cells, part)])]


def table_lines(cells: list[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table that is also aligned in a terminal; the first row is the header.

    Example:
        >>> print(*table_lines([("a", "bc"), ("def", "")]), sep="\\n")
        | a   | bc |
        | --- | -- |
        | def |    |
    """
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    cells = [cells[0], tuple("-" * width for width in widths), *cells[1:]]
    return [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]


def rows_to_csv(rows: list[dict]) -> str:
    """Return the rows as CSV with a header; absent values are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _short(value) for key, value in row.items()})
    return text.getvalue()


def _short(value):
    """Format a float with seven digits, more than any measurement has."""
    return f"{value:.7g}" if isinstance(value, float) else "" if value is None else value


def rows_from_csv(text: str) -> list[dict]:
    """Parse what `rows_to_csv` wrote. Columns of metrics may be absent; their values are then None.

    Raises:
        EvalError: if the text is not such a table, has no rows, or has two rows for one measurement.
    """
    optional = {metric.name for metric in METRICS}
    may_be_empty = optional | {"bpp", "peak_mb"}
    rows, seen = [], set()
    for line in _csv_lines(text):
        try:
            row = {column: line.get(column) if column in optional else line[column] for column in COLUMNS}
            for column in COLUMNS:
                if column == "lossless":
                    row[column] = {"True": True, "False": False}[row[column]]
                elif column not in _WORDS:
                    is_absent = column in may_be_empty and not row[column]
                    row[column] = None if is_absent else float(row[column])
        except (KeyError, TypeError, ValueError):
            raise EvalError("not a table of results; expected the columns " + ", ".join(COLUMNS)) from None
        if row["bpp"] is None or not math.isfinite(row["bpp"]):
            raise EvalError(f"a row of {row['image']} has no rate")
        key = row["image"], row["codec"], row["quality"]
        if key in seen:
            raise EvalError(
                f"there are two rows of {row['image']}, {row['codec']}, quality {row['quality']:g}"
            )
        seen.add(key)
        rows.append(row)
    if not rows:
        raise EvalError("the table of results has no rows: give one written by python -m eval run")
    return rows


def _csv_lines(text: str) -> list[dict]:
    try:
        return list(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        raise EvalError(f"not a table of results: {error}") from None


def bd_to_csv(table: list[BDRow], reference: str, method: str) -> str:
    """Return the whole table as CSV: one line for each metric, codec and picture, then the averages."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow("metric reference method codec image bd_rate_percent bd_gain low high warning".split())

    def line(row: BDRow, image: str, bd: BD) -> None:
        limits = (None, None) if bd.low is None else row.metric.axis_range(bd.low, bd.high)
        numbers = (_short(value) for value in (bd.rate_percent, bd.gain, *limits))
        writer.writerow((row.metric.name, reference, method, row.title, image, *numbers, bd.warning))

    for row in table:
        line(row, "(averaged curve)", row.of_mean_curve)
        if row.num_images:
            line(row, "(mean of images)", BD(row.mean_of_images))
        for image, bd in row.per_image.items():
            line(row, image, bd)
    return text.getvalue()


def to_json(row: dict) -> dict:
    """Replace infinite values by None, because standard JSON has no infinity.

    Example:
        >>> to_json({"psnr_rgb_db": math.inf, "lossless": True})
        {'psnr_rgb_db': None, 'lossless': True}
    """
    return {key: None if value == math.inf else value for key, value in row.items()}


def rows_to_json(rows: list[dict], about: dict, failures: list[str]) -> str:
    """Return rows, a description of the run, and its failures as JSON."""
    return json.dumps(
        {"about": about, "failures": failures, "rows": [to_json(row) for row in rows]}, indent=1
    )


def write_results(path: Path, machine: dict[str, str], results: object) -> None:
    """Write timings, and the machine they were measured on, to a JSON file."""
    write_atomically(path, json.dumps({"machine": machine, "results": results}, indent=1).encode())
