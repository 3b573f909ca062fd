"""Long short-term memories whose products are convolutions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Pair, PositiveInt, Single, Triple
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels import convolution as kernels
from seqnet.kernels.windows import Scratch, Windows, in_three
from seqnet.layers.base import Context, ParamSpec, layer, show_shape
from seqnet.layers.convolution import strides_or_dilation
from seqnet.layers.lstm import GatedOptions, LSTMSteps
from seqnet.layers.recurrent_base import ForgetBias, Part, RecurrentLayer, Scan
from seqnet.layers.recurrent_steps import Linear, Steps, StepwiseCell
from seqnet.layers.spatial import (
    AXES,
    DATA_FORMAT_HELP,
    DataFormat,
    Padding,
    join_shape,
    output_lengths,
    require_channels,
    split_shape,
    windows_of,
)


class ConvLSTMOptions(GatedOptions):
    """The options of the layers and of their cell."""

    filters: PositiveInt = option("channels of the output", example=16)
    kernel_size: tuple[int, ...] = option("lengths of the window", example=3, last=1)
    strides: tuple[int, ...] = option("steps of the window over x; over the state they are 1", default=1, last=2)
    padding: Padding = option(
        "of x; valid: the window stays inside, same: zeros around it. The state is always padded to keep its lengths",
        default="valid",
        last=3,
    )
    data_format: DataFormat = option(DATA_FORMAT_HELP.replace("(N, ", "(N, T, "), default=None, last=4)
    dilation_rate: tuple[int, ...] = option("distance of the positions inside a window over x", default=1, last=5)
    unit_forget_bias: bool = option("start the forget gate's bias at 1", default=True, last=16)


class ConvLSTMCell(StepwiseCell, ConvLSTMOptions):
    """One step of a ConvLSTM layer; inside, channels come last."""

    def setup(self) -> None:
        self.differs_in_training = self.dropout > 0 or self.recurrent_dropout > 0
        self.rank = len(self.kernel_size)

    def output_shape(self, in_shape: Shape) -> Shape:
        return join_shape(self._lengths(in_shape), self.filters, self.data_format)

    def state_shapes(self, in_shape: Shape) -> tuple[tuple[int, ...], ...]:
        *lengths, _ = in_shape  # channels last, as the steps are run
        out = self._windows(tuple(n or 0 for n in lengths)).out[3 - self.rank :]
        return ((*out, self.filters),) * 2

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        _, channels = split_shape(in_shape, self.rank, self.data_format)
        start = ForgetBias(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer
        size, wide = self.kernel_size, 4 * self.filters
        return self.specs(
            (*size, require_channels(in_shape, channels), wide), (*size, self.filters, wide), (wide,), start
        )

    def flops(self, in_shape: Shape) -> int:
        _, channels = split_shape(in_shape, self.rank, self.data_format)
        terms = math.prod(self.kernel_size) * ((channels or 1) + self.filters)
        return math.prod(n or 1 for n in self._lengths(in_shape)) * 4 * self.filters * (2 * terms + self.use_bias + 1)

    def begin(self, x: Array, ctx: Context) -> Steps:
        params, rows = ctx.params, x.shape[1]
        state, _ = self.state_shapes(x.shape[2:])
        kept = self.kept(ctx, self.dropout, 4, (rows, *x.shape[2:]), x.dtype)
        into = _Convolution(params["kernel"], kept, self._windows(x.shape[2:-1]), ctx.scratch)
        kept = self.kept(ctx, self.recurrent_dropout, 4, (rows, *state), x.dtype)
        one = (1,) * self.rank
        around = windows_of(state[:-1], self.kernel_size, one, one, "same", "kernel_size")
        across = _Convolution(params["recurrent_kernel"], kept, around, ctx.scratch)
        return LSTMSteps(self, x, into, across, params.get("bias"), state)

    def scan(self, parts: Sequence[Part], *, last: bool) -> tuple[list[Scan], Cache]:
        if self.data_format != "channels_first":
            return super().scan(parts, last=last)
        parts = [replace(part, x=np.moveaxis(part.x, 2, -1)) for part in parts]
        scans, cache = super().scan(parts, last=last)
        return [replace(scan, y=np.moveaxis(scan.y, -1, 1 if last else 2)) for scan in scans], (cache, last)

    def scan_back(self, parts: Sequence[Part], dys: Sequence[Array], cache: Cache, *, need_dx: bool) -> list[Any]:
        if self.data_format != "channels_first":
            return super().scan_back(parts, dys, cache, need_dx=need_dx)
        cache, last = cache
        dys = [np.moveaxis(dy, 1 if last else 2, -1) for dy in dys]
        dxs = super().scan_back(parts, dys, cache, need_dx=need_dx)
        return [None if dx is None else np.moveaxis(dx, -1, 2) for dx in dxs]

    def _lengths(self, in_shape: Shape) -> tuple[int | None, ...]:
        lengths, _ = split_shape(in_shape, self.rank, self.data_format)
        return output_lengths(lengths, self.kernel_size, self.strides, self.dilation_rate, self.padding, "kernel_size")

    def _windows(self, lengths: tuple[int, ...]) -> Windows:
        return windows_of(lengths, self.kernel_size, self.strides, self.dilation_rate, self.padding, "kernel_size")


class _Convolution(Linear):
    """The convolution of x: (..., N, lengths, C) with a kernel whose filters are those of four gates.

    kept: (4, N, lengths, C), by which x is multiplied first, for each gate's filters; or None.
    """

    def __init__(self, kernel: Array, kept: Array | None, windows: Windows, scratch: Scratch) -> None:
        self.rank = kernel.ndim - 2
        self.shape = kernel.shape
        self.kernel = kernel.reshape((1,) * (3 - self.rank) + kernel.shape)
        self.kept, self.windows, self.scratch = kept, windows, scratch

    def forward(self, x: Array) -> Array:
        if self.kept is None:
            return self._convolved(x, self.kernel)
        pairs = zip(self.kept, np.split(self.kernel, 4, axis=-1), strict=True)
        return np.concatenate([self._convolved(x * kept, np.ascontiguousarray(part)) for kept, part in pairs], axis=-1)

    def backward(self, dz: Array) -> Array:
        if self.kept is None:
            return self._back(dz, self.kernel)
        gates = zip(self.kept, np.split(dz, 4, axis=-1), np.split(self.kernel, 4, axis=-1), strict=True)
        return sum(self._back(one, np.ascontiguousarray(part)) * kept for kept, one, part in gates)  # type: ignore

    def gradient(self, x: Array, dz: Array) -> Array:
        if self.kept is None:
            return self._gradient(x, dz).reshape(self.shape)
        gates = zip(self.kept, np.split(dz, 4, axis=-1), strict=True)
        return np.concatenate([self._gradient(x * kept, one) for kept, one in gates], axis=-1).reshape(self.shape)

    def _convolved(self, x: Array, kernel: Array) -> Array:
        z = kernels.convolve(self._images(x), kernel, None, self.windows, 1, self.scratch)
        return z.reshape(*x.shape[: -self.rank - 1], *self.windows.out[3 - self.rank :], kernel.shape[-1])

    def _back(self, dz: Array, kernel: Array) -> Array:
        dx = kernels.input_gradient(self._images(dz), kernel, self.windows, 1, self.scratch)
        return dx.reshape(*dz.shape[: -self.rank - 1], *self.windows.size[3 - self.rank :], kernel.shape[3])

    def _gradient(self, x: Array, dz: Array) -> Array:
        like = np.empty((*self.kernel.shape[:-1], dz.shape[-1]), dz.dtype)
        return kernels.kernel_gradient(self._images(x), self._images(dz), like, self.windows, 1, self.scratch)[0]

    def _images(self, x: Array) -> Array:
        """(M, D, H, W, C), contiguous, of (..., lengths, C)."""
        return in_three(np.ascontiguousarray(x).reshape(-1, *x.shape[-self.rank - 1 :]))


class _ConvLSTM(ConvLSTMOptions, RecurrentLayer):
    """What ConvLSTM1D, ConvLSTM2D and ConvLSTM3D share: everything but the number of axes."""

    rank: ClassVar[int]
    unroll: bool = option("accepted for Keras's sake; changes nothing", default=False, kw_only=True)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from super().cross_check(values)
        yield from strides_or_dilation(values)

    def setup(self) -> None:
        self.cell = self.made_of(ConvLSTMCell)
        super().setup()

    def _step_shape(self, in_shape: Shape) -> Shape:
        first = self.data_format == "channels_first"
        axes = f"time, channels, {AXES[self.rank]}" if first else f"time, {AXES[self.rank]}, channels"
        axes = axes.replace("time, time", "time, length").replace("channels, time", "channels, length")
        if len(in_shape) != self.rank + 2:
            raise ShapeError(f"needs rows with {self.rank + 2} axes ({axes}), got {show_shape(in_shape)}")
        if None in in_shape[1:]:
            raise ShapeError(f"the lengths of a step must be fixed, got {show_shape(in_shape)}")
        return in_shape[1:]


@layer()
class ConvLSTM1D(_ConvLSTM):
    """An LSTM along T whose steps are rows of L positions with C channels, and whose products are convolutions.

    x: (N, T, L, C) -> y: (N, L', filters), or with return_sequences (N, T, L', filters); kernel: (kernel_size, C,
    4 filters), recurrent_kernel: (kernel_size, filters, 4 filters), bias: (4 filters,), the gates in the order i, f, c,
    o. L' as in Conv1D. For z_t = x_t * kernel + h_{t-1} * recurrent_kernel + bias, * the convolution, the one of h
    padded to keep its length: i, f, o = σ(z_i), σ(z_f), σ(z_o); c_t = f c_{t-1} + i tanh(z_c); h_t = o tanh(c_t).

    Reference: X. Shi et al., Convolutional LSTM network, 2015, arXiv:1506.04214, without its peepholes.
    """

    rank = 1
    kernel_size: Single
    strides: Single
    dilation_rate: Single


@layer()
class ConvLSTM2D(_ConvLSTM):
    """ConvLSTM1D with steps that are images.

    x: (N, T, H, W, C) -> y: (N, H', W', filters), or with return_sequences (N, T, H', W', filters); kernel: (kH, kW,
    C, 4 filters), recurrent_kernel: (kH, kW, filters, 4 filters), bias: (4 filters,).
    """

    rank = 2
    kernel_size: Pair
    strides: Pair
    dilation_rate: Pair


@layer()
class ConvLSTM3D(_ConvLSTM):
    """ConvLSTM1D with steps that are volumes.

    x: (N, T, D, H, W, C) -> y: (N, D', H', W', filters), or with return_sequences (N, T, D', H', W', filters);
    kernel: (kD, kH, kW, C, 4 filters), recurrent_kernel: (kD, kH, kW, filters, 4 filters), bias: (4 filters,).
    """

    rank = 3
    kernel_size: Triple
    strides: Triple
    dilation_rate: Triple
