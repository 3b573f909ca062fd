"""Pooling: over windows, over the whole input, and to an output of a fixed size."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import lru_cache
from typing import ClassVar

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Pair, Single, Triple
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels import pooling as kernels
from seqnet.kernels.windows import Windows, in_three
from seqnet.layers.base import Context, Layer, layer
from seqnet.layers.spatial import (
    DATA_FORMAT_HELP,
    DataFormat,
    Padding,
    by,
    from_last,
    join_shape,
    output_lengths,
    split_shape,
    to_last,
    view_last,
    windows_of,
)

Edges = tuple[tuple[tuple[int, int], ...], ...]


class _WindowPooling(Layer):
    """What pooling over windows shares, whatever is taken of each and however many axes there are."""

    rank: ClassVar[int]

    pool_size: tuple[int, ...] = option("lengths of the window", default=2)
    strides: tuple[int, ...] | None = option(
        "steps of the window; default: pool_size, windows side by side", default=None
    )
    padding: Padding = option(
        "valid: windows lie inside the input; same: they may reach over its edges, where nothing counts",
        default="valid",
    )
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    name: str | None = option("a name of its own; default: the layer's type and a number", default=None)

    @abstractmethod
    def _pool(self, x: Array, windows: Windows, training: bool) -> tuple[Array, Cache]:
        """y and what backward needs; at inference as cheaply as can be."""

    @abstractmethod
    def _spread(self, dy: Array, cache: Cache, windows: Windows) -> Array:
        """dx."""

    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        steps = self.strides or self.pool_size
        out = output_lengths(lengths, self.pool_size, steps, (1,) * self.rank, self.padding, "pool_size")
        return join_shape(out, channels, self.data_format)

    def flops(self, in_shape: Shape) -> int:
        return math.prod(n or 1 for n in self.output_shape(in_shape)) * math.prod(self.pool_size)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        steps = self.strides or self.pool_size
        windows = windows_of(x.shape[1:-1], self.pool_size, steps, (1,) * self.rank, self.padding, "pool_size")
        y, cache = self._pool(in_three(x), windows, ctx.training)
        y = y.reshape(len(x), *windows.out[3 - self.rank :], x.shape[-1])
        return from_last(y, self.data_format), (windows, cache)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        windows, pool_cache = cache
        dy = to_last(dy, self.data_format)
        dx = self._spread(in_three(dy), pool_cache, windows)
        return view_last(dx.reshape(len(dy), *windows.size[3 - self.rank :], dy.shape[-1]), self.data_format)


class _MaxPooling(_WindowPooling):
    takes_largest = True

    def _pool(self, x: Array, windows: Windows, training: bool) -> tuple[Array, Cache]:
        y, choices = kernels.max_pool(x, windows, training)
        return y, (choices, None) if training else (None, x)

    def _spread(self, dy: Array, cache: Cache, windows: Windows) -> Array:
        choices, x = cache
        if choices is None:  # after a pass at inference, where no one asks for gradients as a rule
            _, choices = kernels.max_pool(x, windows, True)
        return kernels.max_pool_backward(dy, choices, windows)


class _AveragePooling(_WindowPooling):
    pool_size: tuple[int, ...] = option("lengths of the window", example=2)

    def _pool(self, x: Array, windows: Windows, training: bool) -> tuple[Array, Cache]:
        return kernels.average_pool(x, windows), None

    def _spread(self, dy: Array, cache: Cache, windows: Windows) -> Array:
        return kernels.average_pool_backward(dy, windows)


@layer("MaxPool1D")
class MaxPooling1D(_MaxPooling):
    """y[n, t, c] = max of x[n, t·strides + i, c] over i < pool_size.

    x: (N, T, C) -> y: (N, T', C); T' = floor((T - pool_size) / strides) + 1 for padding valid, ceil(T / strides) for
    same. Of equal maxima the first receives the gradient.
    """

    rank = 1
    pool_size: Single
    strides: Single | None


@layer("MaxPool2D")
class MaxPooling2D(_MaxPooling):
    """y[n, i, j, c] = the largest value of x[n, ·, ·, c] in the window.

    x: (N, H, W, C) -> y: (N, H', W', C), lengths as in MaxPooling1D. Of equal maxima the first in reading order
    receives the gradient.
    """

    rank = 2
    pool_size: Pair
    strides: Pair | None


@layer("MaxPool3D")
class MaxPooling3D(_MaxPooling):
    """y[n, i, j, k, c] = the largest value of x[n, ·, ·, ·, c] in the window.

    x: (N, D, H, W, C) -> y: (N, D', H', W', C), lengths as in MaxPooling1D.
    """

    rank = 3
    pool_size: Triple
    strides: Triple | None


@layer("AvgPool1D")
class AveragePooling1D(_AveragePooling):
    """y[n, t, c] = mean of x[n, t·strides + i, c] over i < pool_size.

    x: (N, T, C) -> y: (N, T', C), lengths as in MaxPooling1D. With padding same the mean is over the positions inside
    the input.
    """

    rank = 1
    pool_size: Single
    strides: Single | None


@layer("AvgPool2D")
class AveragePooling2D(_AveragePooling):
    """y[n, i, j, c] = the mean of x[n, ·, ·, c] over the window's positions inside the input.

    x: (N, H, W, C) -> y: (N, H', W', C), lengths as in MaxPooling1D.

    Differs from PyTorch: there the padding counts as zeros unless count_include_pad is false.
    """

    rank = 2
    pool_size: Pair
    strides: Pair | None


@layer("AvgPool3D")
class AveragePooling3D(_AveragePooling):
    """y[n, i, j, k, c] = the mean of x[n, ·, ·, ·, c] over the window's positions inside the input.

    x: (N, D, H, W, C) -> y: (N, D', H', W', C), lengths as in MaxPooling1D.
    """

    rank = 3
    pool_size: Triple
    strides: Triple | None


class _GlobalPooling(Layer):
    """What pooling over all positions shares."""

    rank: ClassVar[int]

    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    keepdims: bool = option("keep the pooled axes, with length 1", default=False)

    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        if 0 in lengths:
            raise ShapeError(f"there is nothing to pool in an input of {by(lengths)}")
        return join_shape((1,) * self.rank, channels, self.data_format) if self.keepdims else (channels,)

    def flops(self, in_shape: Shape) -> int:
        return math.prod(n or 1 for n in in_shape)

    def _rows(self, x: Array) -> Array:
        """x as (N, P, C), P positions."""
        x = to_last(x, self.data_format)
        return x.reshape(len(x), -1, x.shape[-1])

    def _shaped(self, y: Array) -> Array:
        """y (N, C) as it leaves the layer."""
        if not self.keepdims:
            return y
        return from_last(y.reshape(len(y), *(1,) * self.rank, -1), self.data_format)

    def _unshaped(self, dy: Array) -> Array:
        """The inverse of _shaped, as (N, 1, C)."""
        return dy.reshape(len(dy), 1, -1)

    def _back(self, dx: Array, shape: tuple[int, ...]) -> Array:
        """dx (N, P, C) in the shape of x."""
        if self.data_format == "channels_first":
            shape = (shape[0], *shape[2:], shape[1])
        return view_last(dx.reshape(shape), self.data_format)


class _GlobalMaxPooling(_GlobalPooling):
    takes_largest = True

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        rows = self._rows(x)
        y = np.maximum.reduce(rows, axis=1)
        return self._shaped(y), (rows, y, x.shape)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        rows, y, shape = cache
        return self._back(kernels.global_max_backward(self._unshaped(dy), rows, y[:, None]), shape)


class _GlobalAveragePooling(_GlobalPooling):
    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        rows = self._rows(x)
        weights = self._weights(rows, ctx)
        y = np.matmul(weights, rows)[:, 0]  # a product with weights is the fastest sum over positions
        return self._shaped(y), (weights, rows.shape, x.shape)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        weights, rows_shape, shape = cache
        dx = np.empty(rows_shape, dy.dtype)
        np.multiply(weights.swapaxes(1, 2), self._unshaped(dy), out=dx)
        return self._back(dx, shape)

    def _weights(self, rows: Array, ctx: Context) -> Array:
        """How much each position counts: (N or 1, 1, P)."""
        return np.full((1, 1, rows.shape[1]), 1.0 / rows.shape[1], rows.dtype)


@layer("GlobalMaxPool1D")
class GlobalMaxPooling1D(_GlobalMaxPooling):
    """y[n, c] = max of x[n, t, c] over t; equal maxima share the gradient. Masks have no effect, as in Keras.

    x: (N, T, C) -> y: (N, C), with keepdims (N, 1, C).
    """

    rank = 1


@layer("GlobalMaxPool2D")
class GlobalMaxPooling2D(_GlobalMaxPooling):
    """y[n, c] = max of x[n, i, j, c] over i and j; equal maxima share the gradient.

    x: (N, H, W, C) -> y: (N, C), with keepdims (N, 1, 1, C).
    """

    rank = 2


@layer("GlobalMaxPool3D")
class GlobalMaxPooling3D(_GlobalMaxPooling):
    """y[n, c] = max of x[n, i, j, k, c] over i, j and k; equal maxima share the gradient.

    x: (N, D, H, W, C) -> y: (N, C), with keepdims (N, 1, 1, 1, C).
    """

    rank = 3


@layer("GlobalAvgPool1D")
class GlobalAveragePooling1D(_GlobalAveragePooling):
    """y[n, c] = mean of x[n, t, c] over the steps t that the mask keeps.

    x: (N, T, C) -> y: (N, C), with keepdims (N, 1, C). A row whose steps are all masked gives 0.

    Differs from Keras: there such a row gives NaN.
    """

    rank = 1

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return None

    def _weights(self, rows: Array, ctx: Context) -> Array:
        if ctx.mask is None:
            return super()._weights(rows, ctx)
        kept = ctx.mask.astype(rows.dtype)  # (N, T)
        kept /= np.maximum(kept.sum(axis=1, keepdims=True), 1.0)
        return kept[:, None]


@layer("GlobalAvgPool2D")
class GlobalAveragePooling2D(_GlobalAveragePooling):
    """y[n, c] = mean of x[n, i, j, c] over i and j.

    x: (N, H, W, C) -> y: (N, C), with keepdims (N, 1, 1, C).
    """

    rank = 2


@layer("GlobalAvgPool3D")
class GlobalAveragePooling3D(_GlobalAveragePooling):
    """y[n, c] = mean of x[n, i, j, k, c] over i, j and k.

    x: (N, D, H, W, C) -> y: (N, C), with keepdims (N, 1, 1, 1, C).
    """

    rank = 3


class _AdaptivePooling(Layer):
    """What pooling to a fixed size shares."""

    rank: ClassVar[int]

    output_size: tuple[int, ...] = option("lengths of the output", example=4)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        if 0 in lengths:
            raise ShapeError(f"there is nothing to pool in an input of {by(lengths)}")
        return join_shape(self.output_size, channels, self.data_format)

    def flops(self, in_shape: Shape) -> int:
        return math.prod(n or 1 for n in in_shape)

    def _edges(self, x: Array) -> Edges:
        return _adaptive_edges(x.shape[1:-1], self.output_size)


class _AdaptiveMaxPooling(_AdaptivePooling):
    takes_largest = True

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        y, kept = kernels.adaptive_max_pool(x, self._edges(x), True)
        return from_last(y, self.data_format), (kept, x.shape[1:-1])

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        kept, lengths = cache
        edges = _adaptive_edges(lengths, self.output_size)
        dx = kernels.adaptive_max_pool_backward(to_last(dy, self.data_format), kept, edges, lengths)
        return view_last(dx, self.data_format)


class _AdaptiveAveragePooling(_AdaptivePooling):
    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        y = kernels.adaptive_average_pool(x, self._edges(x))
        return from_last(y, self.data_format), x.shape[1:-1]

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        edges = _adaptive_edges(cache, self.output_size)
        dx = kernels.adaptive_average_pool_backward(to_last(dy, self.data_format), edges, cache)
        return view_last(dx, self.data_format)


@layer()
class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """y[n, i, c] = max of x[n, t, c] over floor(i T / T') <= t < ceil((i + 1) T / T'), T' = output_size.

    x: (N, T, C) -> y: (N, T', C).
    """

    rank = 1
    output_size: Single


@layer()
class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """AdaptiveMaxPooling1D along height and width.

    x: (N, H, W, C) -> y: (N, H', W', C) with output_size [H', W'].
    """

    rank = 2
    output_size: Pair


@layer()
class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """AdaptiveMaxPooling1D along depth, height and width.

    x: (N, D, H, W, C) -> y: (N, D', H', W', C) with output_size [D', H', W'].
    """

    rank = 3
    output_size: Triple


@layer()
class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """y[n, i, c] = mean of x[n, t, c] over floor(i T / T') <= t < ceil((i + 1) T / T'), T' = output_size.

    x: (N, T, C) -> y: (N, T', C).
    """

    rank = 1
    output_size: Single


@layer()
class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """AdaptiveAveragePooling1D along height and width.

    x: (N, H, W, C) -> y: (N, H', W', C) with output_size [H', W'].
    """

    rank = 2
    output_size: Pair


@layer()
class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """AdaptiveAveragePooling1D along depth, height and width.

    x: (N, D, H, W, C) -> y: (N, D', H', W', C) with output_size [D', H', W'].
    """

    rank = 3
    output_size: Triple


@lru_cache(maxsize=256)
def _adaptive_edges(lengths: tuple[int, ...], output_size: tuple[int, ...]) -> Edges:
    """First and last + 1 position of each window along each axis."""
    return tuple(
        tuple((i * n // out, -(-(i + 1) * n // out)) for i in range(out))
        for n, out in zip(lengths, output_size, strict=True)
    )
