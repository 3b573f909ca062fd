"""Where batches come from: rows in memory, or a feed: a generator, an iterable, a data set of numbered batches."""

from __future__ import annotations

import array
import itertools
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from seqnet.arrays import Array
from seqnet.errors import DataError

T = TypeVar("T")
Batch = tuple[Array, Array, Array | None]  # x, y, weight

# Python's own containers of numbers, which stand for one array.
_ARRAYS = (np.ndarray, list, tuple, dict, str, bytes, bytearray, memoryview, range, array.array, deque)
_OVER: Any = object()


@dataclass(frozen=True)
class Rows:
    """Inputs, targets and weights of a part of the data.

    weight: in the loss. sampling: how often each row is drawn, relative to the others, (N,); None: once a pass.
    """

    x: Array
    y: Array
    weight: Array | None = None
    sampling: Array | None = None

    def __len__(self) -> int:
        return len(self.x)


class Feed(Generic[T]):
    """Batches from a source, in passes.

    source: a data set whose length is its number of batches and whose item i is one (Keras's PyDataset), an iterable,
    or an iterator, which has one pass only. A data set's `on_epoch_begin` and `on_epoch_end` are called where it has
    them. check: makes a batch of what the source gives.
    """

    def __init__(self, source: Any, check: Callable[[Any], T]) -> None:
        self.source = source
        self.check = check
        self.numbered = is_numbered(source)
        self.restarts = self.numbered or iter(source) is not source
        self.length = _length(source)
        self.order: np.random.Generator | None = None  # what shuffles the batches of a data set; None: as they are
        self.given = 0  # batches of the last call of `batches`
        self._pass: Iterator[Any] | None = None
        self._ahead: list[T] = []  # looked at, not yet taken

    def peek(self) -> T:
        """The first batch, which is still to come. Raises DataError where there is none."""
        if self.numbered and self.length != 0:
            return self.check(self.source[0])
        if not self.supplied():
            raise DataError(f"the {type(self.source).__name__} gives no batch")
        return self._ahead[-1]

    def take(self) -> T | None:
        """The next batch of the pass; None where the pass is over."""
        if self._ahead:
            return self._ahead.pop()
        if self._pass is None:
            self._pass = self._begin()
        item = next(self._pass, _OVER)
        if item is _OVER:
            self._pass = None
            return None
        return self.check(item)

    def another(self) -> T | None:
        """The next batch, of a new pass where this one is over; None where there is no new pass."""
        batch = self.take()
        return self.take() if batch is None and self.restarts else batch

    def supplied(self) -> bool:
        """Whether there is a batch to come, of this pass or of a new one."""
        if self.numbered:
            return self.length != 0
        if not self._ahead:
            batch = self.another()
            if batch is not None:
                self._ahead.append(batch)
        return bool(self._ahead)

    def batches(self, steps: int | None) -> Iterator[T]:
        """A pass from its beginning, or `steps` batches; of an iterator, those that come next."""
        self.rewind()
        self.given = 0
        self.begin_epoch()
        while self.given != steps:
            batch = self.take() if steps is None else self.another()
            if batch is None:
                if steps is not None:
                    warn_of_end(f"after {self.given} of {steps} batches")
                break
            self.given += 1
            yield batch
        self.end_epoch()

    def rewind(self) -> None:
        """Begin a pass anew where the source can."""
        if self.restarts:
            self._pass = None
            self._ahead.clear()

    def begin_epoch(self) -> None:
        """Tell the source that an epoch begins, where it wants to know."""
        getattr(self.source, "on_epoch_begin", _nothing)()

    def end_epoch(self) -> None:
        """Tell the source that an epoch is over, where it wants to know."""
        getattr(self.source, "on_epoch_end", _nothing)()

    def _begin(self) -> Iterator[Any]:
        if not self.numbered:
            return iter(self.source)
        if self.length is None:
            return (self.source[index] for index in itertools.count())
        order = range(self.length) if self.order is None else self.order.permutation(self.length).tolist()
        return (self.source[index] for index in order)


def is_feed(data: Any) -> bool:
    """Whether `data` hands out batches, rather than being an array or what becomes one."""
    if data is None or isinstance(data, _ARRAYS) or hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        return False
    return is_numbered(data) or hasattr(data, "__iter__")


def is_numbered(data: Any) -> bool:
    """Whether `data` has a length and batches by number."""
    return hasattr(data, "__getitem__") and hasattr(data, "__len__")


def warn_of_end(where: str) -> None:
    """Say that a source had fewer batches than was asked for."""
    warnings.warn(
        f"the data ran out {where}; give what can be gone through again (a PyDataset, or an object with __iter__), "
        "a generator that does not end, or fewer steps",
        stacklevel=2,
    )


def steps_of(steps: int | None, length: int | None) -> int:
    """How many batches an epoch has at most: as many as come where neither is known."""
    return steps or length or sys.maxsize


def _length(source: Any) -> int | None:
    """The batches of a pass, where the source knows: Keras's num_batches (None: endless), else its length."""
    try:
        found = source.num_batches if hasattr(source, "num_batches") else len(source)
    except (TypeError, NotImplementedError):
        return None
    return None if found is None else int(found)


def _nothing() -> None: ...
