"""Holding the matrix library to one thread: the shards of a batch are what runs in parallel.

OpenBLAS would otherwise start threads inside every worker, and its waiting threads take the cores from the others.
One thread also makes a result independent of what else the machine is doing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from threadpoolctl import ThreadpoolController

_depth = 0


@lru_cache(maxsize=None)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # finding the loaded libraries takes milliseconds, so once


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """While it lasts, a matrix product uses the calling thread alone."""
    global _depth
    if _depth:
        yield
        return
    with _controller().limit(limits=1, user_api="blas"):
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1


@contextmanager
def running() -> Iterator[None]:
    """Around everything that runs batches: one BLAS thread, and no warnings of NumPy about overflow or NaN, which the
    loss shows anyway."""
    with one_blas_thread(), np.errstate(all="ignore"):
        yield
