"""Activations that work along an axis, whose values depend on each other."""

from __future__ import annotations

import numpy as np

from seqnet.activations.base import Activation, times
from seqnet.arrays import Array, Cache, Shape
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels.elementwise import (
    INFINITY,
    log_softmax,
    log_softmax_backward,
    sigmoid,
    softmax,
    softmax_backward,
)
from seqnet.registry import register


@register("Softmax", name="softmax")
class Softmax(Activation):
    """y = exp(x) / Σ exp(x) along `axis`. Backward: dx = y (dy - Σ dy y)."""

    axis: int | tuple[int, ...] = option("axis, or axes, that sum to 1; 0 is the batch", default=-1)

    def output_shape(self, shape: Shape) -> Shape:
        check_axis(self.spec_name, self.axis, shape)
        return shape

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y = softmax(x, axis=self.axis, out=out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return softmax_backward(dy, cache, axis=self.axis, out=out)


@register("LogSoftmax", name="log_softmax")
class LogSoftmax(Activation):
    """y = x - log Σ exp(x) along `axis`. Backward: dx = dy - exp(y) Σ dy."""

    axis: int | tuple[int, ...] = option("axis, or axes, along which exp(y) sums to 1; 0 is the batch", default=-1)

    def output_shape(self, shape: Shape) -> Shape:
        check_axis(self.spec_name, self.axis, shape)
        return shape

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y = log_softmax(x, axis=self.axis, out=out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return log_softmax_backward(dy, cache, axis=self.axis, out=out)


@register("Sparsemax", name="sparsemax")
class Sparsemax(Activation):
    """y = max(x - τ, 0) along `axis`, τ such that Σ y = 1: the point of the simplex nearest to x.

    With x sorted downwards and k the largest count with k x_k > x_1 + … + x_k - 1: τ = (x_1 + … + x_k - 1) / k.
    Backward: dx = dy - the mean of dy over the entries where y > 0, and 0 at the other entries.
    Differs from Keras 3.15, where rows with more than one positive entry do not sum to 1 (keras issue 23425).

    Reference: A. Martins, R. Astudillo, From softmax to sparsemax, 2016, arXiv:1602.02068.
    """

    axis: int = option("axis that sums to 1; 0 is the batch", default=-1)

    def output_shape(self, shape: Shape) -> Shape:
        check_axis(self.spec_name, self.axis, shape)
        return shape

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        z = x - np.max(x, axis=self.axis, keepdims=True)  # keeps the sums below small
        falling = np.flip(np.sort(z, axis=self.axis), axis=self.axis)
        sums = np.cumsum(falling, axis=self.axis)
        sums -= 1.0
        along = [1] * x.ndim
        along[self.axis] = -1
        counts = np.arange(1, x.shape[self.axis] + 1, dtype=x.dtype).reshape(along)
        k = np.count_nonzero(counts * falling > sums, axis=self.axis, keepdims=True)
        tau = np.take_along_axis(sums, k - 1, axis=self.axis)
        tau /= k
        y: Array = np.subtract(z, tau, out=out)
        y.clip(0.0, INFINITY, out=y)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        support = cache > 0
        kept = dy * support
        mean = kept.sum(axis=self.axis, keepdims=True)
        mean /= np.count_nonzero(support, axis=self.axis, keepdims=True)
        dx: Array = np.subtract(dy, mean, out=out)
        dx *= support
        return dx


@register("GLU", name="glu")
class GLU(Activation):
    """y = a s with s = sigmoid(b), a and b being the two halves of x along `axis`, which y has half as long.

    Backward: da = dy s, db = dy y (1 - s). `out` is used only where its shape fits.

    Reference: Y. Dauphin, A. Fan, M. Auli, D. Grangier, Language modeling with gated convolutional networks, 2016,
    arXiv:1612.08083.
    """

    axis: int = option("axis that is split; its length must be even; 0 is the batch", default=-1)

    def output_shape(self, shape: Shape) -> Shape:
        check_axis(self.spec_name, self.axis, shape)
        lengths = [None, *shape]
        length = lengths[self.axis]
        if length is None:
            return shape
        lengths[self.axis] = self._half(length)
        return tuple(lengths[1:])

    def _half(self, length: int) -> int:
        if length % 2:
            raise ShapeError(f"glu splits axis {self.axis} in two halves, so its length must be even, got {length}")
        return length // 2

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        self._half(x.shape[self.axis])
        a, b = np.split(x, 2, axis=self.axis)
        gate = sigmoid(b)
        y: Array = np.multiply(a, gate, out=out if out is not None and out.shape == a.shape else None)
        return y, (gate, y)

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        gate, y = cache
        slopes = 1.0 - gate
        slopes *= y
        parts = [dy * gate, times(dy, slopes, None)]
        return np.concatenate(parts, axis=self.axis, out=out if out is not None and out.shape != dy.shape else None)


def check_axis(name: str, axis: int | tuple[int, ...], shape: Shape) -> None:
    """Whether every axis exists in arrays with rows of this shape, and is not the batch's. Raises ShapeError."""
    rank = len(shape) + 1
    for one in axis if isinstance(axis, tuple) else (axis,):
        if not -rank <= one < rank:
            raise ShapeError(f"{name}: axis {one} does not exist in x with {rank} axes; use -1 for the last")
        if one % rank == 0:
            raise ShapeError(
                f"{name}: axis {one} is the batch axis, so a row would depend on its neighbours; use -1 for the last"
            )
