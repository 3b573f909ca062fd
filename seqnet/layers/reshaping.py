"""Layers that move numbers about without changing them: other shapes, other orders, cut or padded edges."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Either, Number, PositiveInt, Tuple
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.layers.base import Context, Layer, layer, require_rank, show_shape
from seqnet.layers.spatial import DATA_FORMAT_HELP, DataFormat, by, join_shape, split_shape

_COUNT = Number(whole=True, ge=0)
_PAIR = Tuple(_COUNT, length=2)
Edge = int | tuple[int, int]
Edges1D = Annotated[tuple[int, int], Tuple(_COUNT, length=2, spread=True)]
Edges2D = Annotated[int | tuple[Edge, Edge], Either((_COUNT, Tuple(Either((_COUNT, _PAIR)), length=2)))]
Edges3D = Annotated[int | tuple[Edge, Edge, Edge], Either((_COUNT, Tuple(Either((_COUNT, _PAIR)), length=3)))]


@layer()
class Flatten(Layer):
    """y = the numbers of a row, one after the other.

    x: (N, ...) -> y: (N, product of the row's axes). Rows that are single numbers become rows of one.
    With data_format channels_first the channels are moved to the end before, so that the order is that of
    channels_last.
    """

    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def output_shape(self, in_shape: Shape) -> Shape:
        return (None if None in in_shape else math.prod(n or 0 for n in in_shape),)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        ordered = np.moveaxis(x, 1, -1) if self._moves(x.ndim) else x
        return ordered.reshape(len(x), math.prod(x.shape[1:])), x.shape

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        shape = cache
        if not self._moves(len(shape)):
            return dy.reshape(shape)
        return np.ascontiguousarray(np.moveaxis(dy.reshape(shape[0], *shape[2:], shape[1]), -1, 1))

    def _moves(self, ndim: int) -> bool:
        return self.data_format == "channels_first" and ndim > 2


@layer()
class Reshape(Layer):
    """y = the numbers of a row in another shape, in the same order.

    x: (N, ...) -> y: (N, *target_shape); one axis may be -1 and follows from the others.
    """

    target_shape: Annotated[tuple[int, ...], Tuple(Number(whole=True, ge=-1))] = option(
        "shape of one row of y; -1 for one axis that follows from the rest", example=[7, 7, 64]
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        target = values["target_shape"]
        if target.count(-1) > 1:
            yield "target_shape", f"only one axis may be -1, got {list(target)}"
        if 0 in target:
            yield "target_shape", f"an axis can't have length 0, got {list(target)}"

    def output_shape(self, in_shape: Shape) -> Shape:
        fixed = math.prod(n for n in self.target_shape if n != -1)
        free = -1 in self.target_shape
        if None in in_shape:
            return tuple(None if n == -1 else n for n in self.target_shape)
        total = math.prod(n or 0 for n in in_shape)
        if total % fixed if free else total != fixed:
            target = show_shape(self.target_shape)
            reason = f"is no multiple of {fixed}" if free else f"target_shape {target} holds {fixed}"
            hint = "change target_shape" if free else "write -1 for one axis of target_shape to let it follow"
            raise ShapeError(
                f"rows of shape {show_shape(in_shape)} hold {total} numbers, "
                + (f"which {reason}, as target_shape {target} needs" if free else f"but {reason}")
                + f"; {hint}"
            )
        return tuple(total // fixed if n == -1 else n for n in self.target_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return x.reshape(len(x), *(n or 0 for n in self.output_shape(x.shape[1:]))), x.shape

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy.reshape(cache)


@layer()
class Permute(Layer):
    """y = x with the axes of a row in another order.

    x: (N, ...) -> y: (N, ...), whose axis i is axis dims[i] of x; axes count from 1.
    """

    dims: Annotated[tuple[int, ...], Tuple(Number(whole=True, gt=0), minimum=1)] = option(
        "the axes of x in their new order, counted from 1: [2, 1] swaps two axes", example=[2, 1]
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        dims = values["dims"]
        if sorted(dims) != list(range(1, len(dims) + 1)):
            yield "dims", f"dims must hold each of 1 to {len(dims)} once, got {list(dims)}"

    def output_shape(self, in_shape: Shape) -> Shape:
        require_rank(in_shape, len(self.dims), f"one for each of dims {list(self.dims)}")
        return tuple(in_shape[axis - 1] for axis in self.dims)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return np.ascontiguousarray(x.transpose(0, *self.dims)), None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        back = [self.dims.index(axis) + 1 for axis in range(1, len(self.dims) + 1)]
        return np.ascontiguousarray(dy.transpose(0, *back))


@layer()
class RepeatVector(Layer):
    """y = x, n times, as n equal steps.

    x: (N, C) -> y: (N, n, C). Backward: dx = Σ dy over the steps.
    """

    n: PositiveInt = option("how many times", example=10)

    def output_shape(self, in_shape: Shape) -> Shape:
        require_rank(in_shape, 1, "features", hint="put Flatten before it")
        return (self.n, in_shape[0])

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return np.repeat(x[:, None], self.n, axis=1), None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        dx: Array = np.add.reduce(dy, axis=1)
        return dx


class _Edges(Layer):
    """What cutting and padding share: how much there is at each end of each spatial axis."""

    rank: ClassVar[int]
    edges: tuple[tuple[int, int], ...]  # (before, after) of each spatial axis, made in setup
    data_format: DataFormat = None

    def _inside(self, shape: tuple[int, ...]) -> tuple[slice, ...]:
        """Where the smaller array lies in one of this `shape`, the batch included."""
        first = 2 if self.data_format == "channels_first" else 1
        place = [slice(None)] * len(shape)
        for axis, (before, after) in enumerate(self.edges, first):
            place[axis] = slice(before, shape[axis] - after)
        return tuple(place)


class _Cropping(_Edges):
    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        left = tuple(None if n is None else n - sum(cut) for n, cut in zip(lengths, self.edges, strict=True))
        if any(n is not None and n <= 0 for n in left):
            cuts = by(tuple(sum(cut) for cut in self.edges))
            raise ShapeError(
                f"cropping takes {cuts} off an input of {by(lengths)}, and nothing is left: lower cropping"
            )
        return join_shape(left, channels, self.data_format)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return np.ascontiguousarray(x[self._inside(x.shape)]), x.shape

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        dx = np.zeros(cache, dy.dtype)
        dx[self._inside(cache)] = dy
        return dx


@layer()
class Cropping1D(_Cropping):
    """y = x without the first and last steps.

    x: (N, T, C) -> y: (N, T - before - after, C).
    """

    rank = 1

    cropping: Edges1D = option("steps to cut at both ends, or [before, after]", default=[1, 1])

    def setup(self) -> None:
        self.edges = (self.cropping,)


@layer()
class Cropping2D(_Cropping):
    """y = x without rows and columns at its edges.

    x: (N, H, W, C) -> y: (N, H - top - bottom, W - left - right, C).
    """

    rank = 2

    cropping: Edges2D = option(
        "what to cut: a number for all sides, [height, width], or [[top, bottom], [left, right]]",
        default=[[0, 0], [0, 0]],
        example=[[2, 2], [4, 4]],
    )
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def setup(self) -> None:
        self.edges = _pairs(self.cropping, self.rank)


@layer()
class Cropping3D(_Cropping):
    """y = x without what lies at its edges.

    x: (N, D, H, W, C) -> y: each of D, H, W shorter by what is cut at its two ends.
    """

    rank = 3

    cropping: Edges3D = option(
        "what to cut: a number for all sides, one for each axis, or [before, after] for each axis",
        default=[[1, 1], [1, 1], [1, 1]],
    )
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def setup(self) -> None:
        self.edges = _pairs(self.cropping, self.rank)


class _ZeroPadding(_Edges):
    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        grown = tuple(None if n is None else n + sum(more) for n, more in zip(lengths, self.edges, strict=True))
        return join_shape(grown, channels, self.data_format)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y = np.zeros((len(x), *(n or 0 for n in self.output_shape(x.shape[1:]))), x.dtype)
        y[self._inside(y.shape)] = x
        return y, None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return np.ascontiguousarray(dy[self._inside(dy.shape)])


@layer()
class ZeroPadding1D(_ZeroPadding):
    """y = x with zeros before the first and after the last step.

    x: (N, T, C) -> y: (N, before + T + after, C).
    """

    rank = 1

    padding: Edges1D = option("zeros to add at both ends, or [before, after]", default=1)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def setup(self) -> None:
        self.edges = (self.padding,)


@layer()
class ZeroPadding2D(_ZeroPadding):
    """y = x with a border of zeros.

    x: (N, H, W, C) -> y: (N, top + H + bottom, left + W + right, C).
    """

    rank = 2

    padding: Edges2D = option(
        "zeros to add: a number for all sides, [height, width], or [[top, bottom], [left, right]]", default=[1, 1]
    )
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def setup(self) -> None:
        self.edges = _pairs(self.padding, self.rank)


@layer()
class ZeroPadding3D(_ZeroPadding):
    """y = x with a border of zeros.

    x: (N, D, H, W, C) -> y: each of D, H, W longer by what is added at its two ends.
    """

    rank = 3

    padding: Edges3D = option(
        "zeros to add: a number for all sides, one for each axis, or [before, after] for each axis",
        default=[[1, 1], [1, 1], [1, 1]],
    )
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def setup(self) -> None:
        self.edges = _pairs(self.padding, self.rank)


def _pairs(given: int | tuple[Edge, ...], rank: int) -> tuple[tuple[int, int], ...]:
    """What a person gave, as (before, after) for each axis."""
    edges = (given,) * rank if isinstance(given, int) else given
    return tuple((edge, edge) if isinstance(edge, int) else edge for edge in edges)
