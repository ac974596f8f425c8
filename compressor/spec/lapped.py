"""The lapped transform as matrices: a 16x16 DCT between filters across the edges of blocks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]

BLOCK = 16
COLOURS = 3
ALL_CHANNELS = BLOCK * BLOCK * COLOURS
# Tran, Liang and Tu: stretching the first basis function of the pre-filter makes the transform
# biorthogonal and raises the coding gain at correlation 0.95 from 9.46 dB (DCT) to 9.93 dB.
STRETCH = 1.4


def dct2(n: int) -> Matrix:
    """Orthonormal DCT-II matrix (n, n): rows are basis functions."""
    k, x = np.arange(n)[:, None], np.arange(n)[None]
    matrix = np.sqrt(2 / n) * np.cos(np.pi * (2 * x + 1) * k / (2 * n))
    matrix[0] /= np.sqrt(2)
    return matrix


def dct4(n: int) -> Matrix:
    """Orthonormal DCT-IV matrix (n, n)."""
    k, x = np.arange(n)[:, None], np.arange(n)[None]
    return np.sqrt(2 / n) * np.cos(np.pi * (2 * x + 1) * (2 * k + 1) / (4 * n))


def pre_filter() -> Matrix:
    """The (16, 16) matrix applied to the 16 samples around a block edge before the DCT.

    It leaves mirror-symmetric input unchanged, so mirroring the picture at its border is the same
    as leaving the filter out there.

    Reference: Tran, Liang and Tu, "Lapped transform via time-domain pre- and post-filtering",
    IEEE Transactions on Signal Processing 51(6), 2003.
    """
    half = BLOCK // 2
    identity, flip = np.eye(half), np.eye(half)[::-1]
    scale = np.eye(half)
    scale[0, 0] = STRETCH
    v = flip @ dct2(half).T @ scale @ dct4(half) @ flip
    butterfly = np.block([[identity, flip], [flip, -identity]])
    zero = np.zeros((half, half))
    return 0.5 * butterfly @ np.block([[identity, zero], [zero, v]]) @ butterfly


def post_filter() -> Matrix:
    """Inverse of `pre_filter`."""
    return np.linalg.inv(pre_filter())


def colour_matrix() -> Matrix:
    """Orthonormal colour matrix (3, 3): rows are luma and two chroma axes, columns R, G and B."""
    colour = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], float)
    return colour / np.linalg.norm(colour, axis=1, keepdims=True)


def block_basis() -> Matrix:
    """All basis pictures, (16, 16, 3, 768): 2-D DCT-II in an orthonormal luma / chroma basis."""
    cosines = dct2(BLOCK)
    basis = np.einsum("ui,vj,kc->ijcuvk", cosines, cosines, colour_matrix())
    return basis.reshape(BLOCK, BLOCK, COLOURS, ALL_CHANNELS)
