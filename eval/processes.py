"""Whole processes: a codec's command line from start to exit, with its seconds and its peak memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from eval import codecs
from eval.errors import EvalError

# The shortest script that does it with Pillow: format, options, plugin to import, then sources and targets in
# turn. Pillow's codecs let go of the interpreter's lock, so threads keep all processors busy.
_PILLOW_SCRIPT = """
import sys, json, importlib, os
from PIL import Image
format, options, plugin, *paths = sys.argv[1:]
if plugin:
    importlib.import_module(plugin)
options = json.loads(options)
def convert(source, target):
    Image.open(source).convert("RGB").save(target, format, **options)
if len(paths) == 2:
    convert(*paths)
else:
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(convert, paths[::2], paths[1::2]))
"""

# Runs a command and prints its seconds, peak memory in kB or its last words. A process of its own:
# a child's peak counts from its parent's size, and this parent is small.
_LAUNCHER = """
import sys, subprocess, time
started = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
seconds = time.perf_counter() - started
if done.returncode:
    sys.exit((done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1])
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
except ImportError:
    peak = 0
print(seconds, peak)
"""


def encode_command(codec, quality: float, sources: list[Path], folder: Path) -> list[str]:
    """The command that encodes PNG files of one size into a folder, under their names."""
    if isinstance(codec, codecs.LearnedCodec):
        options = ["-q", f"{quality:g}"]
        for name, value in codec.options.items():
            options += [f"--{name.replace('_', '-')}", str(value)]
        return our_command("encode", sources, folder, *options)
    with Image.open(sources[0]) as image:
        options = codec.save_options(quality, image.size)
    return _pillow_command(codec, codec.format, options, sources, folder, codec.suffix)


def decode_command(codec, sources: list[Path], folder: Path) -> list[str]:
    """The command that decodes files into PNG files in a folder, under their names."""
    if isinstance(codec, codecs.LearnedCodec):
        return our_command("decode", sources, folder)
    # As fast as our own command line writes PNG files: it is not what is measured.
    return _pillow_command(codec, "PNG", {"compress_level": 1}, sources, folder, ".png")


def our_command(kind: str, sources: list[Path], folder: Path, *options: str) -> list[str]:
    """Our own command line, with all processors on one picture, or each on a picture of its own."""
    many = ["-j", str(os.cpu_count())] if len(sources) > 1 else []
    outputs = ["-o", f"{folder}{os.sep}", *many, *options]
    return [sys.executable, "-m", "compressor", kind, *map(str, sources), *outputs]


def _pillow_command(codec, format_: str, options: dict, sources: list[Path], folder: Path, suffix: str):
    paths = [str(path) for source in sources for path in (source, folder / f"{source.stem}{suffix}")]
    return [sys.executable, "-c", _PILLOW_SCRIPT, format_, json.dumps(options), codec.plugin, *paths]


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds and peak resident memory in MB of a command, and of the largest process that it starts.

    Raises:
        EvalError: if it fails; with its last line.
    """
    root = Path(__file__).resolve().parent.parent  # where `python -m compressor` is found
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command]
    done = subprocess.run(launcher, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise EvalError(done.stderr)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak / (1024**2 if sys.platform == "darwin" else 1024)
