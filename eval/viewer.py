"""Data of the report's viewer: some pictures of the run, coded by every codec at equal bits per pixel.

Decoded pixels are embedded losslessly, because browsers decode few of the formats and may round differently.
"""

import base64
import io

import numpy as np
from PIL import Image
from tqdm import tqdm

from eval.codecs import Codec
from eval.errors import described, warn
from eval.images import Picture, pixels
from eval.match import is_near, quality_for_bpp
from eval.measure import Cache, Task, measure
from eval.metrics import METRICS

# Larger pictures are cropped to their centre.
MAX_SIDE_PX = 768


def crop_box(width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, width and height in pixels of the part that is shown.

    Example:
        >>> crop_box(2000, 500)
        (616, 0, 768, 500)
    """
    shown_width, shown_height = min(width, MAX_SIDE_PX), min(height, MAX_SIDE_PX)
    return (width - shown_width) // 2, (height - shown_height) // 2, shown_width, shown_height


def data_uri(image_uint8: np.ndarray) -> str:
    """Return the part of a picture (H, W, 3) that is shown, as lossless WebP in a data URI."""
    height, width = image_uint8.shape[:2]
    left, top, width, height = crop_box(width, height)
    file = io.BytesIO()
    part = Image.fromarray(np.ascontiguousarray(image_uint8[top : top + height, left : left + width]))
    part.save(file, "WEBP", lossless=True, quality=50, method=3)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def build(
    pictures: list[Picture],
    codecs: list[Codec],
    targets_bpp: list[float],
    cache: Cache,
    rows: list[dict],
    limit_mb: float,
    quiet: bool = False,
) -> dict:
    """Encode the pictures at each rate and return the data of viewer.js.

    Args:
        pictures: pictures to show.
        codecs: codecs to show.
        targets_bpp: rates to compare at.
        cache: cache in which encoded files are looked up and stored.
        rows: results of the run, from which the search for a quality starts.
        limit_mb: limit on the total size of the pictures; the rest are left out.
        quiet: whether to hide the progress bar.
    """
    groups = [(picture, target) for picture in pictures for target in targets_bpp]
    shown: dict[str, dict] = {}
    used = 0
    num_groups = 0
    for picture, target in tqdm(groups, desc="viewer", unit="set", disable=True if quiet else None):
        items = [item for codec in codecs if (item := _item(picture, codec, target, cache, rows))]
        if not items:
            continue
        original = "" if picture.name in shown else data_uri(pixels(picture.path))
        size = len(original) + sum(len(item["src"]) for item in items)
        if used + size > limit_mb * 1e6:
            break
        used += size
        num_groups += 1
        if original:
            left, top, width, height = crop_box(picture.width, picture.height)
            cropped = (width, height) != (picture.width, picture.height)
            shown[picture.name] = {
                "name": picture.name,
                "width": width,
                "height": height,
                "crop": f"centre of {picture.width}x{picture.height}" if cropped else "",
                "original": original,
                "rates": [],
            }
        shown[picture.name]["rates"].append({"bpp": target, "items": items})
    complete = num_groups == len(groups)
    return {"pictures": list(shown.values()), "mb": used / 1e6, "limit_mb": limit_mb, "complete": complete}


def _item(picture: Picture, codec: Codec, target_bpp: float, cache: Cache, rows: list[dict]) -> dict | None:
    """Return one codec's picture near this rate, or None if the codec fails or does not reach the rate."""
    version = codec.version()

    def task(quality: float) -> Task:
        return Task(picture, codec, version, quality)

    known = [
        (row["bpp"], row["quality"])
        for row in rows
        if row["image"] == picture.name and row["codec"] == codec.name
    ]
    if not known:
        return None
    try:
        quality, found = quality_for_bpp(
            lambda quality: measure(task(quality), cache)["bpp"], target_bpp, known, codec.whole_qualities
        )
        if not is_near(found, target_bpp):
            return None
        row = measure(task(quality), cache)
        decoded = codec.decode(cache.encoded_path(task(quality)).read_bytes())
    except Exception as error:  # noqa: BLE001  the other codecs are still shown
        warn(f"not in the viewer: {codec.name}, {picture.name}: {described(error)}")
        return None
    return {
        "codec": codec.name,
        "quality": quality,
        "bpp": row["bpp"],
        "values": _values_text(row),
        "src": data_uri(decoded),
    }


def _values_text(row: dict) -> str:
    """List the metrics of a row; "lossless" stands for all of them."""
    if row["lossless"]:
        return "lossless"
    measured = [metric for metric in METRICS if row[metric.name] is not None]
    return ", ".join(f"{metric.label} {metric.text(row[metric.name])}" for metric in measured)
