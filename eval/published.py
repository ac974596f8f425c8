"""Published curves of other codecs, for the same test pictures, from a JSON file.

The file: {"dataset": words, "curves": {name: {"label": words, "source": words, "points": [
{"bpp": number, "psnr_rgb_db": number, "ms_ssim": number, if known}]}}}.
"""

import json
from pathlib import Path

from eval.errors import EvalError

KODAK = Path(__file__).with_name("published_kodak.json")


def load(choice: str, pictures_folder: Path) -> dict:
    """The curves to draw beside a run; empty where there are none for its pictures.

    Args:
        choice: "auto" (the shipped Kodak curves if the folder is called so), "none", "kodak", or a file.

    Raises:
        EvalError: the file is missing or of another kind.
    """
    # Exactly so: the published means are of all 24 pictures, and say nothing beside a part of them.
    if choice == "none" or (choice == "auto" and pictures_folder.resolve().stem.lower() != "kodak"):
        return {}
    path = KODAK if choice in ("auto", "kodak") else Path(choice)
    try:
        curves = json.loads(path.read_text())["curves"]
        for curve in curves.values():
            (
                curve["label"],
                curve["source"],
                [(float(p["bpp"]), float(p["psnr_rgb_db"])) for p in curve["points"]],
            )
    except OSError as error:
        raise EvalError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EvalError(f"{path}: not a file of published curves; {KODAK.name} is an example") from None
    return curves
