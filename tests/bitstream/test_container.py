"""Sections with their lengths and checksums: round trips, damage, truncation."""

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.bitstream.container import (
    read_beginning,
    read_container,
    read_preamble,
    verify_container,
    write_container,
)
from compressor.bitstream.varint import MAX_VALUE, write_varint
from compressor.errors import CorruptStreamError, NotAStreamError, StreamError, TruncatedStreamError
from compressor.spec.file_format import OPTIONAL_SECTIONS, PICTURE, SKIPPED_BITS, Flags
from tests.samples import with_later_section

SECTIONS = st.fixed_dictionaries(
    {PICTURE: st.binary(max_size=300)},
    optional={name: st.binary(min_size=1, max_size=200) for name in OPTIONAL_SECTIONS},
)


def make(sections, *, gray=False):
    return write_container(model_id=1, level=196, width=768, height=512, gray=gray, sections=sections)


FULL = make({name: name.encode() * 20 for name in (*OPTIONAL_SECTIONS, PICTURE)})


@given(SECTIONS, st.booleans())
def test_sections_round_trip(sections, gray):
    data = make(sections, gray=gray)
    container = read_container(data)
    assert container.sections == sections
    assert (container.header.width, container.header.height, container.header.level) == (768, 512, 196)
    assert (Flags.GRAY in container.header.flags) == gray


@given(SECTIONS)
def test_preamble_needs_all_but_the_picture(sections):
    data = make(sections)
    needed = len(data) - 4 - len(sections["picture"])
    preamble = read_preamble(data[:needed])
    assert preamble.sections == {name: sections[name] for name in OPTIONAL_SECTIONS if name in sections}
    assert preamble.section_num_bytes == {name: len(payload) for name, payload in sections.items()}
    assert preamble.num_bytes == len(data)
    with pytest.raises(TruncatedStreamError):
        read_preamble(data[: needed - 1])


def test_layout():
    data = make({"picture": b"pixels", "icc": b"profile"})
    header = b"CMPR\x01\x01\x01\xc4\x00\x80\x06\x80\x04"
    before_crc = header + b"\x07profile"
    crc_of_icc = struct.pack("<I", zlib.crc32(before_crc))
    crc_of_picture = struct.pack("<I", zlib.crc32(before_crc + b"\x06pixels"))
    assert data == before_crc + crc_of_icc + b"\x06pixels" + crc_of_picture


def test_example_of_the_format_document():
    text = (Path(__file__).parents[2] / "FORMAT.md").read_text(encoding="utf-8")
    example = text.split("## Example")[1].split("```")[1]
    data = bytes.fromhex("".join(line.split("    ")[0] for line in example.splitlines()))
    assert make({"picture": b"PPP"}) == data


@pytest.mark.parametrize("num_bytes", [20_000, 2_000_000, 20_000_000])
def test_overhead_of_a_photograph_without_metadata(num_bytes):
    data = write_container(
        model_id=1, level=196, width=30_000, height=20_000, gray=False, sections={"picture": bytes(num_bytes)}
    )
    assert len(data) - num_bytes <= 24


def test_empty_optional_sections_are_left_out():
    assert make({"picture": b"x", "icc": b"", "alpha": b""}) == make({"picture": b"x"})


def test_every_truncation_is_reported_as_such():
    for length in range(1, len(FULL)):
        with pytest.raises(TruncatedStreamError):
            read_container(FULL[:length])


def test_the_beginning_of_a_stream():
    """All of it before the payload of the picture has to be there, and is checked."""
    whole = read_container(FULL)
    picture = whole.sections["picture"]
    start = len(FULL) - 4 - len(picture)
    for length in range(1, start + 1):
        with pytest.raises(TruncatedStreamError):
            read_beginning(FULL[:length])
    for length in range(start + 1, len(FULL)):
        container, is_cut = read_beginning(FULL[:length])
        assert is_cut == (length - start < len(picture))
        assert container.header == whole.header
        assert container.sections == whole.sections | {"picture": picture[: length - start]}
    assert read_beginning(FULL) == (whole, False)
    without_picture = make({"stored": b"all", "picture": b""})
    assert read_beginning(without_picture[:-1])[0].sections["picture"] == b""
    with pytest.raises(CorruptStreamError):
        read_beginning(FULL + b"x")
    with pytest.raises(CorruptStreamError, match="icc"):
        read_beginning(FULL[:-5].replace(whole.sections["icc"], b"?" * len(whole.sections["icc"])))


@pytest.mark.parametrize("bit", SKIPPED_BITS)
def test_sections_of_later_versions_are_skipped(bit):
    stream = with_later_section(FULL, bit, b"later")
    assert read_container(stream).sections == read_container(FULL).sections
    preamble = read_preamble(stream)
    assert preamble.sections == read_preamble(FULL).sections
    assert preamble.section_num_bytes == read_preamble(FULL).section_num_bytes
    assert preamble.num_bytes == len(stream)
    at = stream.index(b"later")
    with pytest.raises(CorruptStreamError, match=rf"checksum of the unknown \(bit {bit}\) section"):
        read_container(stream[:at] + b"L" + stream[at + 1 :])
    with pytest.raises(TruncatedStreamError, match=rf"unknown \(bit {bit}\)"):
        read_preamble(stream[: at + 5])


@pytest.mark.parametrize("stream", [FULL, with_later_section(FULL, 20, b"later")], ids=["known", "later"])
def test_every_change_of_one_byte_is_noticed(stream):
    for position in range(len(stream)):
        for change in (0x01, 0x10, 0x80, 0xFF):
            damaged = bytearray(stream)
            damaged[position] ^= change
            with pytest.raises(StreamError):
                read_container(bytes(damaged))


@given(st.lists(st.tuples(st.integers(0, len(FULL) - 1), st.integers(0, 255)), max_size=12))
def test_several_changes_are_noticed(changes):
    damaged = bytearray(FULL)
    for position, value in changes:
        damaged[position] = value
    if damaged != FULL:
        with pytest.raises(StreamError):
            read_container(bytes(damaged))


@given(st.binary(max_size=64))
def test_random_bytes_after_the_magic_bytes_give_typed_errors(tail):
    with pytest.raises(StreamError):
        read_container(b"CMPR\x01" + tail)


@given(st.binary(min_size=1, max_size=40))
def test_bytes_after_the_end_are_refused(rest):
    with pytest.raises(CorruptStreamError, match="cut off what follows"):
        read_container(FULL + rest)


def test_a_section_of_another_stream_is_noticed():
    """The checksum of a section also covers all before it."""
    other = write_container(
        model_id=1, level=196, width=512, height=768, gray=False, sections=read_container(FULL).sections
    )
    assert len(other) == len(FULL)
    start_of_picture = len(FULL) - 4 - 140 - 2
    with pytest.raises(CorruptStreamError, match="picture"):
        read_container(other[:start_of_picture] + FULL[start_of_picture:])


def test_a_length_beyond_the_data_is_not_believed():
    data = make({"picture": b"x"})
    header = data[:-6]
    assert data == header + b"\x01x" + data[-4:]
    with pytest.raises(TruncatedStreamError, match="get the whole file"):
        read_container(header + write_varint(MAX_VALUE) + b"x" + data[-4:])


def test_a_flagged_section_must_not_be_empty():
    data = make({"picture": b"x", "icc": b"p"})
    with pytest.raises(CorruptStreamError, match="length of the icc section is 0"):
        read_container(data.replace(b"\x01p", b"\x00"))


def test_empty_input():
    with pytest.raises(NotAStreamError):
        read_container(b"")


def test_a_stream_is_verified():
    sections = {"picture": b"pixels", "alpha": b"a", "exif": b""}
    stream = write_container(model_id=1, level=0, width=1, height=1, gray=False, sections=sections)
    verify_container(stream, sections)
    with pytest.raises(CorruptStreamError, match="does not reproduce its sections"):
        verify_container(stream, sections | {"exif": b"e"})
