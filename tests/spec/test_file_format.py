"""The fixed values of the file format are those of FORMAT.md."""

from functools import reduce
from operator import or_
from pathlib import Path

from compressor.spec.file_format import FORMAT_VERSION, MAGIC, OPTIONAL_SECTIONS, PICTURE, Flags

FORMAT_DOCUMENT = Path(__file__).parents[2] / "FORMAT.md"


def test_magic_and_version():
    assert (MAGIC, FORMAT_VERSION) == (b"CMPR", 1)
    assert MAGIC.decode() in FORMAT_DOCUMENT.read_text(encoding="utf-8")


def test_flags_are_single_bits():
    assert [int(flag) for flag in Flags] == [1, 2, 4, 8, 16, 32, 64]
    assert int(reduce(or_, Flags)) == 0b1111111


def test_sections_are_in_the_order_of_their_flags():
    flags = list(OPTIONAL_SECTIONS.values())
    assert flags == [Flags.ICC, Flags.EXIF, Flags.XMP, Flags.ALPHA, Flags.EXACT, Flags.QUALITY_MAP]
    assert [name.upper() for name in OPTIONAL_SECTIONS] == [flag.name for flag in flags]


def test_the_picture_has_no_flag():
    assert PICTURE not in OPTIONAL_SECTIONS
