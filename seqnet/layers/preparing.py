"""What layers have in common that turn raw values, numbers or texts, into what a network computes with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.errors import DataError, ShapeError, UsageError
from seqnet.layers.base import Context, Layer

SPARSE_HELP = "for Keras's sake; networks here compute on dense arrays, so it must be false"
SPARSE = "sparse arrays are not made here: leave it out; what is 0 or 1 takes one byte"
MODE_HELP = (
    "int: the numbers themselves; one_hot: a vector for each; multi_hot: one vector for all of a row, 1 where a number "
    "occurs; count: how often it occurs"
)
Mode = Literal["int", "one_hot", "multi_hot", "count"]
ROWS_AT_ONCE = 4096


class Preparing(Layer):
    """Base of layers without variables whose output has no slope: y = encode(x).

    Called with values, such a layer gives their encoding at once, as in Keras.
    """

    prepares = True
    takes_integers = True

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y = self.encode(x)
        return y.astype(x.dtype if x.dtype.kind == "f" else self.dtype or "float32", copy=False), x.shape

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return np.zeros(cache, dy.dtype) if need_dx else None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The encoding of values: int64 where they are numbered, float32 otherwise. Raises DataError, UsageError."""
        if len(args) != 1 or kwargs:
            raise UsageError(f"{self.spec_name} is called with values alone")
        y = self.encode(as_array(args[0]))
        return y if y.dtype.kind in "OU" else y.astype(np.int64 if self._gives_numbers else np.float32)

    @property
    def _gives_numbers(self) -> bool:
        return getattr(self, "output_mode", None) == "int"


def as_array(x: Any) -> Array:
    """An array of what a person gave; texts become objects, since the longest of them would size all of NumPy's own."""
    if isinstance(x, str) or (isinstance(x, (list, tuple)) and _first(x) is str):
        return np.array(x, dtype=object)
    array = np.asarray(x)
    if array.dtype.kind == "S":
        try:
            return np.char.decode(array, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"holds bytes that are no text in UTF-8 ({error.reason})") from None
    return array.astype(object) if array.dtype.kind == "T" else array


def texts_of(x: Array) -> list[str]:
    """The texts of an array, row after row. Raises DataError with the first place where something else stands."""
    if x.dtype.kind not in "UTO":
        raise DataError(f"takes texts, got numbers of dtype {x.dtype}")
    texts: list[Any] = x.reshape(-1).tolist()
    if x.dtype.kind != "U":
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                row = place // max(1, x.size // len(x))
                raise DataError(f"row {row} (counted from 0) holds {text!r:.40}, which is no text")
    return texts


def encoded_shape(in_shape: Shape, mode: str, depth: int) -> Shape:
    """The shape of one row of `encoded`."""
    if mode == "int":
        return in_shape
    if mode == "one_hot":
        return (*(in_shape[:-1] if in_shape and in_shape[-1] == 1 else in_shape), depth)
    return (*in_shape[:-1], depth)


def encoded(numbers: Array, mode: str, depth: int, weights: Array | None = None) -> Array:
    """Numbers (N, ..., k) below depth as vectors; a negative number leaves no trace.

    one_hot: (N, ..., k, depth), or (N, ..., depth) where k is 1. multi_hot and count go over the last axis, so they
    give (N, ..., depth), from (N,) too (N, depth). weights: (depth,), by which counts are multiplied.
    Differs from Keras: there multi_hot of (N,) is one vector for the whole batch, and of (N, a, b) goes over a.
    """
    if mode == "int":
        return numbers
    if mode == "one_hot":
        if numbers.ndim > 1 and numbers.shape[-1] == 1:
            numbers = numbers[..., 0]
        there: Array = numbers[..., None] == np.arange(depth)
        return there.view(np.uint8)
    rows = numbers.reshape(len(numbers), -1) if numbers.ndim == 1 else numbers.reshape(-1, numbers.shape[-1])
    shape = (*(numbers.shape[:-1] if numbers.ndim > 1 else numbers.shape), depth)
    places = np.arange(len(rows))[:, None] * depth + rows
    return tallied(places[rows >= 0], len(rows), mode, depth, weights).reshape(shape)


def tallied(places: Array, rows: int, mode: str, depth: int, weights: Array | None = None) -> Array:
    """What occurs in each row, (rows, depth), from the places row · depth + number."""
    counts = np.bincount(places, minlength=rows * depth).reshape(rows, depth)
    if weights is not None:
        return counts.astype(np.float32) * weights
    return (counts > 0).view(np.uint8) if mode == "multi_hot" else counts.astype(np.int32)


def batches_of(data: Any) -> Iterator[Array]:
    """An array in slices of rows, or the batches of an iterable (or what tuples begin with), as arrays."""
    if isinstance(data, (list, tuple)) and not any(hasattr(item, "shape") or isinstance(item, tuple) for item in data):
        data = as_array(data)
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        if not data.shape:
            raise DataError("adapt needs rows, got a single value")
        for start in range(0, len(data), ROWS_AT_ONCE):  # which may be read from a file now
            rows = as_array(data[start : start + ROWS_AT_ONCE])
            yield rows[:, None] if rows.ndim == 1 else rows
        return
    if isinstance(data, str) or not isinstance(data, Iterable):
        raise DataError(f"adapt takes an array or an iterable of batches, got {type(data).__name__}")
    for batch in data:
        yield as_array(batch[0] if isinstance(batch, tuple) else batch)


def require_depth(depth: int | None, name: str) -> int:
    """The width of the vectors. Raises ShapeError while the layer is to learn it."""
    if depth is None:
        raise ShapeError(
            f"how wide its vectors are is not known before its vocabulary is: call adapt on {name} first, give "
            "vocabulary, or fix the width with max_tokens and pad_to_max_tokens: true"
        )
    return depth


def _first(x: Any) -> type | None:
    while isinstance(x, (list, tuple)):
        if not x:
            return None
        x = x[0]
    return type(x)
