"""One layer for every step of a sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.layers.base import Context, Layer, layer, show_shape
from seqnet.layers.core import Input
from seqnet.layers.inner import run, run_back


@layer()
class TimeDistributed(Layer):
    """y[:, t] = f(x[:, t]) for every step t, f a layer with one set of weights.

    x: (N, T, ...) -> y: (N, T, ...). A layer with statistics over a batch (BatchNormalization) takes those of each
    step alone, one step after the other. Backward: the gradients of f's weights add over the steps.
    """

    supports_masking = True

    layer: Layer = option("what is applied to each step", example={"Dense": {"units": 64}})

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        inner = values["layer"]
        if isinstance(inner, Input) or inner.adapts:
            yield "layer", f"{inner.spec_name} must stand in the model's own list, before the TimeDistributed"
        elif inner.carries_state:
            yield "layer", f"{inner.spec_name} carries its state from step to step; use stateful: false inside"

    def setup(self) -> None:
        inner = self.layer
        self.couples_rows, self.differs_in_training = inner.couples_rows, inner.differs_in_training
        self.takes_integers = inner.takes_integers

    def output_shape(self, in_shape: Shape) -> Shape:
        if len(in_shape) < 2:
            raise ShapeError(
                f"needs rows with at least 2 axes (time, …), got {show_shape(in_shape)}; "
                f"to use {self.layer.spec_name} on the whole row, write it without TimeDistributed"
            )
        return (in_shape[0], *self.layer.output_shape(in_shape[1:]))

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        return [(self.layer, in_shape[1:])]

    def flops(self, in_shape: Shape) -> int:
        return (in_shape[0] or 1) * self.layer.flops(in_shape[1:])

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        rows, steps = x.shape[:2]
        if not (self.layer.couples_rows and ctx.training):  # then a step is but another row
            ctx.worker.first *= steps
            flat, _, cache = run(self.layer, x.reshape(rows * steps, *x.shape[2:]), ctx, 0, None)
            ctx.worker.first //= steps
            return flat.reshape(rows, steps, *flat.shape[1:]), (x.shape, cache)
        ys, caches = [], []
        for t in range(steps):
            y, _, cache = run(self.layer, x[:, t], ctx, 0, None if ctx.mask is None else ctx.mask[:, t])
            ys.append(y)
            caches.append(cache)
        return np.stack(ys, axis=1), (x.shape, caches)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        shape, inner = cache
        rows, steps = shape[:2]
        if not isinstance(inner, list):
            flat = run_back(self.layer, dy.reshape(rows * steps, *dy.shape[2:]), inner, ctx, 0, need_dx=need_dx)
            return None if flat is None else flat.reshape(shape)
        dxs = [run_back(self.layer, dy[:, t], inner[t], ctx, 0, need_dx=need_dx) for t in range(steps)]
        known = [dx for dx in dxs if dx is not None]
        return np.stack(known, axis=1) if known else None
