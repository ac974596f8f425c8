"""Time and peak memory of a codec's command line, as a whole process."""

import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from eval.codecs import Codec, LearnedCodec, PillowCodec
from eval.errors import EvalError

# This script converts files with Pillow. Its arguments are format, options and plugin to import, then sources
# and targets in turn.
# Pillow's codecs release the GIL, so threads use all processors.
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

# This script runs a command and prints its seconds and its peak memory in kB, or the last line of its errors.
# The peak of a child includes the memory of the parent that forked it, so the parent must be a small script.
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


def encode_command(codec: Codec, quality: float, sources: list[Path], folder: Path) -> list[str]:
    """Return the command that encodes PNG files of one size into a folder, keeping their names.

    Raises:
        EvalError: if the codec is neither one of Pillow nor our own.
    """
    if isinstance(codec, LearnedCodec):
        options = ["-q", f"{quality:g}", *_weights(codec)]
        for name, value in codec.options.items():
            options += [f"--{name.replace('_', '-')}", str(value)]
        return our_command("encode", sources, folder, *options)
    if not isinstance(codec, PillowCodec):
        raise EvalError("it has no command line")
    with Image.open(sources[0]) as image:
        options = codec.save_options(quality, image.size)
    return _pillow_command(codec, codec.format, options, sources, folder, codec.suffix)


def decode_command(codec: Codec, sources: list[Path], folder: Path) -> list[str]:
    """Return the command that decodes files to PNG files in a folder, keeping their names."""
    if isinstance(codec, LearnedCodec):
        return our_command("decode", sources, folder, *_weights(codec))
    # Our own command line uses this level too, because PNG is not what is measured.
    return _pillow_command(codec, "PNG", {"compress_level": 1}, sources, folder, ".png")


def _weights(codec: LearnedCodec) -> list[str]:
    return ["--weights", codec.weights] if codec.weights else []


def our_command(kind: str, sources: list[Path], folder: Path, *options: str) -> list[str]:
    """Return our own command line; it handles several files in parallel, one on each processor."""
    many = ["-j", str(os.cpu_count())] if len(sources) > 1 else []
    outputs = ["-o", f"{folder}{os.sep}", *many, *options]
    return [sys.executable, "-m", "compressor", kind, *map(str, sources), *outputs]


def _pillow_command(
    codec: PillowCodec, format_: str, options: dict, sources: list[Path], folder: Path, suffix: str
) -> list[str]:
    """Return the command that converts files with Pillow."""
    paths = [str(path) for source in sources for path in (source, folder / f"{source.stem}{suffix}")]
    return [sys.executable, "-c", _PILLOW_SCRIPT, format_, json.dumps(options), codec.plugin, *paths]


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command.

    Returns:
        Seconds, and the peak resident memory in MB of the largest of the command's processes.

    Raises:
        EvalError: if the command fails; the message is the last line of its errors.
    """
    root = Path(__file__).resolve().parent.parent  # so that `python -m compressor` is found
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command]
    # Let this package cache its bytecode, as an installed one does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(launcher, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise EvalError(done.stderr)
    seconds, peak = map(float, done.stdout.split())
    # Linux counts in kibibytes, macOS in bytes.
    return seconds, peak * (1 if sys.platform == "darwin" else 1024) / 1e6
