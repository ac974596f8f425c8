"""The arguments of the command line as typed values, which travel to worker processes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from compressor.options import Runtime, Target

# Stands for a Ray cluster that is started on this machine.
LOCAL_ADDRESS = "local"


@dataclass(frozen=True, slots=True)
class _SharedArguments:
    """Arguments that `encode` and `decode` share.

    Attributes:
        inputs: paths of files, or of folders, or "-".
        output: path of a file or a folder, "-", or None for a file next to each input.
        output_is_folder: whether `output` is a folder.
        extension: extension of outputs, with its dot.
        overwrite: whether existing files may be replaced.
        recursive: whether inputs may be folders.
        skip_existing: whether inputs whose output exists are left out.
        is_batch: whether outcomes are collected and summed up at the end.
        num_workers: processes to use for a batch; None for one input at a time on all cores.
        ray: address of a Ray cluster; None for none.
        max_pixels: the largest picture allowed.
        runtime: model, engine and threads.
        strip: metadata to leave out.
        verbose: whether to print more.
        quiet: whether to print errors only.
    """

    inputs: tuple[str, ...]
    output: str | None
    output_is_folder: bool
    extension: str
    overwrite: bool
    recursive: bool
    skip_existing: bool
    is_batch: bool
    num_workers: int | None
    ray: str | None
    max_pixels: int
    runtime: Runtime
    strip: tuple[str, ...]
    verbose: bool
    quiet: bool

    def parameters(self) -> dict[str, Any]:
        """Return the arguments that are not shared: parameters of `codec.encode` or `codec.decode`."""
        shared = {field.name for field in fields(_SharedArguments)}
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in shared}


@dataclass(frozen=True, slots=True)
class EncodeRequest(_SharedArguments):
    """Arguments of `encode`; fields have the names of parameters of `codec.encode`.

    Attributes:
        quality: 1 to 100, or None.
        target: instead of a quality, or None.
        tune: "iq" or "psnr", or None.
        roi: path of a mask of the region of interest, or None; in `codec.encode`, the mask itself.
        effort: 1 to 9.
        keep_hidden: whether to keep the colours of transparent pixels.
        verify: whether to read each new stream again.
    """

    quality: float | None
    target: Target | None
    tune: str | None
    roi: str | None
    effort: int
    keep_hidden: bool
    verify: bool


@dataclass(frozen=True, slots=True)
class DecodeRequest(_SharedArguments):
    """Arguments of `decode`; fields have the names of parameters of `codec.decode`.

    Attributes:
        region: x, y, width, height of the part to decode; None for all.
        reduction: factor by which width and height are divided.
        partial: whether files may be cut off.
    """

    region: tuple[int, ...] | None
    reduction: int
    partial: bool


Request: TypeAlias = EncodeRequest | DecodeRequest


@dataclass(frozen=True, slots=True)
class InfoRequest:
    """Arguments of `info`.

    Attributes:
        inputs: paths of files, or "-".
        max_pixels: the largest picture allowed.
        partial: whether files may be cut off.
        json: whether to print one JSON object per line.
        verbose: whether to print more.
        quiet: whether to print errors only.
    """

    inputs: tuple[str, ...]
    max_pixels: int
    partial: bool
    json: bool
    verbose: bool
    quiet: bool
