"""The types that every room shares, and memory laid out as processors like it."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Cache = Any  # what a forward leaves for its backward; only the layer that made it looks inside
Shape = tuple[int | None, ...]  # without the batch axis; None = any length

# Bytes in a line of the cache, and in the widest register. NumPy begins arrays at any multiple of 16, so that every
# wide load and store touches two lines: products of aligned vectors take half the time of others.
LINE = 64


def empty(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """An array like np.empty's that begins at a line of the cache; worth its microsecond for large ones."""
    return _aligned(np.empty, shape, np.dtype(dtype))


def zeros(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """An array like np.zeros's that begins at a line of the cache; no page of it is real before it is written to."""
    return _aligned(np.zeros, shape, np.dtype(dtype))


def _aligned(make: Callable[..., Array], shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    size = shape if isinstance(shape, int) else math.prod(shape)
    raw = make(size * dtype.itemsize + LINE, np.uint8)
    return np.ndarray(shape, dtype, raw, -raw.__array_interface__["data"][0] % LINE)


def shared(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """An array like `zeros`'s whose memory processes forked from this one share."""
    dtype = np.dtype(dtype)
    size = shape if isinstance(shape, int) else math.prod(shape)
    try:
        memory = mmap.mmap(-1, max(size * dtype.itemsize, 1))
    except (OSError, ValueError, OverflowError) as error:
        raise MemoryError(f"no room for {size * dtype.itemsize:,} bytes") from error
    return np.frombuffer(memory, dtype, size).reshape(shape)


def machine_memory() -> int | None:
    """The bytes of memory that the machine has, where the system tells."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
