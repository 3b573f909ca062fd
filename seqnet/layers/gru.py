"""The gated recurrent unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from seqnet.activations import Sigmoid, Tanh
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import PositiveInt
from seqnet.declare import option
from seqnet.kernels import gru as kernel
from seqnet.kernels import gru_inference as inference
from seqnet.layers.base import Context, ParamSpec, layer
from seqnet.layers.lstm import CUDNN_HELP, GatedOptions, add_gradients, drop_inputs, paddings, weights_of
from seqnet.layers.recurrent_base import Cell, Part, RecurrentLayer, Scan, width_of
from seqnet.layers.recurrent_steps import Product, Steps, StepwiseCell, sequence

RESET_HELP = "apply the reset gate after the product with the recurrent kernel, which then has a bias of its own"


class GRUOptions(GatedOptions):
    """The options of GRU and its cell."""

    units: PositiveInt = option("width of the output", example=64)
    reset_after: bool = option(RESET_HELP, default=True, last=26)


@layer()
class GRUCell(StepwiseCell, GRUOptions):
    """z, r = σ(·), σ(·); h' = z h + (1 - z) tanh(x kernel_h + bias_h + r (h recurrent_h + bias'_h)).

    σ is recurrent_activation, tanh activation; z and r are made from x kernel + h recurrent_kernel + biases. Without
    reset_after the product is (r h) recurrent_h, and there is one bias. x: (N, I), h: (N, units); kernel:
    (I, 3 units), recurrent_kernel: (units, 3 units), bias: (2, 3 units) for x and h, or (3 units,), columns in the
    order z, r, h.
    """

    def setup(self) -> None:
        self.differs_in_training = self.dropout > 0 or self.recurrent_dropout > 0

    def output_shape(self, in_shape: Shape) -> Shape:
        return (self.units,)

    def state_shapes(self, in_shape: Shape) -> tuple[tuple[int, ...], ...]:
        return ((self.units,),)

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        u = self.units
        bias = (2, 3 * u) if self.reset_after else (3 * u,)
        return self.specs((width_of(in_shape), 3 * u), (u, 3 * u), bias, self.bias_initializer)

    def flops(self, in_shape: Shape) -> int:
        biases = self.use_bias * (1 + self.reset_after)
        return self.units * (3 * (2 * (width_of(in_shape) + self.units) + biases) + 4)

    def begin(self, x: Array, ctx: Context) -> Steps:
        return _GRUSteps(self, x, ctx)

    def joins(self, other: Cell, training: bool) -> bool:
        alike = isinstance(other, GRUCell) and other.units == self.units and other.has_kernel(training)
        return alike and self.has_kernel(training)

    def has_kernel(self, training: bool) -> bool:
        """Whether the fast kernel computes just this."""
        usual = type(self.activation) is Tanh and type(self.recurrent_activation) is Sigmoid
        return usual and self.reset_after and not (training and self.recurrent_dropout)

    def scan(self, parts: Sequence[Part], *, last: bool) -> tuple[list[Scan], Cache]:
        if not self.has_kernel(parts[0].ctx.training):
            return super().scan(parts, last=last)
        xs, kept = drop_inputs(parts)
        starts = [None if part.start is None else part.start[0] for part in parts]
        given = xs, [weights_of(part) for part in parts], starts, paddings(parts)
        if not parts[0].ctx.training:
            ys = inference.run(*given, last=last)
            return [Scan(y[0] if last else y, (y[-1].copy(),)) for y in ys], (given, kept, last)
        tape = kernel.forward(*given)
        scans = []
        for d in range(len(parts)):
            end = tape.hidden[d, -1].copy()
            if last:
                y = end
            else:
                y = sequence(len(xs[d]), end)
                y[...] = tape.hidden[d, 1:]
            scans.append(Scan(y, (end,)))
        return scans, (tape, kept, last)

    def scan_back(self, parts: Sequence[Part], dys: Sequence[Array], cache: Cache, *, need_dx: bool) -> list[Any]:
        if isinstance(cache, list):
            return super().scan_back(parts, dys, cache, need_dx=need_dx)
        tape, kept, last = cache
        if not isinstance(tape, kernel.Tape):  # a gradient is asked for after all
            tape = kernel.forward(*tape)
        e = kernel.backward(tape, [weights_of(part) for part in parts], dys, last=last)
        for d, part in enumerate(parts):
            if part.ctx.grads.views:
                add_gradients(part.ctx, *kernel.weight_gradients(tape, e, d))
        if not need_dx:
            return [None] * len(parts)
        dxs = [kernel.input_gradient(e, part.ctx.params["kernel"], d) for d, part in enumerate(parts)]
        return [dx if one is None else dx * one for dx, one in zip(dxs, kept, strict=True)]


class _GRUSteps(Steps):
    def __init__(self, cell: GRUCell, x: Array, ctx: Context) -> None:
        rows, width = x.shape[1:]
        u, recurrent = cell.units, ctx.params["recurrent_kernel"]
        gates = 3 if cell.recurrent_dropout else 1
        self.cell, self.x = cell, x
        self.into = Product(ctx.params["kernel"], cell.kept(ctx, cell.dropout, gates, (rows, width), x.dtype))
        kept = cell.kept(ctx, cell.recurrent_dropout, 3, (rows, u), x.dtype)
        # z and r need the state itself, the candidate without reset_after the state that r has been at.
        self.across = Product(recurrent[:, : 2 * u], None if kept is None else kept[:2])
        self.inner = Product(recurrent[:, 2 * u :], None if kept is None else kept[2:])
        self.z = self.into.forward(x)
        self.bias: Array | float = 0.0  # of the inner product
        if cell.use_bias and cell.reset_after:
            bias = ctx.params["bias"]
            self.z += bias[0]
            self.z[..., : 2 * u] += bias[1, : 2 * u]
            self.bias = bias[1, 2 * u :]
        elif cell.use_bias:
            self.z += ctx.params["bias"]
        self.before = np.zeros((*x.shape[:2], u), x.dtype)
        self.inside = np.zeros_like(self.before)  # what the inner product was made of
        self.dz, self.dinner = np.zeros_like(self.z), np.zeros_like(self.before)

    def step(self, t: int, states: Sequence[Array]) -> tuple[list[Array], Cache]:
        (h,) = states
        u, gate = self.cell.units, self.cell.recurrent_activation
        self.before[t] = h
        both = self.across.forward(h)
        both += self.z[t, :, : 2 * u]
        z, cache_z = gate.forward(both[:, :u])
        r, cache_r = gate.forward(both[:, u:])
        self.inside[t] = h if self.cell.reset_after else r * h
        product = self.inner.forward(self.inside[t])
        product += self.bias
        reset = r * product if self.cell.reset_after else product
        g, cache_g = self.cell.activation.forward(self.z[t, :, 2 * u :] + reset)
        return [z * h + (1 - z) * g], (h, z, r, g, product, cache_z, cache_r, cache_g)

    def back(self, t: int, slopes: Sequence[Array], cache: Cache) -> list[Array]:
        (dh,) = slopes
        h, z, r, g, product, cache_z, cache_r, cache_g = cache
        u, gate = self.cell.units, self.cell.recurrent_activation
        dg = self.cell.activation.backward(dh * (1 - z), cache_g)
        before = dh * z
        if self.cell.reset_after:
            self.dinner[t] = dg * r
            dr = dg * product
            before += self.inner.backward(self.dinner[t])
        else:
            self.dinner[t] = dg
            inside = self.inner.backward(dg)
            dr = inside * h
            before += inside * r
        dz = (gate.backward(dh * (h - g), cache_z), gate.backward(dr, cache_r), dg)
        np.concatenate(dz, axis=1, out=self.dz[t])
        before += self.across.backward(self.dz[t, :, : 2 * u])
        return [before]

    def close(self, ctx: Context, *, need_dx: bool) -> Array | None:
        u, dz = self.cell.units, self.dz
        if ctx.grads.views:
            across = self.across.gradient(self.before, dz[..., : 2 * u])
            recurrent = np.concatenate([across, self.inner.gradient(self.inside, self.dinner)], axis=1)
            bias = dz.sum(axis=(0, 1))
            if self.cell.reset_after:
                bias = np.stack([bias, np.concatenate([bias[: 2 * u], self.dinner.sum(axis=(0, 1))])])
            add_gradients(ctx, self.into.gradient(self.x, dz), recurrent, bias)
        return self.into.backward(dz) if need_dx else None


@layer()
class GRU(GRUOptions, RecurrentLayer):
    """Steps of a GRUCell along a sequence; y is the last h, or with return_sequences all of them.

    x: (N, T, I) -> y: (N, units) or (N, T, units); kernel: (I, 3 units), recurrent_kernel: (units, 3 units), bias:
    (2, 3 units), for x and for h, columns in the order z, r, h. For a_t = x_t kernel + bias[0] and
    b_t = h_{t-1} recurrent_kernel + bias[1]: z, r = σ(a_z + b_z), σ(a_r + b_r); g = tanh(a_h + r b_h);
    h_t = z h_{t-1} + (1 - z) g. With reset_after false: bias (3 units,), g = tanh(a_h + (r h_{t-1}) recurrent_h).
    A step that the mask leaves out keeps the state and repeats the output before.
    Backward, from the last step to the first: dh_t = dy_t + z dh_{t+1} + what comes through the products, and the
    gradients of a_t and b_t from it by the gates' derivatives.

    Reference: K. Cho et al., Learning phrase representations using RNN encoder-decoder, 2014, arXiv:1406.1078
    (version 1: reset_after, version 3: not). PyTorch orders the gates r, z, n, and transposes the kernels.
    """

    reset_after: bool = option(RESET_HELP, default=True, last=35)
    use_cudnn: Literal["auto"] | bool = option(CUDNN_HELP, default="auto", last=36)

    def setup(self) -> None:
        self.cell = self.made_of(GRUCell)
        super().setup()
