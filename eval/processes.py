"""Time and peak memory of a codec's command line, as a whole process."""

import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from eval import codecs
from eval.errors import EvalError

# Converts with Pillow. Arguments: format, options, plugin to import, then sources and targets in turn.
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

# Runs a command and prints its seconds and peak memory in kB, or the last line of its errors. A child's peak
# includes the memory of the parent that forked it, so the parent must be this small process.
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
    """Return the command that encodes PNG files of one size into a folder, keeping their names.

    Raises:
        EvalError: if the codec is neither one of Pillow nor our own.
    """
    if isinstance(codec, codecs.LearnedCodec):
        options = ["-q", f"{quality:g}", *_weights(codec)]
        for name, value in codec.options.items():
            options += [f"--{name.replace('_', '-')}", str(value)]
        return our_command("encode", sources, folder, *options)
    if not isinstance(codec, codecs.PillowCodec):
        raise EvalError("it has no command line")
    with Image.open(sources[0]) as image:
        options = codec.save_options(quality, image.size)
    return _pillow_command(codec, codec.format, options, sources, folder, codec.suffix)


def decode_command(codec, sources: list[Path], folder: Path) -> list[str]:
    """Return the command that decodes files to PNG files in a folder, keeping their names."""
    if isinstance(codec, codecs.LearnedCodec):
        return our_command("decode", sources, folder, *_weights(codec))
    # The level that our own command line uses; PNG is not what is measured.
    return _pillow_command(codec, "PNG", {"compress_level": 1}, sources, folder, ".png")


def _weights(codec: codecs.LearnedCodec) -> list[str]:
    return ["--weights", codec.weights] if codec.weights else []


def our_command(kind: str, sources: list[Path], folder: Path, *options: str) -> list[str]:
    """Return our own command line; several files are handled in parallel, one per processor."""
    many = ["-j", str(os.cpu_count())] if len(sources) > 1 else []
    outputs = ["-o", f"{folder}{os.sep}", *many, *options]
    return [sys.executable, "-m", "compressor", kind, *map(str, sources), *outputs]


def _pillow_command(codec, format_: str, options: dict, sources: list[Path], folder: Path, suffix: str):
    """Return the command that converts files with Pillow."""
    paths = [str(path) for source in sources for path in (source, folder / f"{source.stem}{suffix}")]
    return [sys.executable, "-c", _PILLOW_SCRIPT, format_, json.dumps(options), codec.plugin, *paths]


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command.

    Returns:
        Seconds, and the peak resident memory in MB of the largest process it started, itself included.

    Raises:
        EvalError: the command failed; the message is the last line of its errors.
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
