"""Layers that change the colours of pictures in training: brightness, contrast, hue, and what makes them hard."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from seqnet.arrays import Array, Cache
from seqnet.checkers import NonNegativeInt, Number, Share
from seqnet.declare import option
from seqnet.kernels import colour
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
from seqnet.layers.base import Context, layer
from seqnet.layers.spatial import DATA_FORMAT_HELP, DataFormat, from_last, to_last

Bins = Annotated[int, Number(whole=True, ge=2)]


@layer()
class RandomBrightness(Augmentation):
    """y = x + a random share of the range of values, clipped to it, in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). Where value_range is not that of the pixels, the clip destroys them: it is
    [0, 1] behind Rescaling: {scale: 1/255}.
    """

    factor: Signed = option("share of the range: 0.2 stands for -0.2 to 0.2", example=0.2)
    value_range: ValueRange = option(RANGE_HELP, default=(0, 255))
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        low, high = self.value_range
        delta = between(self.draw(x, ctx)[0], interval(self.factor)) * (high - low)
        return colour.brighten(x, delta, self.value_range)

    def change_back(self, dy: Array, cache: Cache) -> Array:
        return np.multiply(dy, cache)


@layer()
class RandomContrast(Augmentation):
    """y = (x - mean) f + mean, clipped to the range of values, with a random f in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). The mean is that of each channel of each image. f is uniform between 1 - the
    lower and 1 + the upper bound of `factor`. As in Keras 3, a single number 0.2 stands for 0 to 0.2, so that contrast
    only grows; [0.2, 0.2] draws f from 0.8 to 1.2.
    """

    factor: Unsigned = option(
        "how far contrast falls and grows: a pair, or a number for growing alone", example=[0.2, 0.2]
    )
    value_range: ValueRange = option(RANGE_HELP, default=(0, 255))
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        low, high = interval(self.factor, 0.0)
        return colour.stretch(x, between(self.draw(x, ctx)[0], (1 - low, 1 + high)), self.value_range)

    def change_back(self, dy: Array, cache: Cache) -> Array:
        return colour.stretch_backward(dy, cache)


@layer()
class RandomSaturation(Augmentation):
    """y = x with its saturation times f / (1 - f), f random, in training; x at inference.

    x: (N, H, W, 3) -> y: (N, H, W, 3). f = 0 makes it grey, 0.5 leaves it, towards 1 it becomes garish. As in Keras 3,
    a single number 0.2 stands for -0.2 to 0.2, of which the negative half is grey: [0.4, 0.6] is a mild change.
    """

    channels = (3,)

    factor: Signed = option("the range of f", example=[0.4, 0.6])
    value_range: ValueRange = option("where the new saturation is clipped, as in Keras", default=(0, 255))
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        drawn = between(self.draw(x, ctx)[0], interval(self.factor))
        return colour.saturate(x, drawn / (1 - drawn + 1e-7), self.value_range)

    def change_back(self, dy: Array, cache: Cache) -> Array:
        return colour.saturate_backward(dy, cache)


@layer()
class RandomHue(Augmentation):
    """y = x with its hue moved along the circle of colours, in training; x at inference.

    x: (N, H, W, 3) -> y: (N, H, W, 3). It moves by half of a number drawn from `factor`, either way: 1 reaches the
    opposite colour.
    """

    channels = (3,)

    factor: Unsigned = option("how far: f stands for 0 to f", example=0.1)
    value_range: ValueRange = option(RANGE_HELP, default=(0, 255))
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        draws = self.draw(x, ctx, 2)
        sign = np.where(draws[0] > 0.5, -0.5, 0.5)
        return colour.turn_hue(x, sign * between(draws[1], interval(self.factor, 0.0)), self.value_range)

    def change_back(self, dy: Array, cache: Cache) -> Array:
        return colour.turn_hue_backward(dy, cache)


@layer()
class RandomGrayscale(Augmentation):
    """y = 0.2989 red + 0.587 green + 0.114 blue in every channel, with probability `factor`, in training.

    x: (N, H, W, 3) -> y: (N, H, W, 3). At inference, and for images of one channel, y = x.
    """

    channels = (1, 3)

    factor: Share = option("probability of a change", default=0.5)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        turned = np.flatnonzero(self.draw(x, ctx)[0] < self.factor)
        y = x.copy()
        if x.shape[-1] == 3:
            y[turned] = colour.grey(x[turned])
        return y, turned

    def change_back(self, dy: Array, cache: Cache) -> Array:
        dx = dy.copy()
        if dy.shape[-1] == 3:
            dx[cache] = colour.grey_backward(dy[cache])
        return dx


@layer()
class RandomInvert(Augmentation):
    """y = the greatest value - x, at random, in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). An image is changed with a probability that is drawn from `factor` itself, so
    that 1.0, which stands for 0 to 1, changes half of them; [0.2, 0.2] changes one in five.
    """

    factor: Unsigned = option("probability of a change: f stands for 0 to f", default=1.0)
    value_range: ValueRange = option(RANGE_HELP, default=(0, 255))
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        turned = np.flatnonzero(chosen(self.draw(x, ctx, 2), self.factor))
        y = x.copy()
        y[turned] = self.value_range[1] - x[turned]
        return y, turned

    def change_back(self, dy: Array, cache: Cache) -> Array:
        dx = dy.copy()
        dx[cache] *= -1
        return dx


@layer()
class AutoContrast(Augmentation):
    """y = x stretched so that each channel of each image fills the range of values, at inference too, as in Keras.

    x: (N, H, W, C) -> y: (N, H, W, C). A channel that has one value only stays as it is. Nothing about it is random.
    """

    differs_in_training = False

    value_range: ValueRange = option(RANGE_HELP, default=(0, 255))
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y, cache = colour.auto_contrast(to_last(x, self.data_format), self.value_range)
        return from_last(y, self.data_format), cache

    def change_back(self, dy: Array, cache: Cache) -> Array:
        return colour.auto_contrast_backward(dy, cache, self.value_range)


@layer()
class Solarization(Augmentation):
    """y = x + a, and the range inverted where that reaches t, in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). On the scale 0 to 255 that value_range is mapped to, a and t are uniform between
    the lower bound and 255 times the upper bound of their factors, as in Keras; with the defaults the image is
    inverted.
    """

    addition_factor: Unsigned = option("the range of a: f stands for 0 to f", default=0.0)
    threshold_factor: Unsigned = option("the range of t: f stands for 0 to f", default=0.0)
    value_range: ValueRange = option(RANGE_HELP, default=(0, 255))
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        factors = (interval(factor, 0.0) for factor in (self.addition_factor, self.threshold_factor))
        draws = self.draw(x, ctx, 2)
        addition, threshold = (between(u, (low, high * 255)) for u, (low, high) in zip(draws, factors, strict=True))
        return colour.solarize(x, addition, threshold, self.value_range)

    def change_back(self, dy: Array, cache: Cache) -> Array:
        return np.multiply(dy, cache)


@layer()
class Equalization(Augmentation):
    """y = x with the values of each channel of each image spread evenly over the range, in training; x at inference.

    x: (N, H, W, C) -> y: (N, H, W, C). Backward: 0, because y is looked up in a table.

    Differs from Keras: there a batch has one histogram, here each image has its own, as in Keras for a single image.
    """

    value_range: ValueRange = option(RANGE_HELP, default=(0, 255))
    bins: Bins = option("how many values the histogram tells apart", default=256)
    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)

    def change(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return colour.equalize(x, self.bins, self.value_range), ()

    def change_back(self, dy: Array, cache: Cache) -> Array:
        return np.zeros_like(dy)
