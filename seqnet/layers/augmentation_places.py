"""Layers that move the pixels of pictures at random in training: flips, crops, affine maps, erased boxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Either, NonNegativeInt, Number, PositiveInt, Tuple
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels import resize, warp
from seqnet.kernels.noise import normal
from seqnet.kernels.warp import FillMode, Interpolation
from seqnet.layers.augmentation import (
    RANGE_HELP,
    SEED_HELP,
    Augmentation,
    Signed,
    Unsigned,
    ValueRange,
    between,
    chosen,
    interval,
)
from seqnet.layers.base import Context, layer, require_known, show_shape
from seqnet.layers.spatial import DATA_FORMAT_HELP, DataFormat, from_last, join_shape, split_shape, to_last

FILL_HELP = (
    "what lies outside the image. reflect: d c b a | a b c d | d c b a; wrap: a b c d | a b c d | a b c d; nearest: "
    "a a a a | a b c d | d d d d; constant: fill_value"
)
INTERPOLATION_HELP = "how a value between pixels is made"
FILL_VALUE_HELP = "the value outside the image where fill_mode is constant"

Zooming = Annotated[
    float | tuple[float, float], Either((Number(gt=-1, le=1), Tuple(Number(gt=-1, le=1), length=2)))
]  # -1 would be an image of no size
FillValue = Annotated[float | tuple[float, ...], Either((Number(), Tuple(Number(), minimum=1)))]


@layer()
class RandomFlip(Augmentation):
    """y = x mirrored, with probability 1/2, in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). horizontal swaps left and right, vertical top and bottom;
    horizontal_and_vertical does both at once or neither, as in Keras: put two layers for all four.
    """

    mode: Literal["horizontal", "vertical", "horizontal_and_vertical"] = option(
        "which way", default="horizontal_and_vertical"
    )
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        flipped = np.flatnonzero(self.draw(x, ctx)[0] <= 0.5)
        return self._flip(x, flipped), flipped

    def change_back(self, dy: Array, cache: Cache) -> Array:
        return self._flip(dy, cache)

    def _flip(self, x: Array, flipped: Array) -> Array:
        down = -1 if "vertical" in self.mode.split("_") else 1
        across = -1 if "horizontal" in self.mode.split("_") else 1
        y = x.copy()
        y[flipped] = x[flipped, ::down, ::across]
        return y


@layer()
class RandomCrop(Augmentation):
    """y = a window of x at a random place in training; at inference the largest window of its form, made that size.

    x: (N, H, W, C) -> y: (N, height, width, C). At inference, and where an image is smaller than the window, the
    largest centred part with the proportions of the window is resized to it (bilinear).

    Differs from Keras: each image gets a place of its own, where Keras draws one for the whole batch; and Keras 3.15
    leaves images at inference as they are, against its documentation, so that the layers behind get another shape.
    """

    height: PositiveInt = option("rows of the window", example=24)
    width: PositiveInt = option("columns of the window", example=24)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def output_shape(self, in_shape: Shape) -> Shape:
        _, channels = split_shape(in_shape, 2, self.data_format)
        axes = (1, 2) if self.data_format == "channels_first" else (0, 1)
        require_known(in_shape, axes, "needs images of a known size")
        return join_shape((self.height, self.width), channels, self.data_format)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        x = to_last(x, self.data_format)
        y, cache = self.change(x, ctx) if ctx.training else self._resized(x)
        return from_last(y, self.data_format), cache

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        room = x.shape[1] - self.height, x.shape[2] - self.width
        if min(room) < 0:
            return self._resized(x)
        draws = self.draw(x, ctx, 2)
        tops, lefts = ((u * (free + 1)).astype(np.intp).tolist() for u, free in zip(draws, room, strict=True))
        y = np.empty((len(x), self.height, self.width, x.shape[3]), x.dtype)
        for image, out, top, left in zip(x, y, tops, lefts, strict=True):
            out[...] = image[top : top + self.height, left : left + self.width]
        return y, (x.shape, tops, lefts)

    def change_back(self, dy: Array, cache: Cache) -> Array:
        shape, tops, lefts = cache
        dx = np.zeros(shape, dy.dtype)
        if isinstance(tops, slice):
            size = tops.stop - tops.start, lefts.stop - lefts.start
            dx[:, tops, lefts] = resize.interpolate_backward(dy, size, "bilinear")
            return dx
        for image, out, top, left in zip(dy, dx, tops, lefts, strict=True):
            out[top : top + self.height, left : left + self.width] = image
        return dx

    def _resized(self, x: Array) -> tuple[Array, Cache]:
        _, height, width, _ = x.shape
        tall = max(min(height, int(width * self.height / self.width)), 1)
        wide = max(min(width, int(height * self.width / self.height)), 1)
        top, left = (height - tall) // 2, (width - wide) // 2
        rows, columns = slice(top, top + tall), slice(left, left + wide)
        part = np.ascontiguousarray(x[:, rows, columns])
        if (tall, wide) != (self.height, self.width):
            part = resize.interpolate(part, (self.height, self.width), "bilinear")
        return part, (x.shape, rows, columns)


class _Affine(Augmentation):
    """y = x seen through an affine map, one for each image."""

    fill_mode: FillMode
    interpolation: Interpolation
    fill_value: float

    def maps(self, x: Array, ctx: Context) -> Array:
        """The six numbers of each image's map, (N, 6)."""
        raise NotImplementedError

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        places = warp.affine_places(self.maps(x, ctx), x.shape, x.dtype, self.fill_mode, self.interpolation)
        return warp.look_up(x, places, self.fill_value), places

    def change_back(self, dy: Array, cache: Cache) -> Array:
        return warp.look_up_backward(dy, cache)


@layer()
class RandomRotation(_Affine):
    """y = x turned about its centre by a random angle in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). The angle is uniform between the bounds of `factor`, in full turns.
    """

    factor: Signed = option(
        "share of a full turn: 0.1 turns by up to 36° either way; [0.0, 0.25] by 0° to 90° counter-clockwise",
        example=0.1,
    )
    fill_mode: FillMode = option(FILL_HELP, default="reflect")
    interpolation: Interpolation = option(INTERPOLATION_HELP, default="bilinear")
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    fill_value: float = option(FILL_VALUE_HELP, default=0.0)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def maps(self, x: Array, ctx: Context) -> Array:
        turns = between(self.draw(x, ctx)[0], interval(self.factor))
        return warp.rotation(turns * (2 * np.pi), x.shape[1], x.shape[2])


@layer()
class RandomZoom(_Affine):
    """y = x zoomed by a random factor in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). 0.2 zooms out by 20 %, so that more than the image is seen, -0.2 zooms in.
    """

    height_factor: Zooming = option("how far, vertically: 0.2 stands for -0.2 to 0.2", example=0.2)
    width_factor: Zooming | None = option("and horizontally; null keeps the proportions", default=None)
    fill_mode: FillMode = option(FILL_HELP, default="reflect")
    interpolation: Interpolation = option(INTERPOLATION_HELP, default="bilinear")
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    fill_value: float = option(FILL_VALUE_HELP, default=0.0)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def maps(self, x: Array, ctx: Context) -> Array:
        draws = self.draw(x, ctx, 2)
        down = across = 1 + between(draws[0], interval(self.height_factor))
        if self.width_factor is not None:
            across = 1 + between(draws[1], interval(self.width_factor))
        return warp.zoom(across, down, x.shape[1], x.shape[2])


@layer()
class RandomTranslation(_Affine):
    """y = x moved by a random share of its size in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). Positive numbers move the image down and to the right.
    """

    height_factor: Signed = option("share of the height: 0.1 moves up to 10 % up or down", example=0.1)
    width_factor: Signed = option("share of the width", example=0.1)
    fill_mode: FillMode = option(FILL_HELP, default="reflect")
    interpolation: Interpolation = option(INTERPOLATION_HELP, default="bilinear")
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    fill_value: float = option(FILL_VALUE_HELP, default=0.0)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def maps(self, x: Array, ctx: Context) -> Array:
        draws = self.draw(x, ctx, 2)
        down = between(draws[0], interval(self.height_factor)) * x.shape[1]
        right = between(draws[1], interval(self.width_factor)) * x.shape[2]
        return warp.translation(right, down)


@layer()
class RandomShear(_Affine):
    """y = x slanted by a random share in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). A row moves sideways by its distance from the top times the share, a column
    likewise; one draw turns both the other way.
    """

    x_factor: Unsigned = option("how far rows slide: 0.3 stands for -0.3 to 0.3", default=0.0)
    y_factor: Unsigned = option("how far columns slide", default=0.0)
    interpolation: Interpolation = option(INTERPOLATION_HELP, default="bilinear")
    fill_mode: FillMode = option(FILL_HELP, default="reflect")
    fill_value: float = option(FILL_VALUE_HELP, default=0.0)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)

    def maps(self, x: Array, ctx: Context) -> Array:
        draws = self.draw(x, ctx, 3)
        sign = np.where(draws[0] > 0.5, -1.0, 1.0)
        down, across = (between(u, interval(f)) for u, f in zip(draws[1:], (self.y_factor, self.x_factor), strict=True))
        return warp.shear(sign * across, sign * down)


@layer()
class RandomErasing(Augmentation):
    """y = x with a random box filled in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). An image is changed with a probability that is drawn from `factor` itself, so
    that 1.0, which stands for 0 to 1, changes half of them. The sides of the box are √s of those of the image, s drawn
    from `scale` for each.

    Reference: Z. Zhong et al., Random erasing data augmentation, 2017, arXiv:1708.04896.
    """

    factor: Unsigned = option("probability of a change: f stands for 0 to f", default=1.0)
    scale: Unsigned = option("how large the box is; a number stands for 0 to it", default=(0.02, 0.33))
    fill_value: FillValue | None = option(
        "what fills it: a number, or one for each channel; null: normal noise times the greatest value", default=None
    )
    value_range: ValueRange = option(RANGE_HELP, default=(0, 255))
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from super().cross_check(values)
        low, high = sorted(values["value_range"])
        if values["fill_value"] is not None and not all(low <= v <= high for v in np.ravel(values["fill_value"])):
            yield "fill_value", f"fill_value lies outside value_range, {low:g} to {high:g}"

    def output_shape(self, in_shape: Shape) -> Shape:
        _, channels = split_shape(in_shape, 2, self.data_format)
        if isinstance(self.fill_value, tuple) and len(self.fill_value) != channels:
            raise ShapeError(
                f"fill_value has {len(self.fill_value)} numbers, but the images {show_shape(in_shape)} have "
                f"{channels} channels: give one number, or one for each channel"
            )
        return in_shape

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        draws = self.draw(x, ctx, 6)
        sides = np.sqrt(between(draws[:2], interval(self.scale, 0.0)))
        columns = _bounds(x.shape[2], sides[0], draws[2])
        rows = _bounds(x.shape[1], sides[1], draws[3])
        boxes = [(int(i), slice(*rows[i]), slice(*columns[i])) for i in np.flatnonzero(chosen(draws[4:], self.factor))]
        y = x.copy()
        for i, down, across in boxes:
            y[i, down, across] = self._fill(x[i, down, across], ctx, i)
        return y, boxes

    def change_back(self, dy: Array, cache: Cache) -> Array:
        dx = dy.copy()
        for box in cache:
            dx[box] = 0
        return dx

    def _fill(self, part: Array, ctx: Context, row: int) -> Any:
        if self.fill_value is not None:
            return self.fill_value
        noise = normal(ctx.stream_of(row, self.seed), part.shape, 1.0, np.float32)
        noise *= self.value_range[1]
        return noise.clip(*self.value_range)


def _bounds(length: int, share: Array, place: Array) -> list[list[int]]:
    """First pixel and the one behind the last, of boxes that cover a share of an axis, each at a place in 0 to 1."""
    size = share * length
    start = place * (length - size)
    return np.ceil(np.stack([start, start + size], axis=1)).astype(int).tolist()  # type: ignore[no-any-return]
