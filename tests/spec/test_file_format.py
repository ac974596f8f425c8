"""The fixed values of the file format are those of FORMAT.md."""

import re
from pathlib import Path

from compressor.spec.file_format import (
    FORMAT_VERSION,
    MAGIC,
    OPTIONAL_SECTIONS,
    PICTURE,
    SKIPPED_BITS,
    Flags,
)

FORMAT_DOCUMENT = (Path(__file__).parents[2] / "FORMAT.md").read_text(encoding="utf-8")


def rows_after(header):
    """The rows of the table of FORMAT.md with a header, as lists of cells."""
    table = FORMAT_DOCUMENT.split(header)[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_magic_and_version():
    assert rows_after("| bytes | field | meaning |")[0][2].startswith(f"`{MAGIC.decode()}`")
    assert FORMAT_DOCUMENT.startswith(f"# The .cmpr file format, version {FORMAT_VERSION}\n")


def test_flags():
    rows = rows_after("| bit of flags | meaning |")
    *single, later, others = (row[0] for row in rows)
    assert {int(bit): int(value, 16) for bit, value in (re.findall(r"\w+", cell) for cell in single)} == {
        number: int(flag) for number, flag in enumerate(Flags)
    }
    assert later == f"{SKIPPED_BITS[0]} to {SKIPPED_BITS[-1]}"
    assert others == "others"
    for flag, (_, meaning) in zip(Flags, rows, strict=False):
        assert flag.name.replace("_", " ").lower() in meaning.lower()


def test_sections():
    names = [row[0].lower().replace(" ", "_") for row in rows_after("| section | payload |")]
    assert names == [*OPTIONAL_SECTIONS, PICTURE]
    assert [flag.name.lower() for flag in OPTIONAL_SECTIONS.values()] == names[:-1]
