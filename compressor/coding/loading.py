"""One picture coder per model and engine, kept for the next call."""

import os
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from compressor.coding.freed_memory import keep_freed_memory
from compressor.coding.picture_coder import PictureCoder
from compressor.coding.threads import num_workers
from compressor.engines.cpu import num_cores
from compressor.engines.interface import Engine
from compressor.engines.loading import load_engine, resolve_engine
from compressor.errors import UnsupportedStreamError, WeightsError
from compressor.locks import ForkSafeLock
from compressor.models.registry import family_named
from compressor.options import Runtime
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import model_files

# Threads that start together must not each load the model. Calls whose coder is loaded take the lock as well.
_lock = ForkSafeLock()


def load_coder(runtime: Runtime, model_id: int | None = None) -> PictureCoder:
    """Return the coder of a model; calls with the same model, engine and threads share one.

    Args:
        runtime: model, engine and threads.
        model_id: number of the model of the stream to decode; None to encode.

    Raises:
        UnsupportedStreamError: for a model id that does not ship, or that `runtime.weights` does not have.
        OptionError: for a model name that is not known.
        WeightsError: if the model's files are damaged.
        MissingDependencyError: if the engine is not installed.
    """
    files = model_files(runtime.model if model_id is None else model_id, runtime.weights)
    # Each graph has its own threads, so more threads than cores would only cost memory.
    threads = None if runtime.threads is None else min(runtime.threads, num_cores())
    with _lock.current:
        coder = _caches[-1](files, resolve_engine(runtime.engine), threads)
    if model_id not in (None, coder.model_id):
        raise UnsupportedStreamError(
            f"the stream needs model {model_id}, and {files.folder} holds model {coder.model_id}: "
            "give the folder of the model that made it"
        )
    return coder


def create_coder(
    files: ModelFiles,
    engine_name: str,
    threads: int | None = None,
    *,
    bfloat16: bool | None = None,
) -> PictureCoder:
    """Create a coder over the files of a model.

    Args:
        files: the exported model.
        engine_name: from `resolve_engine`.
        threads: see `load_engine`.
        bfloat16: see `load_engine`.

    Raises:
        WeightsError: if the files are damaged or incomplete.
    """
    keep_freed_memory()
    engine = load_engine(engine_name, files, threads, partial(_keras_graphs, files), bfloat16)
    return coder_on(engine, files, num_workers(threads))


def coder_on(engine: Engine, files: ModelFiles, workers: int) -> PictureCoder:
    """Create a coder that runs a model on an engine.

    Args:
        engine: runs the graphs of the model.
        files: the exported model.
        workers: see `PictureCoder`.

    Raises:
        WeightsError: if the files are damaged or incomplete.
    """
    try:
        runtime = family_named(files.manifest["family"]).runtime(files, engine)
    except KeyError as error:
        raise WeightsError(f"{files.folder} lacks {error}: export the model with this version") from error
    return PictureCoder(
        runtime,
        model_id=files.model_id,
        model_name=files.name,
        engine_name=engine.name,
        workers=workers,
    )


def _keras_graphs(files: ModelFiles) -> dict[str, Any]:
    from compressor.models.exported import load_exported

    return family_named(files.manifest["family"]).exporter(load_exported(files)).graphs()


def _start_cache() -> None:
    _caches.append(lru_cache(maxsize=4)(create_coder))


# One cache of coders for each process in a chain of forks; the last is that of this process. Earlier ones are
# kept: an engine that is freed waits for its threads, which do not survive a fork.
_caches: list[Callable[..., PictureCoder]] = []
_start_cache()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_cache)
