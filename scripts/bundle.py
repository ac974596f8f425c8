"""Pack code, packages and pictures into one tar file, for training on a machine without network access.

The tar holds the code, the wheels of an extra for this platform and Python, the pictures as shards, and
`start.sh`, which installs them into a virtual environment and hands its arguments to `python -m training`:

    python -m scripts.bundle --data photos/ --extra train --out bundle.tar
    tar xf bundle.tar && bundle/start.sh --out runs/first --minutes 600
"""

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from compressor.atomic import atomic_path
from compressor.cli.files import check_output
from compressor.errors import CompressorError, shown
from training.data import encoded_images, is_image
from training.errors import TrainingError

ROOT = Path(__file__).resolve().parents[1]
SHARD_BYTES = 256 << 20
START = """\
#!/bin/sh
# Installs the packages in this folder, without network access, and runs `python -m training`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# `complete` is written last, so that an interrupted installation starts again.
if [ ! -e "$here/venv/complete" ]; then
    "${PYTHON:-python3}" -m venv --clear "$here/venv"
    "$here/venv/bin/python" -m pip install -q --no-index --find-links "$here/wheels" 'compressor[EXTRA]'
    touch "$here/venv/complete"
fi
export PYTHONPATH="$here/code"
case "${1:-}" in
    export|plot|macs) exec "$here/venv/bin/python" -m training "$@" ;;
    run|filter) command=$1; shift; set -- "$command" --data "shards:$here/data/photos-*.tar" "$@" ;;
    *) set -- run --data "shards:$here/data/photos-*.tar" "$@" ;;
esac
exec "$here/venv/bin/python" -m training "$@"
"""


def code_files() -> list[str]:
    """Return the paths of tracked files and of untracked files that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def shards(source: str, limit: int = SHARD_BYTES) -> Iterator[bytes]:
    """Yield the pictures of a source as tar files of about `limit` bytes each."""
    buffer = io.BytesIO()
    tar = tarfile.open(fileobj=buffer, mode="w")

    def warn(name: str, reason: str) -> None:
        print(f"left out: {name} ({reason})", file=sys.stderr)

    for number, (name, data) in enumerate(encoded_images(source, warn)):
        if buffer.tell() > limit:
            tar.close()
            yield buffer.getvalue()
            buffer = io.BytesIO()
            tar = tarfile.open(fileobj=buffer, mode="w")
        # Training chooses the files of a tar by their suffix, which pictures of tensorflow-datasets lack.
        suffix = "" if is_image(name) else f".{Image.open(io.BytesIO(data)).format}".lower()
        # Pictures of different folders may share a name.
        member = tarfile.TarInfo(f"{number:07d}-{Path(name).name}{suffix}")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    tar.close()
    yield buffer.getvalue()


def write_bundle(out: Path, source: str, wheels: Path, extra: str) -> None:
    """Write the tar file.

    Args:
        out: path of the file; an existing file is replaced.
        source: source of pictures, as `python -m training --data` takes it.
        wheels: folder of wheels, including the project's own.
        extra: name of an extra of the project, for `start.sh`.
    """
    with atomic_path(out) as temporary, tarfile.open(temporary, "w") as bundle:

        def add(name: str, data: bytes, mode: int = 0o644) -> None:
            member = tarfile.TarInfo(f"bundle/{name}")
            member.size, member.mode = len(data), mode
            bundle.addfile(member, io.BytesIO(data))

        add("start.sh", START.replace("EXTRA", extra).encode(), 0o755)
        for name in code_files():
            bundle.add(ROOT / name, f"bundle/code/{name}")
        for wheel in sorted(wheels.glob("*.whl")):
            bundle.add(wheel, f"bundle/wheels/{wheel.name}")
        for number, shard in enumerate(shards(source)):
            add(f"data/photos-{number:04d}.tar", shard)


def main(arguments: list[str] | None = None) -> None:
    """Collect the wheels, then write the tar file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="pictures, as python -m training takes them")
    parser.add_argument("--extra", default="train", choices=["train", "train-gpu"])
    parser.add_argument("--out", type=Path, default=Path("bundle.tar"), help="(%(default)s)")
    options = parser.parse_args(arguments)
    try:
        # Before the downloads, check the output, and read the first picture of the source.
        check_output(str(options.out), sources=(), overwrite=True)
        if next(encoded_images(options.data), None) is None:
            raise TrainingError(f"data source {options.data!r} holds no image: check the path")
    except CompressorError as error:
        sys.exit(f"error: {error}")
    with tempfile.TemporaryDirectory() as folder:
        # `pip wheel` downloads the dependencies and builds the project's own wheel.
        project = f"{ROOT}[{options.extra}]"
        subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "-w", folder, project], check=True)
        write_bundle(options.out, options.data, Path(folder), options.extra)
    print(f"{shown(str(options.out))}: {options.out.stat().st_size / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
