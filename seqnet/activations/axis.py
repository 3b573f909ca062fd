"""Activations that work along an axis, whose values depend on each other."""

from __future__ import annotations

from seqnet.activations.base import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels.elementwise import softmax, softmax_backward
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
