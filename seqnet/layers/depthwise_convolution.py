"""Depthwise convolution, and depthwise followed by pointwise: the separable convolution."""

from __future__ import annotations

import math
from typing import ClassVar

from seqnet.activations.base import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Pair, PositiveInt, Single
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.initializers import Initializer
from seqnet.kernels import convolution as kernels
from seqnet.kernels.products import column_sums, multiplied, summed
from seqnet.kernels.windows import Scratch, Windows, add_bias, in_three
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

PADDING_HELP = "valid: the window stays inside the input; same: zeros around it, so that stride 1 keeps the lengths"
DILATION_HELP = "distance of the positions inside a window"
MULTIPLIER_HELP = "channels made of each input channel"


class _DepthwiseConvolution(Layer):
    """What DepthwiseConv1D and DepthwiseConv2D share: everything but the number of axes."""

    activation_is_last = True
    channels_from = "kernel"
    rank: ClassVar[int]

    kernel_size: tuple[int, ...] = option("lengths of the window", example=3)
    strides: tuple[int, ...] = option("steps of the window", default=1)
    padding: Padding = option(PADDING_HELP, default="valid")
    depth_multiplier: PositiveInt = option(MULTIPLIER_HELP, default=1)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    dilation_rate: tuple[int, ...] = option(DILATION_HELP, default=1)
    activation: Activation = option("applied to the output", default="linear")
    use_bias: bool = option("add a bias to each channel", default=True)
    depthwise_initializer: Initializer = option("how the kernel starts", default="glorot_uniform")
    bias_initializer: Initializer = option("how the bias starts", default="zeros")
    depthwise_regularizer: Regularizer | None = option("penalty on the kernel", default=None)
    bias_regularizer: Regularizer | None = option("penalty on the bias", default=None)
    activity_regularizer: Regularizer | None = option("penalty on the output", default=None)
    depthwise_constraint: Constraint | None = option("applied to the kernel after each update", default=None)
    bias_constraint: Constraint | None = option("applied to the bias after each update", default=None)

    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        width = require_channels(in_shape, channels) * self.depth_multiplier
        out = output_lengths(lengths, self.kernel_size, self.strides, self.dilation_rate, self.padding, "kernel_size")
        return self.activation.output_shape(join_shape(out, width, self.data_format))

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        channels = require_channels(in_shape, split_shape(in_shape, self.rank, self.data_format)[1])
        specs = {
            "kernel": ParamSpec(
                (*self.kernel_size, channels, self.depth_multiplier),
                self.depthwise_initializer,
                regularizer=self.depthwise_regularizer,
                constraint=self.depthwise_constraint,
            )
        }
        if self.use_bias:
            specs["bias"] = ParamSpec(
                (channels * self.depth_multiplier,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        return specs

    def flops(self, in_shape: Shape) -> int:
        out, width = split_shape(self.output_shape(in_shape), self.rank, self.data_format)
        return math.prod(n or 1 for n in out) * (width or 1) * (2 * math.prod(self.kernel_size) + self.use_bias)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        windows = windows_of(
            x.shape[1:-1], self.kernel_size, self.strides, self.dilation_rate, self.padding, "kernel_size"
        )
        z = _each_channel(x, ctx.params["kernel"], ctx.params.get("bias"), windows, ctx.scratch)
        z = from_last(z.reshape(len(x), *windows.out[3 - self.rank :], z.shape[-1]), self.data_format)
        y, cache = self.activation.forward(z, out=z)
        return y, (x, windows, cache)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        x, windows, activation_cache = cache
        dz = to_last(self.activation.backward(dy, activation_cache), self.data_format)
        dx = _each_channel_backward(x, dz, "kernel", windows, ctx, need_dx)
        return None if dx is None else view_last(dx, self.data_format)


@layer()
class DepthwiseConv1D(_DepthwiseConvolution):
    """y[n, t, c·m + j] = activation(Σ of x[n, t·stride + i·dilation, c] kernel[i, c, j] over i + bias[c·m + j]).

    x: (N, T, C) -> y: (N, T', C·m) with m = depth_multiplier; kernel: (kernel_size, C, m), bias: (C·m,).
    Lengths as in Conv1D.
    """

    rank = 1
    kernel_size: Single
    strides: Single
    dilation_rate: Single


@layer()
class DepthwiseConv2D(_DepthwiseConvolution):
    """y[n, i, j, c·m + k] = activation(Σ of x[n, i·s + a·d, j·s + b·d, c] kernel[a, b, c, k] + bias[c·m + k]).

    x: (N, H, W, C) -> y: (N, H', W', C·m) with m = depth_multiplier; kernel: (kH, kW, C, m), bias: (C·m,).
    Lengths as in Conv2D.
    """

    rank = 2
    kernel_size: Pair
    strides: Pair
    dilation_rate: Pair


class _SeparableConvolution(Layer):
    """What SeparableConv1D and SeparableConv2D share: everything but the number of axes."""

    activation_is_last = True
    channels_from = "pointwise_kernel"
    rank: ClassVar[int]

    filters: PositiveInt = option("channels of the output", example=32)
    kernel_size: tuple[int, ...] = option("lengths of the depthwise window", example=3)
    strides: tuple[int, ...] = option("steps of the depthwise window", default=1)
    padding: Padding = option(PADDING_HELP, default="valid")
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    dilation_rate: tuple[int, ...] = option(DILATION_HELP, default=1)
    depth_multiplier: PositiveInt = option(MULTIPLIER_HELP, default=1)
    activation: Activation = option("applied to the output", default="linear")
    use_bias: bool = option("add a bias to each channel", default=True)
    depthwise_initializer: Initializer = option("how the depthwise kernel starts", default="glorot_uniform")
    pointwise_initializer: Initializer = option("how the pointwise kernel starts", default="glorot_uniform")
    bias_initializer: Initializer = option("how the bias starts", default="zeros")
    depthwise_regularizer: Regularizer | None = option("penalty on the depthwise kernel", default=None)
    pointwise_regularizer: Regularizer | None = option("penalty on the pointwise kernel", default=None)
    bias_regularizer: Regularizer | None = option("penalty on the bias", default=None)
    activity_regularizer: Regularizer | None = option("penalty on the output", default=None)
    depthwise_constraint: Constraint | None = option("applied to the depthwise kernel after each update", default=None)
    pointwise_constraint: Constraint | None = option("applied to the pointwise kernel after each update", default=None)
    bias_constraint: Constraint | None = option("applied to the bias after each update", default=None)

    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        require_channels(in_shape, channels)
        out = output_lengths(lengths, self.kernel_size, self.strides, self.dilation_rate, self.padding, "kernel_size")
        return self.activation.output_shape(join_shape(out, self.filters, self.data_format))

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        channels = require_channels(in_shape, split_shape(in_shape, self.rank, self.data_format)[1])
        specs = {
            "depthwise_kernel": ParamSpec(
                (*self.kernel_size, channels, self.depth_multiplier),
                self.depthwise_initializer,
                regularizer=self.depthwise_regularizer,
                constraint=self.depthwise_constraint,
            ),
            "pointwise_kernel": ParamSpec(
                (*(1,) * self.rank, channels * self.depth_multiplier, self.filters),
                self.pointwise_initializer,
                regularizer=self.pointwise_regularizer,
                constraint=self.pointwise_constraint,
            ),
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
        out, _ = split_shape(self.output_shape(in_shape), self.rank, self.data_format)
        between = (channels or 1) * self.depth_multiplier
        each = 2 * between * (math.prod(self.kernel_size) + self.filters) + self.use_bias * self.filters
        return math.prod(n or 1 for n in out) * each

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        windows = windows_of(
            x.shape[1:-1], self.kernel_size, self.strides, self.dilation_rate, self.padding, "kernel_size"
        )
        between = _each_channel(x, ctx.params["depthwise_kernel"], None, windows, ctx.scratch)
        z = multiplied(between.reshape(-1, between.shape[-1]), self._pointwise(ctx))
        z = z.reshape(len(x), *windows.out[3 - self.rank :], self.filters)
        add_bias(z, ctx.params.get("bias"))
        z = from_last(z, self.data_format)
        y, cache = self.activation.forward(z, out=z)
        return y, (x, between, windows, cache)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        x, between, windows, activation_cache = cache
        dz = to_last(self.activation.backward(dy, activation_cache), self.data_format).reshape(-1, self.filters)
        grads = ctx.grads
        if grads.wants("pointwise_kernel"):
            dkernel = summed(between.reshape(-1, between.shape[-1]), dz)
            grads.add("pointwise_kernel", dkernel.reshape(ctx.params["pointwise_kernel"].shape))
        if grads.wants("bias"):
            grads.add("bias", column_sums(dz))
        if not need_dx and not grads.wants("depthwise_kernel"):
            return None
        dbetween = multiplied(dz, self._pointwise(ctx).T).reshape(between.shape)
        dx = _each_channel_backward(x, dbetween, "depthwise_kernel", windows, ctx, need_dx)
        return None if dx is None else view_last(dx, self.data_format)

    def _pointwise(self, ctx: Context) -> Array:
        """The pointwise kernel as a matrix (C·m, filters)."""
        return ctx.params["pointwise_kernel"].reshape(-1, self.filters)


@layer("SeparableConvolution1D")
class SeparableConv1D(_SeparableConvolution):
    """y = activation(conv1d(depthwise(x), pointwise kernel) + bias): first along time, then across channels.

    x: (N, T, C) -> y: (N, T', filters); depthwise_kernel: (kernel_size, C, m), pointwise_kernel: (1, C·m, filters),
    bias: (filters,), m = depth_multiplier. Lengths as in Conv1D.
    """

    rank = 1
    kernel_size: Single
    strides: Single
    dilation_rate: Single


@layer("SeparableConvolution2D")
class SeparableConv2D(_SeparableConvolution):
    """y = activation(conv2d(depthwise(x), pointwise kernel) + bias): first over positions, then across channels.

    x: (N, H, W, C) -> y: (N, H', W', filters); depthwise_kernel: (kH, kW, C, m), pointwise_kernel:
    (1, 1, C·m, filters), bias: (filters,), m = depth_multiplier. Lengths as in Conv2D.

    References: Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2017, arXiv:1610.02357.
    """

    rank = 2
    kernel_size: Pair
    strides: Pair
    dilation_rate: Pair


def _each_channel(x: Array, kernel: Array, bias: Array | None, windows: Windows, scratch: Scratch) -> Array:
    """The depthwise part: (N, …, C) -> (N, D', H', W', C·m)."""
    return kernels.convolve(in_three(x), _as_groups(kernel, windows), bias, windows, x.shape[-1], scratch)


def _each_channel_backward(
    x: Array, dz: Array, name: str, windows: Windows, ctx: Context, need_dx: bool
) -> Array | None:
    """The gradient of the depthwise kernel `name`, added, and dx, shaped as x."""
    kernel, channels = ctx.params[name], x.shape[-1]
    grouped = _as_groups(kernel, windows)
    dz = dz.reshape(len(x), *windows.out, grouped.shape[-1])
    if ctx.grads.wants(name):
        dkernel, dbias = kernels.kernel_gradient(in_three(x), dz, grouped, windows, channels, ctx.scratch)
        ctx.grads.add(name, dkernel.reshape(kernel.shape))
        if name == "kernel":
            ctx.grads.add("bias", dbias)
    if not need_dx:
        return None
    return kernels.input_gradient(dz, grouped, windows, channels, ctx.scratch).reshape(x.shape)


def _as_groups(kernel: Array, windows: Windows) -> Array:
    """(…, C, m) as the kernel of a convolution in C groups: (kD, kH, kW, 1, C·m)."""
    return kernel.reshape(*windows.kernel, 1, -1)
