"""What goes to the terminal and into files: text tables, CSV and JSON."""

import csv
import io
import json
import math

from eval.bd import BD
from eval.errors import EvalError
from eval.measure import COLUMNS, to_json
from eval.tables import BDRow


def signed(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:+.{digits}f}"


def bd_lines(table: list[BDRow], reference: str, metric_column: str = "psnr_rgb_db") -> list[str]:
    """The BD table of one metric as text, Markdown's pipes included."""
    part = [row for row in table if row.metric.column == metric_column]
    if not part:
        return []
    metric = part[0].metric
    scale = f", {metric.limits[0]:g} .. {metric.limits[1]:g} dB" if metric.limits else ", whole overlap"
    title = f"{metric.label} against {reference}{scale}{', as -10 log10(1 - s)' if metric.in_db else ''}"
    cells = [
        (
            "codec",
            "BD-rate % (averaged curve)",
            "BD-rate % (mean of images)",
            "images",
            "BD gain dB",
            "overlap dB",
            "remark",
        )
    ]
    for row in part:
        bd = row.of_mean_curve
        rates = signed(bd.rate_percent), signed(row.mean_of_images)
        overlap = "-" if bd.low is None else f"{bd.low:.1f} .. {bd.high:.1f}"
        name = f"{row.codec} (published)" if row.published else row.codec
        cells.append((name, *rates, str(row.num_images or "-"), signed(bd.gain, 2), overlap, bd.warning))
    return [title, "", *table_lines(cells)]


def table_lines(cells: list[tuple[str, ...]]) -> list[str]:
    """A Markdown table whose columns also line up in a terminal; the first row is the header."""
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    cells = [cells[0], tuple("-" * width for width in widths), *cells[1:]]
    return [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]


def rows_to_csv(rows: list[dict]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _short(value) for key, value in row.items()})
    return text.getvalue()


def _short(value):
    """Seven digits are more than any of the measurements has."""
    return f"{value:.7g}" if isinstance(value, float) else "" if value is None else value


def rows_from_csv(text: str) -> list[dict]:
    """Undo `rows_to_csv`.

    Raises:
        EvalError: not such a file.
    """
    words = ("image", "codec", "codec_version", "note")
    rows = []
    for line in csv.DictReader(io.StringIO(text)):
        try:
            row = {column: line[column] for column in COLUMNS}
            for column in COLUMNS:
                if column == "lossless":
                    row[column] = {"True": True, "False": False}[row[column]]
                elif column not in words:
                    row[column] = float(row[column]) if row[column] else None
        except (KeyError, TypeError, ValueError):
            raise EvalError("not a table of results: expected the columns " + ", ".join(COLUMNS)) from None
        if row["bpp"] is None or not math.isfinite(row["bpp"]):
            raise EvalError(f"a row of {row['image']} has no rate")
        rows.append(row)
    if not rows:
        raise EvalError("no rows in this table of results")
    return rows


def bd_to_csv(table: list[BDRow], reference: str, method: str) -> str:
    """The whole table, one line per metric, codec and picture; the averages have their own names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = "metric reference method codec image bd_rate_percent bd_gain_db low high warning"
    writer.writerow(columns.split())

    def line(row: BDRow, image: str, bd: BD) -> None:
        numbers = (_short(value) for value in (bd.rate_percent, bd.gain, bd.low, bd.high))
        name = f"{row.codec} (published)" if row.published else row.codec
        writer.writerow((row.metric.column, reference, method, name, image, *numbers, bd.warning))

    for row in table:
        line(row, "(averaged curve)", row.of_mean_curve)
        if row.num_images:
            line(row, "(mean of images)", BD(row.mean_of_images, None, None, None))
        for image, bd in row.per_image.items():
            line(row, image, bd)
    return text.getvalue()


def rows_to_json(rows: list[dict], about: dict, failures: list[str]) -> str:
    return json.dumps(
        {"about": about, "failures": failures, "rows": [to_json(row) for row in rows]}, indent=1
    )
