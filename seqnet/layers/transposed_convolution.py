"""Transposed convolution: the gradient of a convolution, used forward to enlarge its input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from seqnet.activations.base import Activation
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Pair, PositiveInt, Single, Triple, spread
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.initializers import Initializer
from seqnet.kernels import convolution as kernels
from seqnet.kernels.products import column_sums
from seqnet.kernels.windows import Windows, add_bias, in_three, triple
from seqnet.layers.base import Context, Layer, ParamSpec, layer
from seqnet.layers.convolution import strides_or_dilation
from seqnet.layers.spatial import (
    DATA_FORMAT_HELP,
    DataFormat,
    Padding,
    by,
    from_last,
    join_shape,
    require_channels,
    split_shape,
    to_last,
    view_last,
)
from seqnet.regularizers import Regularizer

OUTPUT_PADDING_HELP = (
    "rows added at the end of the output, less than strides; default: as many as keep its usual length"
)


class _TransposedConvolution(Layer):
    """What Conv1DTranspose, Conv2DTranspose and Conv3DTranspose share: everything but the number of axes."""

    activation_is_last = True
    rank: ClassVar[int]

    filters: PositiveInt = option("channels of the output", example=32)
    kernel_size: tuple[int, ...] = option("lengths of the window that each input position spreads over", example=3)
    strides: tuple[int, ...] = option("steps of the window in the output", default=1)
    padding: Padding = option(
        "valid: everything the windows reach; same: the input's lengths times the strides", default="valid"
    )
    # Keras puts output_padding before data_format in one and two dimensions, after it in three.
    output_padding: tuple[int, ...] | None = option(OUTPUT_PADDING_HELP, default=None, last=1)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None, last=2)
    dilation_rate: tuple[int, ...] = option("distance of the positions inside a window", default=1, last=4)
    activation: Activation = option("applied to the output", default="linear", last=4)
    use_bias: bool = option("add a bias to each channel", default=True, last=4)
    kernel_initializer: Initializer = option("how the kernel starts", default="glorot_uniform", last=4)
    bias_initializer: Initializer = option("how the bias starts", default="zeros", last=4)
    kernel_regularizer: Regularizer | None = option("penalty on the kernel", default=None, last=4)
    bias_regularizer: Regularizer | None = option("penalty on the bias", default=None, last=4)
    activity_regularizer: Regularizer | None = option("penalty on the output", default=None, last=4)
    kernel_constraint: Constraint | None = option("applied to the kernel after each update", default=None, last=4)
    bias_constraint: Constraint | None = option("applied to the bias after each update", default=None, last=4)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        extra, strides = values["output_padding"], values["strides"]
        if extra is not None and any(o >= s for o, s in zip(extra, strides, strict=True)):
            yield "output_padding", f"output_padding must be less than strides, got {extra} and strides {strides}"
        yield from strides_or_dilation(values)

    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        require_channels(in_shape, channels)
        extra = self.output_padding or (None,) * self.rank
        out = tuple(
            None if n is None else _output_length(n, k, s, d, self.padding, o)
            for n, k, s, d, o in zip(lengths, self.kernel_size, self.strides, self.dilation_rate, extra, strict=True)
        )
        if any(n is not None and n < 1 for n in out):
            raise ShapeError(
                f"the output of {by(lengths)} positions would be {by(out)}: raise output_padding, or use padding: valid"
            )
        return self.activation.output_shape(join_shape(out, self.filters, self.data_format))

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        _, channels = split_shape(in_shape, self.rank, self.data_format)
        specs = {
            "kernel": ParamSpec(
                (*self.kernel_size, self.filters, require_channels(in_shape, channels)),
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
        lengths, channels = split_shape(in_shape, self.rank, self.data_format)
        out, _ = split_shape(self.output_shape(in_shape), self.rank, self.data_format)
        terms = math.prod(n or 1 for n in lengths) * math.prod(self.kernel_size) * (channels or 1)
        return self.filters * (2 * terms + self.use_bias * math.prod(n or 1 for n in out))

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        windows = self._windows(x)
        z = kernels.input_gradient(in_three(x), self._kernel(ctx), windows, 1, ctx.scratch)
        add_bias(z, ctx.params.get("bias"))
        z = from_last(z.reshape(len(x), *windows.size[3 - self.rank :], self.filters), self.data_format)
        y, cache = self.activation.forward(z, out=z)
        return y, (x, windows, cache)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        x, windows, activation_cache = cache
        dz = to_last(self.activation.backward(dy, activation_cache), self.data_format)
        kernel, grads = self._kernel(ctx), ctx.grads
        dz3 = in_three(dz)
        if grads.wants("kernel"):
            dkernel, _ = kernels.kernel_gradient(dz3, in_three(x), kernel, windows, 1, ctx.scratch)
            grads.add("kernel", dkernel.reshape(ctx.params["kernel"].shape))
        if grads.wants("bias"):
            grads.add("bias", column_sums(dz))
        if not need_dx:
            return None
        dx = kernels.convolve(dz3, kernel, None, windows, 1, ctx.scratch)
        return view_last(dx.reshape(x.shape), self.data_format)

    def _windows(self, x: Array) -> Windows:
        return _windows_of(
            x.shape[1:-1], self.kernel_size, self.strides, self.dilation_rate, self.padding, self.output_padding
        )

    def _kernel(self, ctx: Context) -> Array:
        """The kernel with three spatial axes, as the convolution from the output to the input has it."""
        kernel = ctx.params["kernel"]
        return kernel.reshape((1,) * (3 - self.rank) + kernel.shape)


@layer("Convolution1DTranspose")
class Conv1DTranspose(_TransposedConvolution):
    """y[n, t·stride + i·dilation - crop, f] += x[n, t, c] kernel[i, f, c]; then bias and activation.

    x: (N, T, C) -> y: (N, T', filters); kernel: (kernel_size, filters, C), bias: (filters,).
    T' = (T - 1)·stride + max(reach, stride) with reach = (kernel_size - 1)·dilation + 1 for padding valid, T·stride for
    same; with output_padding (T - 1)·stride + reach + output_padding, and (T - 1)·stride + reach % 2 + output_padding.
    """

    rank = 1
    kernel_size: Single
    strides: Single
    dilation_rate: Single
    output_padding: Annotated[tuple[int], spread(1, ge=0)] | None


@layer("Convolution2DTranspose")
class Conv2DTranspose(_TransposedConvolution):
    """y[n, i·s + a·d - crop, j·s + b·d - crop, f] += x[n, i, j, c] kernel[a, b, f, c]; then bias and activation.

    x: (N, H, W, C) -> y: (N, H', W', filters); kernel: (kH, kW, filters, C), bias: (filters,).
    Lengths as in Conv1DTranspose.

    Differs from PyTorch: there the output is cropped by a padding of one's own, alike on both sides.
    """

    rank = 2
    kernel_size: Pair
    strides: Pair
    dilation_rate: Pair
    output_padding: Annotated[tuple[int, int], spread(2, ge=0)] | None


@layer("Convolution3DTranspose")
class Conv3DTranspose(_TransposedConvolution):
    """Conv2DTranspose with one more axis.

    x: (N, D, H, W, C) -> y: (N, D', H', W', filters); kernel: (kD, kH, kW, filters, C), bias: (filters,).
    """

    rank = 3
    kernel_size: Triple
    strides: Triple
    dilation_rate: Triple
    output_padding: Annotated[tuple[int, int, int], spread(3, ge=0)] | None = option(
        OUTPUT_PADDING_HELP, default=None, last=3
    )


def _output_length(n: int, k: int, s: int, d: int, padding: str, extra: int | None) -> int:
    reach = (k - 1) * d + 1
    if padding == "valid":
        return (n - 1) * s + (max(reach, s) if extra is None else reach + extra)
    return n * s if extra is None else (n - 1) * s + reach % 2 + extra


def _crop(k: int, s: int, d: int, padding: str, extra: int | None) -> int:
    """How many rows of what the windows reach are left out at the start."""
    if padding == "valid":
        return 0
    reach = (k - 1) * d + 1
    total = s + reach - 2 if extra is None else reach + reach % 2 - 2 + extra
    return reach - 1 - min(-(-total // 2), reach - 1)


@lru_cache(maxsize=256)
def _windows_of(
    lengths: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: str,
    output_padding: tuple[int, ...] | None,
) -> Windows:
    """The windows of the convolution that leads from the output back to the input."""
    extra = output_padding or (None,) * len(lengths)
    axes = list(zip(lengths, kernel, strides, dilation, extra, strict=True))
    size = tuple(_output_length(n, k, s, d, padding, o) for n, k, s, d, o in axes)
    before = tuple(_crop(k, s, d, padding, o) for _, k, s, d, o in axes)
    return Windows(triple(size), triple(lengths), triple(kernel), triple(strides), triple(dilation), triple(before, 0))
