"""The HTML report: a single file with its style, scripts, numbers and pictures."""

import datetime
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from compressor.errors import shown
from eval import viewer
from eval.codecs import CODECS, Codec, is_ours
from eval.images import Picture, spread
from eval.measure import Cache
from eval.metrics import METRICS, Metric
from eval.outputs import bd_cells, bd_header
from eval.tables import BDRow, image_curves, mean_curve, published_curve, speed_table

ASSETS = Path(__file__).with_name("assets")
SCRIPTS = ("chart.js", "viewer.js", "main.js")


@dataclass(frozen=True)
class Results:
    """Results of a run.

    Attributes:
        rows: measurements, as `measure` returns them.
        table: BD-rates of the rows; see `bd_table`.
        published: curves as `published.load` returns them.
        pictures: the pictures of the run.
        codecs: the codecs of the run.
        cache: cache with the encoded files that the viewer shows.
        about: names and values for the last section.
        problems: lines about what was left out or failed.
    """

    rows: list[dict]
    table: list[BDRow]
    published: dict[str, dict]
    pictures: list[Picture]
    codecs: list[Codec]
    cache: Cache
    about: dict[str, object]
    problems: list[str]


def build(results: Results, options) -> str:
    """Build the page.

    Args:
        results: results of a run.
        options: parsed options of `run`.

    Returns:
        HTML that refers to no other file. `options.viewer_mb` bounds its size.
    """
    rows, published, num_pictures = results.rows, results.published, len(results.pictures)
    viewed = viewer.build(
        spread(results.pictures, options.viewer_images),
        results.codecs,
        options.viewer_bpp,
        results.cache,
        rows,
        options.viewer_mb,
        options.quiet,
    )
    data = {**_curves(rows, published), "reference": options.reference, "viewer": viewed}
    page = Template((ASSETS / "report.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(f"Rate and distortion: {shown(options.name)}"),
        style=(ASSETS / "report.css").read_text(encoding="utf-8"),
        script="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS),
        data=_script_json(data),
        summary=escape(_summary(rows, num_pictures)),
        viewer_note=escape(_viewer_note(viewed, num_pictures)),
        bd=_bd_html(results.table, options.reference, options.method),
        speed=_speed_html(rows),
        problems=_problems_html(results.problems),
        about=_about_html(results.about, published),
    )


def _script_json(data: dict) -> str:
    """Encode as JSON that cannot close the surrounding script element."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _summary(rows: list[dict], num_pictures: int) -> str:
    num_codecs = len({row["codec"] for row in rows})
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    return f"{num_pictures} pictures, {num_codecs} codecs, {len(rows)} files; {when}"


def _curves(rows: list[dict], published: dict) -> dict:
    """Return the data of the charts, as main.js reads them."""
    labels = {codec.name: codec.label for codec in CODECS}
    names = list(dict.fromkeys(row["codec"] for row in rows))
    images = list(dict.fromkeys(row["image"] for row in rows))

    charts = []
    for metric in METRICS:
        series = []
        for name in names:
            per_image = image_curves(rows, name, metric)
            series.append({
                "mean": _points(mean_curve(rows, name, metric), metric),
                "images": [_points(per_image.get(image, []), metric) for image in images],
            })  # fmt: skip
        if any(one["mean"] for one in series):
            extra = [_points(published_curve(curve, metric), metric) for curve in published.values()]
            charts.append({"label": metric.label, "kind": metric.kind, "digits": metric.digits,
                           "unit": metric.unit, "axis": metric.axis_title,
                           "series": series, "published": extra})  # fmt: skip
    return {
        "codecs": [{"name": name, "label": labels.get(name, name), "ours": is_ours(name)} for name in names],
        "published": [{"label": curve["label"], "shown": curve["shown"]} for curve in published.values()],
        "images": images,
        "charts": charts,
    }


def _points(curve: list[tuple], metric: Metric) -> list:
    """Return [bpp, position on the axis, value, quality if known] of each point."""
    result = []
    for bpp, value, *quality in curve:
        drawn = metric.to_axis(value)
        if math.isfinite(drawn):  # lossless points cannot be drawn; the tables have them
            result.append([round(bpp, 5), round(drawn, 4), round(value, 5), *quality])
    return result


def _viewer_note(viewed: dict, num_pictures: int) -> str:
    if not viewed["pictures"]:
        return "No pictures are embedded in this report."
    note = (
        f"{len(viewed['pictures'])} of {num_pictures} pictures, {viewed['mb']:.1f} MB: decoded pixels, "
        "embedded losslessly; each codec at the quality whose rate is closest."
    )
    if not viewed["complete"]:
        limit = f"the limit of {viewed['limit_mb']:g} MB"
        note += f" The rest exceeded {limit}, or no codec could be shown at that rate."
    return note


def _table_html(header: Sequence[str], lines: Sequence[Sequence[str]], caption: str) -> str:
    """Return a table that scrolls sideways on narrow screens; the first cell of each line is a row header."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in lines
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _bd_html(table: list[BDRow], reference: str, method: str) -> str:
    """Return a folded table for each metric, the first one open. Published curves have their own tables."""
    parts = []
    for metric in METRICS:
        rows = [row for row in table if row.metric == metric]
        if not rows:
            continue
        caption = f"BD-rate against {reference}, {metric.label} ({method}, {metric.scope})"
        header = bd_header(metric)
        measured = [bd_cells(row) for row in rows if not row.published]
        published = [bd_cells(row) for row in rows if row.published]
        parts.append(f"<details{'' if parts else ' open'}><summary>{escape(metric.label)}</summary>")
        parts.append(_table_html(header, measured, caption))
        if published:
            parts.append("<details><summary>Published curves</summary>")
            parts.append(_table_html(header, published, f"{caption}; published means") + "</details>")
        parts.append("</details>")
    return "".join(parts) or "<p>None: the results do not include the reference codec.</p>"


def _speed_html(rows: list[dict]) -> str:
    lines = [
        [
            line["codec"],
            f"{line['encode_s_per_mp']:.3f}",
            f"{line['decode_s_per_mp']:.3f}",
            "-" if line["peak_mb"] is None else f"{line['peak_mb']:.0f}",
            line["version"],
        ]
        for line in speed_table(rows)
    ]
    header = ["codec", "encode s / megapixel", "decode s / megapixel", "memory added MB", "version"]
    caption = "Medians over all files, each timed once, when it was first measured (comparable if -j was 1)"
    return _table_html(header, lines, caption)


def _problems_html(problems: list[str]) -> str:
    if not problems:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in problems[:200])
    more = f"<li>and {len(problems) - 200} more</li>" if len(problems) > 200 else ""
    return f"<section><h2>Left out</h2><ul>{items}{more}</ul></section>"


def _about_html(about: dict, published: dict) -> str:
    lines = "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in about.items())
    sources = "".join(
        f"<li>{escape(curve['label'])}: {escape(curve['source'])}</li>" for curve in published.values()
    )
    listed = f"<h3>Sources of the published curves</h3><ul>{sources}</ul>" if sources else ""
    return f"<dl>{lines}</dl>{listed}"
