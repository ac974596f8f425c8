"""The HTML report: one file that holds its style, its scripts, its numbers and its pictures."""

import datetime
import json
import math
from html import escape
from pathlib import Path
from string import Template

from eval import viewer
from eval.codecs import CODECS
from eval.measure import Cache
from eval.outputs import signed
from eval.tables import METRICS, BDRow, image_curves, mean_curve, speed_table

ASSETS = Path(__file__).with_name("assets")
PUBLISHED_SHOWN = ("vtm", "bmshj2018-hyperprior")  # at first; the reader can switch on the others


def build(rows, table, published, pictures, codecs, cache: Cache, about, problems, options) -> str:
    """The whole page as text. See `viewer` for what bounds its size."""
    chosen = viewer.spread(pictures, options.viewer_images)
    shown = viewer.build(chosen, codecs, options.viewer_bpp, cache, rows, options.viewer_mb, options.quiet)
    data = {**_curves(rows, published), "viewer": shown}
    page = Template((ASSETS / "report.html").read_text())
    return page.substitute(
        title=escape(f"Rate and distortion: {options.name}"),
        style=(ASSETS / "report.css").read_text(),
        script="\n".join((ASSETS / name).read_text() for name in ("chart.js", "viewer.js", "main.js")),
        data=_script_json(data),
        summary=escape(_summary(rows, pictures)),
        viewer_note=escape(_viewer_note(shown, len(pictures))),
        bd=_bd_html(table, options.reference, options.method),
        speed=_speed_html(rows, options.jobs),
        problems=_problems_html(problems),
        about=_about_html(about, published),
    )


def _script_json(data: dict) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _summary(rows: list[dict], pictures: list) -> str:
    num_codecs = len({row["codec"] for row in rows})
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    return f"{len(pictures)} pictures, {num_codecs} codecs, {len(rows)} files; {when}"


def _curves(rows: list[dict], published: dict) -> dict:
    """The numbers behind the charts; similarities also in decibels, since they crowd at 1."""
    labels = {codec.name: codec.label for codec in CODECS}
    names = list(dict.fromkeys(row["codec"] for row in rows))
    images = list(dict.fromkeys(row["image"] for row in rows))

    def points(curve, metric) -> list:
        result = []
        for bpp, raw, *quality in curve:
            drawn = metric.value(raw)
            if math.isfinite(drawn):  # lossless has no place on the axis; the tables have it
                result.append([round(bpp, 5), round(drawn, 4), round(raw, 5), *quality])
        return result

    charts = []
    for metric in METRICS:
        series = []
        for name in names:
            per_image = image_curves(rows, name, metric.column)
            series.append({
                "mean": points(mean_curve(rows, name, metric.column), metric),
                "images": [points(per_image.get(image, []), metric) for image in images],
            })  # fmt: skip
        extra = [
            points([(p["bpp"], p[metric.column]) for p in curve["points"] if metric.column in p], metric)
            for curve in published.values()
        ]
        if any(one["mean"] for one in series):
            unit = "dB" if not metric.in_db else "-10 log10(1 - s), dB"
            charts.append({"label": metric.label, "unit": unit, "similarity": metric.in_db,
                           "series": series, "published": extra})  # fmt: skip
    return {
        "codecs": [{"name": name, "label": labels.get(name, name)} for name in names],
        "published": [
            {"label": curve["label"], "shown": name in PUBLISHED_SHOWN} for name, curve in published.items()
        ],
        "images": images,
        "charts": charts,
    }


def _viewer_note(shown: dict, num_pictures: int) -> str:
    if not shown["pictures"]:
        return "No pictures are embedded in this report."
    note = (
        f"{len(shown['pictures'])} of {num_pictures} pictures, {shown['mb']:.1f} MB: decoded pixels, "
        "embedded without loss; "
        "each codec at the quality whose file comes nearest to the rate."
    )
    if not shown["complete"]:
        limit = f"the limit of {shown['limit_mb']:g} MB"
        note += f" More did not fit into {limit}, or no codec reaches the rate."
    return note


def _cells(texts: list[str]) -> str:
    return "".join(f"<td>{escape(text)}</td>" for text in texts)


def _table_html(header: list[str], lines: list[list[str]], caption: str) -> str:
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
    """One folded table per metric, the published curves apart; the first is open."""
    parts = []
    for metric in METRICS:
        rows = [row for row in table if row.metric == metric]
        if not rows:
            continue
        where = f"{metric.limits[0]:g} .. {metric.limits[1]:g} dB" if metric.limits else "the whole overlap"
        caption = f"BD-rate against {reference}, {metric.label} ({method}, {where})"
        measured = _bd_lines([row for row in rows if not row.published])
        published = _bd_lines([row for row in rows if row.published])
        parts.append(f"<details{'' if parts else ' open'}><summary>{escape(metric.label)}</summary>")
        parts.append(_table_html(_BD_HEADER, measured, caption))
        if published:
            parts.append("<details><summary>Published curves</summary>")
            parts.append(_table_html(_BD_HEADER, published, f"{caption}; published means") + "</details>")
        parts.append("</details>")
    return "".join(parts) or "<p>None: the reference codec is not among the results.</p>"


_BD_HEADER = ["codec", "averaged curve %", "mean of images %", "images", "gain dB", "overlap dB", "remark"]


def _bd_lines(rows: list[BDRow]) -> list[list[str]]:
    lines = []
    for row in rows:
        bd = row.of_mean_curve
        overlap = "-" if bd.low is None else f"{bd.low:.1f} .. {bd.high:.1f}"
        rates = [signed(bd.rate_percent), signed(row.mean_of_images), str(row.num_images or "-")]
        lines.append([row.codec, *rates, signed(bd.gain, 2), overlap, bd.warning])
    return lines


def _speed_html(rows: list[dict], jobs: int) -> str:
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
    caption = f"Medians over all files of one run each, {jobs} process{'es' if jobs > 1 else ''}"
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
