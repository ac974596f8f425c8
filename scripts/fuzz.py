"""Coverage-guided fuzzing of the decoder: `python -m scripts.fuzz out/fuzz -max_total_time=1800`.

Arguments are passed to libFuzzer. The folder keeps the inputs that reached new code. An input that makes the
decoder fail is written to `tests/corrupt`, and a test decodes it from then on.
"""

import os
import random
import sys
import warnings
import zlib
from pathlib import Path

# Pictures are tiny here: a second thread would only wait for the first.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import atheris  # noqa: E402

with atheris.instrument_imports(include=["compressor"]):
    import compressor
    import compressor.coding.loading
    from compressor.bitstream.container import write_container
    from compressor.bitstream.header import unpack_header
    from compressor.bitstream.varint import read_varint
    from compressor.errors import CompressorError
    from compressor.spec.file_format import OPTIONAL_SECTIONS, PICTURE, QUALITY_MAP, Flags
    from compressor.spec.quality import NUM_LEVELS
    from compressor.weights.shipped import shipped_models

TESTS = Path(__file__).parents[1] / "tests"
# All shipped models divide a picture of 2049x1 into several tiles.
MAX_PIXELS = 8192
RUNTIME = compressor.Runtime(engine="onnxruntime", threads=1)
SIDES = (1, 2, 15, 16, 17, 33, 64, 513, 2049, 2**31 - 1)
# Atheris itself leaks about 2 kB of memory for each input; the decoder alone leaks none.
LIBFUZZER_OPTIONS = (
    "-max_len=4096",
    "-timeout=20",
    "-report_slow_units=20",
    "-rss_limit_mb=6144",
    f"-artifact_prefix={TESTS / 'corrupt'}{os.sep}",
)


def decode_or_refuse(data: bytes) -> None:
    """Check that the decoder returns the announced picture or raises a CompressorError."""
    try:
        info = compressor.read_info(data, partial=True, max_pixels=MAX_PIXELS)
        # A whole stream is checked in full; one that is cut off is decoded as far as it reaches.
        picture = compressor.decode(data, partial=True, max_pixels=MAX_PIXELS, runtime=RUNTIME)
    except CompressorError:
        return
    picture.load()
    if (picture.mode, picture.size) != (info.mode, (info.width, info.height)):
        raise RuntimeError(f"announced {info}, decoded {picture}")


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a header field or a payload, and fix the checksums; sometimes change arbitrary bytes."""
    chance = random.Random(seed)
    parts = take_apart(data)
    if parts is None or chance.random() < 0.1:
        return atheris.Mutate(data, max_size)
    sections = parts["sections"]
    if chance.random() < 0.3:
        field, values = chance.choice(
            [
                ("width", SIDES),
                ("height", SIDES),
                ("level", range(NUM_LEVELS)),
                ("gray", (False, True)),
                ("model_id", (*shipped_models().values(), 255)),
            ]
        )
        parts[field] = chance.choice(values)
    else:
        name = chance.choice([*sections, PICTURE, PICTURE])
        payload = (mutate_map if name == QUALITY_MAP else atheris.Mutate)(sections[name], max_size)
        # The entropy coder reads whole words. A few payloads keep a wrong length, which must be refused.
        whole = name == PICTURE and chance.random() < 0.9
        sections[name] = payload[: len(payload) // 4 * 4] if whole else payload
    return write_container(**parts)[:max_size]


def mutate_map(payload: bytes, max_size: int) -> bytes:
    """Change the values of a quality map, but not their number: most other changes would be refused early."""
    try:
        values = zlib.decompress(payload)
    except zlib.error:
        return atheris.Mutate(payload, max_size)
    return zlib.compress(atheris.Mutate(values, max_size)[: len(values)].ljust(len(values), b"\0"))


def take_apart(data: bytes) -> dict | None:
    """Return the arguments of `write_container` for a stream, whose lengths and checksums may be wrong."""
    try:
        header, offset = unpack_header(data)
        sections = {}
        present = [name for name, flag in OPTIONAL_SECTIONS.items() if flag in header.flags]
        for name in [*present, PICTURE]:
            length, start = read_varint(data, offset)
            sections[name], offset = data[start : start + length], start + length + 4
    except CompressorError:
        return None
    return {
        "model_id": header.model_id,
        "level": header.level,
        "width": header.width,
        "height": header.height,
        "gray": Flags.GRAY in header.flags,
        "sections": sections,
    }


def main() -> None:
    """Fuzz until libFuzzer's limits are reached or a check fails."""
    warnings.simplefilter("error", RuntimeWarning)
    folders = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    for folder in folders:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for stream in (*TESTS.glob("golden/*.cmpr"), *TESTS.glob("corrupt/*")):
            (Path(folder) / stream.name).write_bytes(stream.read_bytes())
    atheris.Setup([sys.argv[0], *LIBFUZZER_OPTIONS, *sys.argv[1:]], decode_or_refuse, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
