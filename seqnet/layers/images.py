"""Layers that bring images to one size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import PositiveInt
from seqnet.declare import option
from seqnet.kernels import resize
from seqnet.kernels.resize import Box
from seqnet.layers.base import Context, Layer, Tally, layer
from seqnet.layers.spatial import DATA_FORMAT_HELP, DataFormat, from_last, join_shape, split_shape, to_last, view_last


class _Sized(Layer):
    """What Resizing and CenterCrop share: a part of the image, or the image with a border, resized."""

    prepares = True

    height: int
    width: int
    data_format: str | None

    def output_shape(self, in_shape: Shape) -> Shape:
        _, channels = split_shape(in_shape, 2, self.data_format)
        return join_shape((self.height, self.width), channels, self.data_format)

    def encode(self, x: Array, tally: Tally | None = None) -> Array:
        return from_last(self._resized(to_last(x, self.data_format)), self.data_format)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        return from_last(self._resized(x), self.data_format), x.shape

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        dy, box = to_last(dy, self.data_format), self._box(cache[1], cache[2])
        if (self.height, self.width) != box.size:
            dy = resize.interpolate_backward(dy, box.size, *self._method)
        return view_last(resize.place_backward(dy, box, cache), self.data_format)

    def _resized(self, x: Array) -> Array:
        box, size = self._box(x.shape[1], x.shape[2]), (self.height, self.width)
        part = resize.place(x, box, self._filling)
        if size == box.size:
            return part
        if part.dtype.kind != "f":
            part = part.astype(np.float32)
        return resize.interpolate(part, size, *self._method)

    @property
    def _method(self) -> tuple[str, bool]:
        """Interpolation, and whether it smooths what it shrinks."""
        return "bilinear", False

    @property
    def _filling(self) -> float:
        return 0.0

    def _box(self, height: int, width: int) -> Box:
        """The part of an image of this size that is resized."""
        raise NotImplementedError


@layer()
class Resizing(_Sized):
    """y = x as an image of height × width.

    x: (N, H, W, C) -> y: (N, height, width, C). Pixel centres lie at half-integers; near the edges the weights of the
    neighbours that exist are scaled to sum to 1. bicubic is the Keys kernel with a = -1/2. What a shrunk image leaves
    out is left out, unless antialias smooths first. The shape of the picture is not kept, unless one of the options
    for it says so.

    Reference: Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981.
    """

    height: PositiveInt = option("height of the output, in pixels", example=64)
    width: PositiveInt = option("width of the output, in pixels", example=64)
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"] = option(
        "how pixels are made from their neighbours", default="bilinear"
    )
    crop_to_aspect_ratio: bool = option("resize the largest middle part of the output's proportions", default=False)
    pad_to_aspect_ratio: bool = option("add a border on both sides that brings the output's proportions", default=False)
    fill_mode: Literal["constant"] = option("what the border is", default="constant")
    fill_value: float = option("the number in the border", default=0.0)
    antialias: bool = option("smooth what is shrunk", default=False)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["crop_to_aspect_ratio"] and values["pad_to_aspect_ratio"]:
            yield "pad_to_aspect_ratio", "crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other; keep one"

    def flops(self, in_shape: Shape) -> int:
        if self.interpolation == "nearest":
            return 0
        (height, width), channels = split_shape(in_shape, 2, self.data_format)
        return 2 * (channels or 1) * self.height * (width or 1) * ((height or 1) + self.width)

    @property
    def _method(self) -> tuple[str, bool]:
        return self.interpolation, self.antialias

    @property
    def _filling(self) -> float:
        return self.fill_value

    def _box(self, height: int, width: int) -> Box:
        if self.crop_to_aspect_ratio:
            return resize.largest_part(height, width, self.height, self.width)
        if self.pad_to_aspect_ratio:
            return resize.smallest_frame(height, width, self.height, self.width)
        return Box(0, 0, height, width)


@layer()
class CenterCrop(_Sized):
    """y = the middle of x, height × width pixels.

    x: (N, H, W, C) -> y: (N, height, width, C). Of an image that is smaller, the largest middle part of these
    proportions is enlarged (bilinear).
    """

    takes_integers = True

    height: PositiveInt = option("height of the output, in pixels", example=24)
    width: PositiveInt = option("width of the output, in pixels", example=24)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def _box(self, height: int, width: int) -> Box:
        if height >= self.height and width >= self.width:
            return Box((height - self.height) // 2, (width - self.width) // 2, self.height, self.width)
        return resize.largest_part(height, width, self.height, self.width)
