"""One picture coder per model and engine, kept for the next call."""

import os
from functools import lru_cache, partial
from pathlib import Path

from compressor.coding.picture_coder import PictureCoder
from compressor.coding.threads import num_workers
from compressor.engines.loading import load_engine, resolve_engine
from compressor.errors import UnsupportedStreamError, WeightsError
from compressor.locks import ForkSafeLock
from compressor.models.registry import family_named
from compressor.options import Runtime
from compressor.weights.files import ModelFiles, shipped_folder

# Threads that start together must not each load the model. Calls whose coder is loaded take the lock as well.
_lock = ForkSafeLock()


def load_coder(runtime: Runtime, model_id: int | None = None) -> PictureCoder:
    """Return the coder of a model; calls with the same model, engine and threads share one.

    Args:
        runtime: model, engine and threads.
        model_id: of a stream that is to be decoded; None to encode.

    Raises:
        UnsupportedStreamError: for a model id that does not ship, or that `runtime.weights` does not have.
        OptionError: for a model name or an engine that is not known.
        WeightsError: if the model's files are damaged.
        MissingDependencyError: if the engine is not installed.
    """
    if runtime.weights is not None:
        folder = Path(runtime.weights)
    else:
        folder = shipped_folder(runtime.model if model_id is None else model_id)
    files = ModelFiles(folder.resolve())
    with _lock:
        coder = _load(files, resolve_engine(runtime.engine), runtime.threads, os.getpid())
    if model_id not in (None, coder.model_id):
        raise UnsupportedStreamError(
            f"the stream needs model {model_id}, and {folder} holds model {coder.model_id}: give the folder "
            "of the model that made it"
        )
    return coder


@lru_cache(maxsize=4)
def _load(files: ModelFiles, engine_name: str, threads: int | None, process: int) -> PictureCoder:
    """Load a coder for one process: the threads of an engine do not survive a fork."""
    return coder_of(files, engine_name, threads)


def coder_of(
    files: ModelFiles,
    engine_name: str,
    threads: int | None = None,
    *,
    bfloat16: bool | None = None,
    **tiling: int,
) -> PictureCoder:
    """Create a coder over the files of a model.

    Args:
        files: the exported model.
        engine_name: from `resolve_engine`.
        threads: see `load_engine`.
        bfloat16: see `load_engine`.
        tiling: `tile` and `part` of `PictureCoder`.

    Raises:
        WeightsError: if the files are damaged or incomplete.
    """
    engine = load_engine(engine_name, files, threads, partial(_keras_graphs, files), bfloat16)
    try:
        family = family_named(files.manifest["family"])
        runtime = family.runtime(files, engine)
    except KeyError as error:
        raise WeightsError(f"{files.folder} lacks {error}: export the model with this version") from error
    return PictureCoder(
        runtime,
        model_id=files.model_id,
        model_name=files.name,
        engine_name=engine.name,
        workers=num_workers(threads),
        **tiling,
    )


def _keras_graphs(files: ModelFiles) -> dict[str, object]:
    from compressor.models.exported import load_exported

    graphs: dict[str, object] = family_named(files.manifest["family"]).exporter(load_exported(files)).graphs()
    return graphs
