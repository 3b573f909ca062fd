"""Layers that enlarge their input by whole factors."""

from __future__ import annotations

from typing import Literal

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Pair, PositiveInt, Triple
from seqnet.declare import option
from seqnet.kernels import resize
from seqnet.layers.base import Context, Layer, layer
from seqnet.layers.spatial import DATA_FORMAT_HELP, DataFormat, from_last, join_shape, split_shape, to_last, view_last


@layer()
class UpSampling1D(Layer):
    """y[n, t, c] = x[n, floor(t / size), c]: every step `size` times.

    x: (N, T, C) -> y: (N, T·size, C).
    """

    size: PositiveInt = option("factor of the length", default=2)

    def output_shape(self, in_shape: Shape) -> Shape:
        (length,), channels = split_shape(in_shape, 1, None)
        return (None if length is None else length * self.size, channels)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return resize.repeat(to_last(x, None), (self.size,)), None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return resize.repeat_backward(to_last(dy, None), (self.size,)) if need_dx else None


@layer()
class UpSampling2D(Layer):
    """y = x enlarged by whole factors: every pixel repeated, or pixels between the pixels computed from neighbours.

    x: (N, H, W, C) -> y: (N, H·size[0], W·size[1], C). Pixel centres lie at half-integers; near the edges the weights
    of the neighbours that exist are scaled to sum to 1. bicubic is the Keys kernel with a = -1/2.

    References: Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981.
    Differs from PyTorch: there bicubic has a = -3/4 and edges are repeated.
    """

    size: Pair = option("factors of height and width", default=2)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"] = option(
        "how the pixels between are made", default="nearest"
    )

    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, 2, self.data_format)
        out = tuple(None if n is None else n * factor for n, factor in zip(lengths, self.size, strict=True))
        return join_shape(out, channels, self.data_format)

    def flops(self, in_shape: Shape) -> int:
        if self.interpolation == "nearest":
            return 0
        (height, width), channels = split_shape(in_shape, 2, self.data_format)
        h, w, c = height or 1, width or 1, channels or 1
        return 2 * c * h * self.size[0] * w * (h + w * self.size[1])

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        if self.interpolation == "nearest":
            y = resize.repeat(x, self.size)
        else:
            y = resize.interpolate(x, (x.shape[1] * self.size[0], x.shape[2] * self.size[1]), self.interpolation)
        return from_last(y, self.data_format), x.shape[1:3]

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        dy = to_last(dy, self.data_format)
        if self.interpolation == "nearest":
            dx = resize.repeat_backward(dy, self.size)
        else:
            dx = resize.interpolate_backward(dy, cache, self.interpolation)
        return view_last(dx, self.data_format)


@layer()
class UpSampling3D(Layer):
    """y[n, i, j, k, c] = x[n, floor(i / size[0]), floor(j / size[1]), floor(k / size[2]), c].

    x: (N, D, H, W, C) -> y: (N, D·size[0], H·size[1], W·size[2], C).
    """

    size: Triple = option("factors of depth, height and width", default=2)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def output_shape(self, in_shape: Shape) -> Shape:
        lengths, channels = split_shape(in_shape, 3, self.data_format)
        out = tuple(None if n is None else n * factor for n, factor in zip(lengths, self.size, strict=True))
        return join_shape(out, channels, self.data_format)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return from_last(resize.repeat(to_last(x, self.data_format), self.size), self.data_format), None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        dx = resize.repeat_backward(to_last(dy, self.data_format), self.size)
        return view_last(dx, self.data_format)
