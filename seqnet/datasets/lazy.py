"""Rows that stay in their file, or where they are in memory, until a batch asks for them.

They stand where an array would: shape, dtype, length, rows by slice and by number. Every answer is a new array, so
whoever goes through the rows block by block needs no more memory than a block.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.datasets.storage import home
from seqnet.errors import DataError

RESIDENT = 1 << 27  # bytes of a mapped file that may count as the process's memory before it gives them back
AROUND = 1 << 21  # bytes that the system may map around one it is asked for: a huge page
COPIED = 1 << 28  # bytes of an array in memory beyond which some of its rows are looked up instead of copied
WINDOW = 1 << 25  # bytes of rows that are read ahead of batches whose order is known
BLOCK = 1 << 20  # entries looked at in one go


class LazyRows(ABC):
    """An array (N, …) of which only rows are ever asked. Subclasses say how a stretch and how single rows are read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    finite = False  # whether a check has found every number finite, so that none looks again
    _ahead: _Ahead | None = None

    @abstractmethod
    def stretch(self, start: int, stop: int) -> Array:
        """Rows start … stop - 1, within the array, as a new array."""

    @abstractmethod
    def gather(self, rows: Array) -> Array:
        """The rows of these numbers (n,), as a new array."""

    def gather_into(self, rows: Array, out: Array) -> None:
        """Put the rows of these numbers (n,) into `out` (n, …), which is contiguous and of this dtype."""
        out[...] = self.gather(rows)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=object))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Array:
        if isinstance(key, tuple):
            part = self[key[0]] if key else self[:]
            rest = key[1:] if isinstance(key[0], (int, np.integer)) else (slice(None), *key[1:])
            return part[rest]
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            return self.stretch(start, max(start, stop)) if step == 1 else self.gather(np.arange(start, stop, step))
        if isinstance(key, (int, np.integer)):
            row = int(key) + (len(self) if key < 0 else 0)
            if not 0 <= row < len(self):
                raise IndexError(f"row {key} of {len(self)}")
            one: Array = self.stretch(row, row + 1)[0]
            return one
        rows = np.asarray(key)
        return self.gather(np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.intp, copy=False))

    def take(self, rows: Any, axis: int = 0) -> Array:
        """The rows of these numbers, as NumPy's take along axis 0 gives them."""
        if axis != 0:
            raise IndexError("lazily read rows are taken along axis 0")
        start = -1 if self._ahead is None else self._ahead.place(rows)
        return self[rows] if start < 0 or self._ahead is None else self._ahead.take(start, len(rows))

    def expect(self, order: Array) -> None:
        """Be told of the row numbers that will be taken, stretch after stretch of this very array.

        Then rows are read ahead, in the order in which they stand, so that what lies together is touched once.
        """
        self._ahead = _Ahead(self, order, None if self._ahead is None else self._ahead.rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def min(self) -> Any:
        """The smallest number."""
        return min(block.min() for _, block in blocks(self))

    def max(self) -> Any:
        """The largest number."""
        return max(block.max() for _, block in blocks(self))


class _Ahead:
    """The rows of a stretch of a known order, sorted as they stand in the file."""

    def __init__(self, source: LazyRows, order: Array, memory: Array | None = None) -> None:
        """memory: what rows may be put into, of those of an order that is over."""
        self.source = source
        self.order = order
        self.base = order if order.base is None else order.base
        self.size = max(1, WINDOW // max(1, source.nbytes // max(1, len(source))))
        self.start = self.stop = self.next = 0
        self.rows = memory  # one for all stretches: new pages cost as much as the rows in them
        self.rank: Array | None = None  # where in `rows` each of the stretch is

    def place(self, rows: Any) -> int:
        """Where in the order these row numbers stand, -1 where they are no part of it."""
        if not isinstance(rows, np.ndarray) or rows.base is not self.base or not rows.flags.c_contiguous:
            return -1
        # Asking NumPy for addresses takes longer than comparing the few numbers of a batch, which mostly follow.
        if rows.tobytes() == self.order[self.next : self.next + len(rows)].tobytes():
            return self.next
        begin, whole = (array.__array_interface__["data"][0] for array in (rows, self.order))
        return int(begin - whole) // self.order.itemsize

    def take(self, start: int, count: int) -> Array:
        """The rows of a stretch of the order."""
        if not (self.start <= start and start + count <= self.stop) or self.rows is None or self.rank is None:
            self.start, self.stop = start, min(start + max(self.size, count), len(self.order))
            if self.rows is None or len(self.rows) < self.stop - start:
                self.rows = None  # its memory is needed for the next
                self.rows = np.empty((self.stop - start, *self.source.shape[1:]), self.source.dtype)
            coming = self.order[self.start : self.stop]
            by_place = np.argsort(coming, kind="stable")
            self.rank = np.empty_like(by_place)
            self.rank[by_place] = np.arange(len(by_place))
            self.source.gather_into(coming[by_place], self.rows[: len(coming)])
        self.next = start + count
        found: Array = self.rows.take(self.rank[start - self.start : start - self.start + count], axis=0)
        return found


class Mapped(LazyRows):
    """Rows in a file of plain numbers, row after row, that the system brings in as they are touched.

    dtype: as stored, in any byte order; rows come out in the machine's. offset: bytes before the first row.
    What was read is given back beyond RESIDENT bytes, so that it counts as the system's cache rather than as memory of
    the process; it need not be read from the disk again while there is room for it.
    """

    def __init__(self, descriptor: int, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int = 0) -> None:
        self.shape = shape
        self.stored = dtype
        self.dtype = dtype.newbyteorder("=")
        self._memory = mmap.mmap(descriptor, offset + self.nbytes, access=mmap.ACCESS_READ)
        # As bytes, since NumPy would copy a whole array that begins at no multiple of its numbers' size.
        self._bytes = np.frombuffer(self._memory, np.uint8, self.nbytes, offset).reshape(shape[0], -1)
        self._touched = 0

    def stretch(self, start: int, stop: int) -> Array:
        rows = self._bytes[start:stop].copy()
        self._count(rows.nbytes)
        return self._numbers(rows)

    def gather(self, rows: Array) -> Array:
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        self.gather_into(rows, found)
        return found

    def gather_into(self, rows: Array, out: Array) -> None:
        if not out.size:
            return
        row = self._bytes.shape[1]
        found = out.reshape(-1).view(np.uint8).reshape(len(rows), row)
        low, high = int(rows.min()), int(rows.max())
        # Where no number needs a look, NumPy writes into the rows themselves rather than into a copy of them.
        mode: Literal["clip", "raise"] = "clip" if low >= 0 and high < len(self) else "raise"
        step = max(1, RESIDENT // (AROUND + row))
        # Rows that are near one another share what is brought in for them, where they are taken in their order.
        span = (high - low + 1) * row
        if span <= RESIDENT // 2 or bool((rows[1:] >= rows[:-1]).all()):
            step = max(step, len(rows) * (RESIDENT // 2) // span)
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            self._bytes.take(some, axis=0, out=found[start : start + step], mode=mode)
            self._count(min(len(some) * (AROUND + row), (int(some.max()) - int(some.min()) + 1) * row + AROUND))
        if not self.stored.isnative:
            out.byteswap(inplace=True)

    def _numbers(self, rows: Array) -> Array:
        numbers: Array = rows.view(self.stored).reshape(len(rows), *self.shape[1:])
        return numbers.astype(self.dtype, copy=False)

    def _count(self, touched: int) -> None:
        self._touched += touched
        if self._touched > RESIDENT:
            self._touched = 0
            if hasattr(mmap, "MADV_DONTNEED"):
                self._memory.madvise(mmap.MADV_DONTNEED)


class RowView(LazyRows):
    """Some rows of an array, by number, without a copy of them."""

    def __init__(self, array: Array, rows: Array) -> None:
        self.array = array
        self.rows = rows
        self.shape = (len(rows), *array.shape[1:])
        self.dtype = array.dtype

    @property
    def finite(self) -> bool:  # type: ignore[override]
        return isinstance(self.array, LazyRows) and self.array.finite

    def expect(self, order: Array) -> None:
        if isinstance(self.array, LazyRows):
            super().expect(order)

    def stretch(self, start: int, stop: int) -> Array:
        return self.gather(np.arange(start, stop))

    def gather(self, rows: Array) -> Array:
        return self.array.take(self.rows[rows], axis=0)

    def gather_into(self, rows: Array, out: Array) -> None:
        if isinstance(self.array, LazyRows):
            self.array.gather_into(self.rows[rows], out)
        else:
            super().gather_into(rows, out)


def as_rows(rows: LazyRows) -> Array:
    """Lazily read rows as the type of what they stand for."""
    return cast(Array, rows)


def rows_of(array: Array, rows: Array) -> Array:
    """The rows of these numbers: a copy of few, a view of those that are read lazily or are many."""
    if isinstance(array, RowView):
        return as_rows(RowView(array.array, array.rows[rows]))
    if isinstance(array, LazyRows) or (array.nbytes > COPIED and array.ndim > 1):
        return as_rows(RowView(array, rows.astype(np.int32) if len(array) < 1 << 31 else rows))
    return array[rows]


def blocks(array: Array | LazyRows) -> Iterator[tuple[int, Array]]:
    """(number of its first row, rows) for stretches of an array (N, …) that need little memory; nothing for no rows."""
    step = max(1, BLOCK // max(1, int(np.prod(array.shape[1:]))))
    for start in range(0, array.shape[0], step):
        yield start, array[start : start + step]


def spooled(parts: Iterable[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], where: str) -> Mapped:
    """Rows that are read in order once, such as compressed ones, from a temporary file that goes with the process.

    parts: the bytes of all rows. Raises DataError: the disk is full, more or fewer bytes than the shape needs.
    """
    expected = int(np.prod(shape, dtype=object)) * dtype.itemsize
    folder = home() / "temporary"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            written = 0
            for part in parts:
                written += len(part)
                if written > expected:
                    break
                file.write(part)
            if written != expected:
                raise DataError(f"{where} is damaged: it holds {_amount(written, expected)} bytes than its shape needs")
            file.flush()
            return Mapped(file.fileno(), dtype, shape)
    except OSError as error:
        raise DataError(
            f"{where} is too large for memory_limit_mb and packed, so it is unpacked into {folder}, which failed: "
            f"{error.strerror or error}; name another folder in SEQNET_HOME, raise memory_limit_mb, or save it unpacked"
        ) from None


def mapped_file(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int) -> Mapped:
    """Rows that stand in a file from a byte on. Raises DataError where the file is shorter."""
    expected = offset + int(np.prod(shape, dtype=object)) * dtype.itemsize
    try:
        with path.open("rb") as file:
            there = os.fstat(file.fileno()).st_size
            if there >= expected:
                return Mapped(file.fileno(), dtype, shape, offset)
    except (OSError, OverflowError) as error:
        raise DataError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from None
    raise DataError(f"{path} is cut off: it has {there:,} of {expected:,} bytes; make or fetch it again")


def _amount(written: int, expected: int) -> str:
    return "more" if written > expected else f"{expected - written:,} fewer"
