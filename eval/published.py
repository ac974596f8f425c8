"""Published curves of other codecs for the same test pictures, from a JSON file.

Its format: {"dataset": text, "curves": {name: {"label": text, "source": text, "points": [
{"bpp": number, "psnr_rgb_db": number, ...}]}}}. Points may have more metrics, named as in `eval.metrics`.
"""

import json
from pathlib import Path

from eval.errors import EvalError

KODAK = Path(__file__).with_name("published_kodak.json")
# The curves of that file that plots show.
_SHOWN_OF_KODAK = ("vtm", "bmshj2018-hyperprior", "mbt2018")


def load(choice: str, pictures: Path) -> dict:
    """Load the curves to show with a run.

    Args:
        choice: "kodak", "none", a file, or "auto": the Kodak curves if `pictures` is named kodak or
            kodak.csv, in any case.
        pictures: folder of the run's pictures, or CSV file of an earlier run.

    Returns:
        Curves by name; empty for "none", and for "auto" with other pictures. Those with a true "shown", a few
        of Kodak's or all of another file, are in plots. The report shows them by default, and can show the
        others too.

    Raises:
        EvalError: if the file is missing or has another format.
    """
    # The name must match exactly: the published means are over all 24 pictures, not comparable with a subset.
    is_kodak = pictures.resolve().name.lower() in ("kodak", "kodak.csv")
    if choice == "none" or (choice == "auto" and not is_kodak):
        return {}
    path = KODAK if choice in ("auto", "kodak") else Path(choice)
    try:
        curves = json.loads(path.read_text(encoding="utf-8"))["curves"]
        for name, curve in curves.items():
            points = [{key: float(value) for key, value in point.items()} for point in curve["points"]]
            if not all(point["bpp"] > 0 and "psnr_rgb_db" in point for point in points):
                raise ValueError("a point without a rate or PSNR")
            curve |= {"label": str(curve["label"]), "source": str(curve["source"]), "points": points}
            curve["shown"] = path != KODAK or name in _SHOWN_OF_KODAK
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EvalError(f"{path}: not a file of published curves; see {KODAK.name} for an example") from None
    return curves
