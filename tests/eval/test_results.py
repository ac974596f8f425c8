"""The committed results."""

from pathlib import Path

from eval.codecs import is_ours
from eval.outputs import rows_from_csv

RESULTS = Path(__file__).parents[2] / "eval" / "results"


def test_our_codecs_were_measured_with_one_version():
    rows = rows_from_csv((RESULTS / "kodak.csv").read_text())
    assert len({row["codec_version"] for row in rows if is_ours(row["codec"])}) == 1


def test_every_codec_has_every_picture():
    rows = rows_from_csv((RESULTS / "kodak.csv").read_text())
    for codec in {row["codec"] for row in rows}:
        pictures = [row["image"] for row in rows if row["codec"] == codec]
        assert len(set(pictures)) == 24
        assert {pictures.count(name) for name in pictures} == {len(pictures) / 24}
