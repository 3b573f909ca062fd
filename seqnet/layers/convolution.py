"""Convolution over one, two and three axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from seqnet.activations.base import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Pair, PositiveInt, Single, Triple
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.initializers import Initializer
from seqnet.kernels import convolution as kernels
from seqnet.kernels.windows import Windows, in_three
from seqnet.layers.base import Context, Layer, ParamSpec, layer
from seqnet.layers.spatial import (
    DATA_FORMAT_HELP,
    DataFormat,
    Padding,
    from_last,
    join_shape,
    output_lengths,
    require_channels,
    split_shape,
    to_last,
    view_last,
    windows_of,
)
from seqnet.regularizers import Regularizer


class _Convolution(Layer):
    """What Conv1D, Conv2D and Conv3D share: everything but the number of axes."""

    activation_is_last = True
    channels_from = "kernel"
    rank: ClassVar[int]

    filters: PositiveInt = option("channels of the output", example=32)
    kernel_size: tuple[int, ...] = option("lengths of the window", example=3)
    strides: tuple[int, ...] = option("steps of the window", default=1)
    padding: str = option(
        "valid: the window stays inside the input; same: zeros around it, so that stride 1 keeps the lengths",
        default="valid",
    )
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    dilation_rate: tuple[int, ...] = option("distance of the positions inside a window", default=1)
    groups: PositiveInt = option("channels are cut into this many groups, each with filters of its own", default=1)
    activation: Activation = option("applied to the output", default="linear")
    use_bias: bool = option("add a bias to each channel", default=True)
    kernel_initializer: Initializer = option("how the kernel starts", default="glorot_uniform")
    bias_initializer: Initializer = option("how the bias starts", default="zeros")
    kernel_regularizer: Regularizer | None = option("penalty on the kernel", default=None)
    bias_regularizer: Regularizer | None = option("penalty on the bias", default=None)
    activity_regularizer: Regularizer | None = option("penalty on the output", default=None)
    kernel_constraint: Constraint | None = option("applied to the kernel after each update", default=None)
    bias_constraint: Constraint | None = option("applied to the bias after each update", default=None)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["filters"] % values["groups"]:
            yield (
                "groups",
                f"filters must be divisible by groups, got {values['filters']} filters in {values['groups']} groups",
            )
        yield from strides_or_dilation(values)

    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        if require_channels(in_shape, channels) % self.groups:
            raise ShapeError(
                f"the input's channels must be divisible by groups, got {channels} channels for {self.groups} groups"
            )
        out = output_lengths(lengths, self.kernel_size, self.strides, self.dilation_rate, self.padding, "kernel_size")
        return self.activation.output_shape(join_shape(out, self.filters, self.data_format))

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        _, channels = split_shape(in_shape, self.rank, self.data_format)
        shape = (*self.kernel_size, require_channels(in_shape, channels) // self.groups, self.filters)
        specs = {
            "kernel": ParamSpec(
                shape,
                self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
        }
        if self.use_bias:
            specs["bias"] = ParamSpec(
                (self.filters,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        return specs

    def flops(self, in_shape: Shape) -> int:
        _, channels = split_shape(in_shape, self.rank, self.data_format)
        lengths, _ = split_shape(self.output_shape(in_shape), self.rank, self.data_format)
        terms = math.prod(self.kernel_size) * (channels or 1) // self.groups
        return math.prod(n or 1 for n in lengths) * self.filters * (2 * terms + self.use_bias)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        windows = self._windows(x)
        kernel, bias = self._kernel(ctx), ctx.params.get("bias")
        z = kernels.convolve(in_three(x), kernel, bias, windows, self.groups, ctx.scratch)
        z = from_last(z.reshape(len(x), *windows.out[3 - self.rank :], self.filters), self.data_format)
        y, cache = self.activation.forward(z, out=z)
        return y, (x, windows, cache)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        x, windows, activation_cache = cache
        dz = to_last(self.activation.backward(dy, activation_cache), self.data_format)
        kernel, grads = self._kernel(ctx), ctx.grads
        dz3 = in_three(dz)
        if grads.wants("kernel") or grads.wants("bias"):
            dkernel, dbias = kernels.kernel_gradient(in_three(x), dz3, kernel, windows, self.groups, ctx.scratch)
            grads.add("kernel", dkernel.reshape(ctx.params["kernel"].shape))
            grads.add("bias", dbias)
        if not need_dx:
            return None
        dx = kernels.input_gradient(dz3, kernel, windows, self.groups, ctx.scratch)
        return view_last(dx.reshape(x.shape), self.data_format)

    def _windows(self, x: Array) -> Windows:
        return windows_of(
            x.shape[1:-1], self.kernel_size, self.strides, self.dilation_rate, self.padding, "kernel_size"
        )

    def _kernel(self, ctx: Context) -> Array:
        """The kernel with three spatial axes."""
        kernel = ctx.params["kernel"]
        return kernel.reshape((1,) * (3 - self.rank) + kernel.shape)


@layer("Convolution1D")
class Conv1D(_Convolution):
    """y[n, t, f] = activation(Σ over taps i, channels c of x[n, t·stride + i·dilation, c] kernel[i, c, f] + bias[f]).

    x: (N, T, C) -> y: (N, T', filters); kernel: (kernel_size, C / groups, filters), bias: (filters,).
    T' = floor((T - reach) / stride) + 1 with reach = (kernel_size - 1)·dilation + 1 for padding valid, ceil(T / stride)
    for same and causal; causal looks at the present and the past alone.
    """

    rank = 1
    kernel_size: Single
    strides: Single
    dilation_rate: Single
    padding: Literal["valid", "same", "causal"]


@layer("Convolution2D")
class Conv2D(_Convolution):
    """y[n, i, j, f] = activation(Σ of x[n, i·s + a·d, j·s + b·d, c] kernel[a, b, c, f] over a, b, c + bias[f]).

    s: stride, d: dilation rate, a and b: positions in the window.

    x: (N, H, W, C) -> y: (N, H', W', filters); kernel: (kH, kW, C / groups, filters), bias: (filters,).
    H' = floor((H - reach) / s) + 1 with reach = (kH - 1)·d + 1 for padding valid, ceil(H / s) for same.

    Differs from PyTorch: padding same puts the odd zero at the end; the kernel's axes are (kH, kW, C, F).
    """

    rank = 2
    kernel_size: Pair
    strides: Pair
    dilation_rate: Pair
    padding: Padding


@layer("Convolution3D")
class Conv3D(_Convolution):
    """Conv2D with one more axis.

    x: (N, D, H, W, C) -> y: (N, D', H', W', filters); kernel: (kD, kH, kW, C / groups, filters), bias: (filters,).
    """

    rank = 3
    kernel_size: Triple
    strides: Triple
    dilation_rate: Triple
    padding: Padding


def strides_or_dilation(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The rule that a window can't both step and be spread."""
    if max(values["strides"]) > 1 and max(values["dilation_rate"]) > 1:
        yield (
            "dilation_rate",
            f"strides above 1 and dilation_rate above 1 exclude each other, got strides {values['strides']} "
            f"and dilation_rate {values['dilation_rate']}",
        )
