"""Digests of coded symbols, which show whether two decoders have read the same symbols."""

import hashlib
from collections.abc import Iterable

import numpy as np

from compressor import Runtime
from compressor.bitstream.container import read_container
from compressor.coding.loading import load_coder
from compressor.coding.sections import read_levels
from compressor.spec.file_format import PICTURE


def digest_of_symbols(arrays: Iterable[np.ndarray]) -> str:
    """Return the SHA-256 over symbols in coding order, as little-endian int32."""
    digest = hashlib.sha256()
    for symbols in arrays:
        digest.update(symbols.astype("<i4").tobytes())
    return digest.hexdigest()


def digest_of_stream(stream: bytes) -> str:
    """Return the digest of all symbols in the picture section of a stream."""
    container = read_container(stream)
    header = container.header
    coder = load_coder(Runtime(), header.model_id)
    levels = read_levels(coder, container)
    pairs = coder.read_symbols(container.sections[PICTURE], header.height, header.width, levels)
    return digest_of_symbols(symbols for symbols, _ in pairs)
