"""Matrix products in pieces of the size that the BLAS multiplies fastest.

OpenBLAS on processors with AVX-512 has kernels for small matrices that don't repack their operands: 113 GFLOP/s a core
where whole matrices reach 90. They serve products of up to a million multiplications, so larger ones are cut to that
size; NumPy runs the pieces as one batch. The choice depends on the processor alone, so results do too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from seqnet.arrays import Array

SMALL = 1_000_000  # multiplications that the small kernels accept
STEP = 4  # rows that they handle at a time
MOST_ROWS = 240  # more bring nothing, and less fits the cache
FEW_ROWS = 16  # fewer leave too little work to a piece
FEW_COLUMNS = 32
MANY_ROWS = 512  # from here on it pays to turn a transposed factor around
TURNED_WHOLE, TURNED_BLOCK = 128, 32
SUMMED_ROWS = 1024  # rows of a sum of products at a time
MOST_SUMMED = 40_000  # numbers in such a sum; adding up more costs what the small kernels save
MOST_TURNED = 256  # terms; of longer sums with the transpose of a matrix the small kernels make half the speed


def _has_small_kernels() -> bool:
    """Whether NumPy's BLAS is an OpenBLAS that runs on AVX-512."""
    try:
        blas = np.__config__.CONFIG["Build Dependencies"]["blas"]["name"]
        features = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    except (ImportError, AttributeError, KeyError):
        return False
    return bool(features.get("AVX512_SKX")) and "openblas" in blas


SMALL_KERNELS = _has_small_kernels()


@lru_cache(maxsize=512)
def piece_shape(rows: int, inner: int, columns: int) -> tuple[int, int]:
    """Rows and columns of the pieces that a product (rows, inner) @ (inner, columns) is best cut into.

    The columns are a divisor of `columns`; the rows need not divide `rows`, but waste little of their next multiple.
    """
    if not SMALL_KERNELS or rows * inner * columns <= SMALL:
        return rows, columns
    across = _halved(columns, lambda n: n > FEW_COLUMNS and n * inner * FEW_ROWS > SMALL)
    most = min(SMALL // (inner * across) // STEP * STEP, MOST_ROWS)
    if most < STEP:
        return rows, columns
    pieces = -(-rows // most)
    return -(-rows // (pieces * STEP)) * STEP, across


def turned_pieces(rows: int, inner: int, columns: int) -> tuple[int, int]:
    """As piece_shape, for a left factor that is the transpose of a contiguous matrix."""
    return piece_shape(rows, inner, columns) if inner <= MOST_TURNED else (rows, columns)


@lru_cache(maxsize=512)
def divisors_for(rows: int, inner: int, columns: int) -> tuple[int, int]:
    """As piece_shape, with rows that divide `rows`."""
    if not SMALL_KERNELS:
        return rows, columns
    across = _halved(columns, lambda n: n > FEW_COLUMNS and n * inner * min(rows, FEW_ROWS) > SMALL)
    down = _halved(rows, lambda m: m > STEP and m * inner * across > SMALL)
    return (down, across) if down * across * inner <= SMALL else (rows, columns)


def _halved(n: int, while_: Callable[[int], bool]) -> int:
    while n % 2 == 0 and while_(n):
        n //= 2
    return n


def strided(base: Array, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> Array:
    """A view into contiguous memory, strides and offset counted in numbers; np.ndarray is the fastest way to one."""
    size = base.itemsize
    return np.ndarray(shape, base.dtype, base, offset * size, tuple(map(size.__mul__, strides)))


def by_columns(b: Array, across: int) -> Array:
    """(…, K, N) -> a view (…, N / across, K, across)."""
    return b.reshape(*b.shape[:-1], -1, across).swapaxes(-2, -3)


def multiply(a: Array, b: Array, out: Array, pieces: tuple[int, int] | None = None) -> None:
    """out = a @ b for matrices (M, K), (K, N), (M, N); a may be the transpose of a contiguous matrix.

    pieces: rows and columns of the pieces, where a and out are some pieces of a larger product.
    """
    rows, inner = a.shape
    if pieces is None:
        pieces = (turned_pieces if a.strides[0] < a.strides[1] else piece_shape)(rows, inner, b.shape[1])
    step, across = pieces
    if rows >= MANY_ROWS:
        b = np.ascontiguousarray(b)  # the small kernels are half as fast on a transpose
    if step >= rows and across == b.shape[1]:
        np.matmul(a, b, out=out)
        return
    whole = rows // step * step
    if whole:
        target = by_columns(out[:whole].reshape(-1, step, b.shape[1]), across)
        np.matmul(a[:whole].reshape(-1, step, inner), by_columns(b, across)[:, None], out=target.swapaxes(0, 1))
    if whole < rows:
        np.matmul(a[whole:], b, out=out[whole:])


def multiplied(a: Array, b: Array) -> Array:
    """a @ b as a new matrix."""
    out: Array = np.empty((a.shape[0], b.shape[1]), a.dtype)
    multiply(a, b, out)
    return out


def summed(a: Array, b: Array) -> Array:
    """aᵀ @ b for contiguous (P, M) and (P, N), P the longest by far: in pieces of P that are added up."""
    length, (down, across) = len(a), (a.shape[1], b.shape[1])
    if not SMALL_KERNELS or length * down * across <= SMALL or down * across > MOST_SUMMED:
        return a.T @ b
    step = min(length, SUMMED_ROWS)
    down, across = divisors_for(down, step, across)
    count = length // step
    left = a[: count * step].reshape(count, step, -1, down).transpose(0, 2, 3, 1)[:, :, None]
    right = by_columns(b[: count * step].reshape(count, step, -1), across)[:, None]
    parts = np.matmul(left, right)  # (count, M / down, N / across, down, across)
    total: Array = np.add.reduce(parts, axis=0).swapaxes(1, 2).reshape(a.shape[1], b.shape[1])
    if count * step < length:
        total += a[count * step :].T @ b[count * step :]
    return total


def column_sums(a: Array) -> Array:
    """Σ over everything but the last axis; a product with ones is the fastest sum over rows that NumPy has."""
    rows = a.reshape(-1, a.shape[-1])
    total: Array = np.ones(len(rows), a.dtype) @ rows
    return total


def turned(a: Array) -> Array:
    """The last two axes exchanged, contiguous; in blocks where whole columns would miss the cache."""
    view: Array = a.swapaxes(-1, -2)
    if min(a.shape[-2:]) < TURNED_WHOLE:
        return np.ascontiguousarray(view)
    out: Array = np.empty(view.shape, a.dtype)
    for i in range(0, out.shape[-2], TURNED_BLOCK):
        for j in range(0, out.shape[-1], TURNED_BLOCK):
            where = (..., slice(i, i + TURNED_BLOCK), slice(j, j + TURNED_BLOCK))
            out[where] = view[where]
    return out
