"""The next batch is gathered while this one is trained on, where that takes long enough to be worth a thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np

from seqnet.arrays import Array

T = TypeVar("T")

WORTH_S = 0.5e-3  # a gathering that is shorter is done sooner than a thread has been woken
WORTH_SHARE = 0.02  # of a step: less is not worth a second thread beside the one that trains
WATCHED = 4  # batches that are gathered here first, to know what that takes


class Ahead(Generic[T]):
    """What `gather` makes of a batch's rows, one batch ahead once `gather` has proved slow.

    gather(rows) must give the same whoever calls it, and when: then nothing but the time depends on the thread.
    """

    def __init__(self, gather: Callable[[slice | Array], T]) -> None:
        self._gather = gather
        self._pool: ThreadPoolExecutor | None = None
        self._coming: tuple[slice | Array, Future[T]] | None = None
        self._spent: list[float] = []  # seconds of the gatherings that were watched
        self._since: float | None = None  # when the first of them was over

    @property
    def works(self) -> bool:
        """Whether a thread gathers."""
        return self._pool is not None

    def get(self, rows: slice | Array, then: slice | Array | None) -> T:
        """The batch of these rows; `then`: those that will likely be asked for next. Raises what gather does."""
        coming, self._coming = self._coming, None
        if coming is not None and same_rows(coming[0], rows):
            batch = coming[1].result()
        else:
            if coming is not None:
                coming[1].cancel()
            batch = self._watched(rows) if self._pool is None else self._gather(rows)
        if self._pool is not None and then is not None:
            self._coming = then, self._pool.submit(self._gather, then)
        return batch

    def close(self) -> None:
        """End the thread, after what it has begun."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = self._coming = None
        self._spent, self._since = [], None

    def _watched(self, rows: slice | Array) -> T:
        """Gathered here; begins to gather ahead where the batches before say that it pays."""
        if len(self._spent) > WATCHED:
            return self._gather(rows)
        started = time.perf_counter()
        if len(self._spent) == WATCHED and self._since is not None:
            step = (started - self._since) / (WATCHED - 1)
            typical = sorted(self._spent)[WATCHED // 2]
            if typical > WORTH_S and typical > WORTH_SHARE * step:
                self._pool = ThreadPoolExecutor(1, "seqnet-gather")
        batch = self._gather(rows)
        self._spent.append(time.perf_counter() - started)
        if self._since is None:
            self._since = time.perf_counter()
        return batch


def same_rows(one: slice | Array, other: slice | Array) -> bool:
    """Whether both name the same rows in the same order."""
    if isinstance(one, slice) or isinstance(other, slice):
        return isinstance(one, slice) and isinstance(other, slice) and one == other
    return one is other or np.array_equal(one, other)
