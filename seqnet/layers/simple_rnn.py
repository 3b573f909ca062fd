"""The simple recurrent layer: the state is the output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import NonNegativeInt, PositiveInt
from seqnet.declare import option
from seqnet.layers.base import Context, ParamSpec, layer
from seqnet.layers.recurrent_base import CellOptions, RecurrentLayer, width_of
from seqnet.layers.recurrent_steps import Product, Steps, StepwiseCell
from seqnet.layers.regularization import SEED_HELP


class SimpleOptions(CellOptions):
    """The options of SimpleRNN and its cell."""

    units: PositiveInt = option("width of the output", example=64)


@layer()
class SimpleRNNCell(StepwiseCell, SimpleOptions):
    """h' = activation(x kernel + h recurrent_kernel + bias).

    x: (N, I), h: (N, units); kernel: (I, units), recurrent_kernel: (units, units), bias: (units,).
    """

    def setup(self) -> None:
        self.differs_in_training = self.dropout > 0 or self.recurrent_dropout > 0

    def output_shape(self, in_shape: Shape) -> Shape:
        return (self.units,)

    def state_shapes(self, in_shape: Shape) -> tuple[tuple[int, ...], ...]:
        return ((self.units,),)

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        u = self.units
        return self.specs((width_of(in_shape), u), (u, u), (u,), self.bias_initializer)

    def flops(self, in_shape: Shape) -> int:
        return self.units * (2 * (width_of(in_shape) + self.units) + self.use_bias)

    def begin(self, x: Array, ctx: Context) -> Steps:
        return _SimpleSteps(self, x, ctx)


class _SimpleSteps(Steps):
    def __init__(self, cell: SimpleRNNCell, x: Array, ctx: Context) -> None:
        rows, width = x.shape[1:]
        self.cell, self.x = cell, x
        self.into = Product(ctx.params["kernel"], cell.kept(ctx, cell.dropout, 1, (rows, width), x.dtype))
        kept = cell.kept(ctx, cell.recurrent_dropout, 1, (rows, cell.units), x.dtype)
        self.across = Product(ctx.params["recurrent_kernel"], kept)
        self.z = self.into.forward(x)
        if cell.use_bias:
            self.z += ctx.params["bias"]
        self.before, self.dz = np.zeros_like(self.z), np.zeros_like(self.z)

    def step(self, t: int, states: Sequence[Array]) -> tuple[list[Array], Cache]:
        self.before[t] = states[0]
        z = self.across.forward(states[0])
        z += self.z[t]
        y, cache = self.cell.activation.forward(z, out=z)
        return [y], cache

    def back(self, t: int, slopes: Sequence[Array], cache: Cache) -> list[Array]:
        self.dz[t] = self.cell.activation.backward(slopes[0], cache)
        return [self.across.backward(self.dz[t])]

    def close(self, ctx: Context, *, need_dx: bool) -> Array | None:
        if ctx.grads.views:
            ctx.grads.add("kernel", self.into.gradient(self.x, self.dz))
            ctx.grads.add("recurrent_kernel", self.across.gradient(self.before, self.dz))
            ctx.grads.add("bias", self.dz.sum(axis=(0, 1)))
        return self.into.backward(self.dz) if need_dx else None


@layer()
class SimpleRNN(SimpleOptions, RecurrentLayer):
    """h_t = activation(x_t kernel + h_{t-1} recurrent_kernel + bias); y is the last h, or with return_sequences all.

    x: (N, T, I) -> y: (N, units) or (N, T, units); kernel: (I, units), recurrent_kernel: (units, units), bias:
    (units,). A step that the mask leaves out keeps the state and repeats the output before.
    Backward: dz_t = activation'(z_t) (dy_t + dz_{t+1} recurrent_kernelᵀ), from the last step to the first.

    Reference: J. Elman, Finding structure in time, Cognitive Science 14, 1990.
    Differs from PyTorch, which has two biases.
    """

    seed: NonNegativeInt | None = option(SEED_HELP, default=None, last=35)

    def setup(self) -> None:
        self.cell = self.made_of(SimpleRNNCell)
        super().setup()
