"""The long short-term memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from seqnet.activations import Activation, Sigmoid, Tanh
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import PositiveInt
from seqnet.declare import option
from seqnet.kernels import lstm as kernel
from seqnet.kernels import lstm_inference as inference
from seqnet.kernels.recurrent import Weights
from seqnet.layers.base import Context, ParamSpec, layer
from seqnet.layers.recurrent_base import Cell, CellOptions, ForgetBias, Part, RecurrentLayer, Scan, width_of
from seqnet.layers.recurrent_steps import Linear, Product, Steps, StepwiseCell, sequence

CUDNN_HELP = "accepted for Keras's sake; changes nothing"


class GatedOptions(CellOptions):
    """Options of cells with gates."""

    recurrent_activation: Activation = option("applied to the gates", default="sigmoid", last=11)


class LSTMOptions(GatedOptions):
    """The options of LSTM and its cell."""

    units: PositiveInt = option("width of the output", example=64)
    unit_forget_bias: bool = option("start the forget gate's bias at 1", default=True, last=16)


@layer()
class LSTMCell(StepwiseCell, LSTMOptions):
    """c' = f c + i tanh(z_c); h' = o tanh(c'), with i, f, o = σ(z_i), σ(z_f), σ(z_o).

    z = x kernel + h recurrent_kernel + bias; σ is recurrent_activation, tanh activation. x: (N, I), h and c:
    (N, units); kernel: (I, 4 units), recurrent_kernel: (units, 4 units), bias: (4 units,), columns in the order
    i, f, c, o.
    """

    def setup(self) -> None:
        self.differs_in_training = self.dropout > 0 or self.recurrent_dropout > 0

    def output_shape(self, in_shape: Shape) -> Shape:
        return (self.units,)

    def state_shapes(self, in_shape: Shape) -> tuple[tuple[int, ...], ...]:
        return ((self.units,), (self.units,))

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        u = self.units
        start = ForgetBias(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer
        return self.specs((width_of(in_shape), 4 * u), (u, 4 * u), (4 * u,), start)

    def flops(self, in_shape: Shape) -> int:
        return 4 * self.units * (2 * (width_of(in_shape) + self.units) + self.use_bias + 1)

    def begin(self, x: Array, ctx: Context) -> Steps:
        rows, width = x.shape[1:]
        gates = 4 if self.recurrent_dropout else 1
        into = Product(ctx.params["kernel"], self.kept(ctx, self.dropout, gates, (rows, width), x.dtype))
        kept = self.kept(ctx, self.recurrent_dropout, 4, (rows, self.units), x.dtype)
        across = Product(ctx.params["recurrent_kernel"], kept)
        return LSTMSteps(self, x, into, across, ctx.params.get("bias"), (self.units,))

    def joins(self, other: Cell, training: bool) -> bool:
        alike = isinstance(other, LSTMCell) and other.units == self.units and other.has_kernel(training)
        return alike and self.has_kernel(training)

    def has_kernel(self, training: bool) -> bool:
        """Whether the fast kernel computes just this."""
        usual = type(self.activation) is Tanh and type(self.recurrent_activation) is Sigmoid
        return usual and not (training and self.recurrent_dropout)

    def scan(self, parts: Sequence[Part], *, last: bool) -> tuple[list[Scan], Cache]:
        if not self.has_kernel(parts[0].ctx.training):
            return super().scan(parts, last=last)
        xs, kept = drop_inputs(parts)
        starts = [None if part.start is None else (part.start[0], part.start[1]) for part in parts]
        given = xs, [weights_of(part) for part in parts], starts, paddings(parts)
        if not parts[0].ctx.training:
            ys, carries = inference.run(*given, last=last)
            made = [
                Scan(y[0] if last else y, (y[-1].copy(), carry.copy())) for y, carry in zip(ys, carries, strict=True)
            ]
            return made, (given, kept, last)
        tape = kernel.forward(*given)
        scans = []
        for d in range(len(parts)):
            end = tape.hidden[d, -1] * 0.5
            if last:
                y = end
            else:
                y = sequence(len(xs[d]), end)
                np.multiply(tape.hidden[d, 1:], 0.5, out=y)
            scans.append(Scan(y, (end, tape.carries[d, -1])))
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


class LSTMSteps(Steps):
    """Step by step, with any products of x and of h, and any activations. x: (T, N, ...), as `into` takes it."""

    def __init__(
        self, cell: GatedOptions, x: Array, into: Linear, across: Linear, bias: Array | None, state: tuple[int, ...]
    ) -> None:
        self.cell, self.x, self.into, self.across = cell, x, into, across
        self.z = into.forward(x)  # of all steps at once
        if bias is not None:
            self.z += bias
        self.before, self.dz = np.zeros((*x.shape[:2], *state), x.dtype), np.zeros_like(self.z)

    def step(self, t: int, states: Sequence[Array]) -> tuple[list[Array], Cache]:
        h, c = states
        self.before[t] = h
        z = self.across.forward(h)
        z += self.z[t]
        z_i, z_f, z_c, z_o = np.split(z, 4, axis=-1)
        gate, activation = self.cell.recurrent_activation, self.cell.activation
        i, cache_i = gate.forward(z_i)
        f, cache_f = gate.forward(z_f)
        o, cache_o = gate.forward(z_o)
        g, cache_c = activation.forward(z_c)
        carry = f * c + i * g
        a, cache_a = activation.forward(carry)
        return [o * a, carry.copy()], (c, i, f, g, o, a, cache_i, cache_f, cache_c, cache_o, cache_a)

    def back(self, t: int, slopes: Sequence[Array], cache: Cache) -> list[Array]:
        dh, dc = slopes
        c, i, f, g, o, a, cache_i, cache_f, cache_c, cache_o, cache_a = cache
        gate, activation = self.cell.recurrent_activation, self.cell.activation
        dc = dc + activation.backward(dh * o, cache_a)
        dz = (
            gate.backward(dc * g, cache_i),
            gate.backward(dc * c, cache_f),
            activation.backward(dc * i, cache_c),
            gate.backward(dh * a, cache_o),
        )
        np.concatenate(dz, axis=-1, out=self.dz[t])
        return [self.across.backward(self.dz[t]), dc * f]

    def close(self, ctx: Context, *, need_dx: bool) -> Array | None:
        if ctx.grads.views:
            bias = self.dz.reshape(-1, self.dz.shape[-1]).sum(axis=0)
            add_gradients(ctx, self.into.gradient(self.x, self.dz), self.across.gradient(self.before, self.dz), bias)
        return self.into.backward(self.dz) if need_dx else None


@layer()
class LSTM(LSTMOptions, RecurrentLayer):
    """Steps of an LSTMCell along a sequence; y is the last h, or with return_sequences all of them.

    x: (N, T, I) -> y: (N, units) or (N, T, units); kernel: (I, 4 units), recurrent_kernel: (units, 4 units), bias:
    (4 units,), columns in the order i, f, c, o. For z_t = x_t kernel + h_{t-1} recurrent_kernel + bias:
    i, f, o = σ(z_i), σ(z_f), σ(z_o); c_t = f c_{t-1} + i tanh(z_c); h_t = o tanh(c_t).
    A step that the mask leaves out keeps the states and repeats the output before.
    Backward, from the last step to the first: dh_t = dy_t + dz_{t+1} recurrent_kernelᵀ,
    dc_t = dh_t o tanh'(c_t) + dc_{t+1} f_{t+1}, and dz_t from these by the gates' derivatives.

    Reference: S. Hochreiter, J. Schmidhuber, Long short-term memory, Neural Computation 9, 1997; the forget gate:
    F. Gers, J. Schmidhuber, F. Cummins, Learning to forget, Neural Computation 12, 2000.
    Differs from PyTorch, which has two biases and the kernels transposed.
    """

    use_cudnn: Literal["auto"] | bool = option(CUDNN_HELP, default="auto", last=36)

    def setup(self) -> None:
        self.cell = self.made_of(LSTMCell)
        super().setup()


def weights_of(part: Part) -> Weights:
    """A part's weights for a kernel."""
    params = part.ctx.params
    return Weights(params["kernel"], params["recurrent_kernel"], params.get("bias"))


def paddings(parts: Sequence[Part]) -> Array | None:
    """The padding of parts that have all some or all none, (D, T, N)."""
    known = [part.padding for part in parts if part.padding is not None]
    return np.stack(known) if known else None


def drop_inputs(parts: Sequence[Part]) -> tuple[list[Array], list[Array | None]]:
    """x of each part with a share dropped, and what it was multiplied with, (N, I) or None."""
    xs: list[Array] = []
    drawn: list[Array | None] = []
    for part in parts:
        cell = part.cell
        assert isinstance(cell, CellOptions)
        kept = cell.kept(part.ctx, cell.dropout, 1, part.x.shape[1:], part.x.dtype)
        drawn.append(None if kept is None else kept[0])
        xs.append(part.x if kept is None else part.x * kept[0])
    return xs, drawn


def add_gradients(ctx: Context, kernel_part: Array, recurrent_part: Array, bias_part: Array) -> None:
    ctx.grads.add("kernel", kernel_part)
    ctx.grads.add("recurrent_kernel", recurrent_part)
    ctx.grads.add("bias", bias_part)
