"""The pictures inside the report: some of the run's, by every codec, at equal bits per pixel.

What is embedded are the decoded pixels, lossless: a browser's own decoder may round otherwise, and
has none for most of the formats.
"""

import base64
import io

import numpy as np
from PIL import Image
from tqdm import tqdm

from eval.images import Picture, pixels
from eval.match import quality_for_bpp
from eval.measure import Cache, Task, measure

MAX_SIDE_PX = 768  # a larger picture is shown by its centre: the viewer is for looking at pixels


def spread(items: list, wanted: int) -> list:
    """`wanted` items, evenly over the list."""
    wanted = min(wanted, len(items))
    return [items[(2 * index + 1) * len(items) // (2 * wanted)] for index in range(wanted)]


def crop_box(width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, width, height of the part that is shown."""
    shown_width, shown_height = min(width, MAX_SIDE_PX), min(height, MAX_SIDE_PX)
    return (width - shown_width) // 2, (height - shown_height) // 2, shown_width, shown_height


def data_uri(image_uint8: np.ndarray) -> str:
    height, width = image_uint8.shape[:2]
    left, top, width, height = crop_box(width, height)
    file = io.BytesIO()
    part = Image.fromarray(np.ascontiguousarray(image_uint8[top : top + height, left : left + width]))
    part.save(file, "WEBP", lossless=True, quality=50, method=3)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def build(
    pictures: list[Picture],
    codecs: list,
    targets_bpp: list[float],
    cache: Cache,
    rows: list[dict],
    limit_mb: float,
    quiet: bool = False,
) -> dict:
    """The viewer's data; groups of (picture, rate) are added while they fit into the limit."""
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


def _item(picture: Picture, codec, target_bpp: float, cache: Cache, rows: list[dict]) -> dict | None:
    """One codec's picture at this rate, or None where its scale does not reach it or it fails."""
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
        quality = quality_for_bpp(
            lambda quality: measure(task(quality), cache)["bpp"], target_bpp, known, codec.whole_qualities
        )
        if quality is None:
            return None
        row = measure(task(quality), cache)
        decoded = codec.decode(cache.encoded_path(task(quality)).read_bytes())
    except Exception:  # noqa: BLE001  the run has reported this codec's failures; the viewer shows the rest
        return None
    return {
        "codec": codec.name,
        "quality": quality,
        "bpp": row["bpp"],
        "psnr_rgb_db": None if row["lossless"] else row["psnr_rgb_db"],
        "ms_ssim": row["ms_ssim"],
        "src": data_uri(decoded),
    }
