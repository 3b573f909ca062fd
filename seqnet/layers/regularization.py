"""Layers that disturb training so that a network can't lean on single values; at inference they do nothing."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import Fraction, NonNegativeInt, ShapeOption, Share
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels.noise import keep, normal
from seqnet.layers.base import Context, Layer, layer, show_shape
from seqnet.layers.spatial import DATA_FORMAT_HELP, DataFormat, split_shape

SEED_HELP = "mixed into the run's random numbers: with the run's seed the same, another seed drops other values"
NOISE_SHAPE_HELP = (
    "shape of the random draws, the batch counted: null takes the input's length, 1 lets one draw serve the whole axis"
)


class _Noise(Layer):
    """What all of them share: no weights, no effect on shapes, nothing done at inference."""

    supports_masking = True
    differs_in_training = True

    seed: int | None = None

    def _rng(self, ctx: Context) -> np.random.Generator:
        """The shard's stream, or one that `seed` has a say in."""
        if self.seed is None:
            return ctx.rng
        return np.random.default_rng([self.seed, int(ctx.rng.integers(2**63))])

    def _kept(self, ctx: Context, shape: tuple[int, ...], rate: float, rows: int) -> Array:
        """Draws of this shape, for an input of so many rows: False where a value is dropped."""
        kept = keep(self._rng(ctx), shape, rate)
        if shape[0] == rows:
            return kept
        # One draw for all rows of the batch: the first shard's, told to the others.
        return ctx.all_reduce(kept if ctx.worker.index == 0 else np.zeros_like(kept))


class _Dropping(_Noise):
    """Layers that keep or drop each value, or each group of values, by a draw of its own."""

    rate: Share = option("share of the values that are dropped", example=0.5)

    def noise_shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the draws for an input of this shape; both with the batch axis."""
        raise NotImplementedError

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if not ctx.training or self.rate == 0:
            return x, None
        kept = self._kept(ctx, self.noise_shape_of(x.shape), self.rate, len(x))
        return self._scaled(x, kept), kept

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy if cache is None else self._scaled(dy, cache)

    def _scaled(self, x: Array, kept: Array) -> Array:
        scale = 1 / (1 - self.rate) if self.rate < 1 else 0.0
        y: Array = kept.astype(x.dtype)
        if y.size < x.size:
            y *= scale
            y = x * y
            return y
        y *= x
        y *= scale
        return y


@layer()
class Dropout(_Dropping):
    """y = 0 for a random share `rate` of the values, x / (1 - rate) for the others, so that the mean stays.

    x: (N, ...) -> y: (N, ...). Backward: the same values are dropped from dy, the others divided likewise.

    Reference: N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 2014.
    """

    noise_shape: ShapeOption | None = option(NOISE_SHAPE_HELP, default=None, example=[None, 1, None])
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)

    def setup(self) -> None:
        _share_draws(self, self.noise_shape)

    def output_shape(self, in_shape: Shape) -> Shape:
        _check_noise_shape(self.noise_shape, in_shape)
        return in_shape

    def noise_shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return _filled(self.noise_shape, shape)


class _SpatialDropout(_Dropping):
    rank: ClassVar[int]
    data_format: DataFormat = None

    def output_shape(self, in_shape: Shape) -> Shape:
        split_shape(in_shape, self.rank, self.data_format)
        return in_shape

    def noise_shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        ones = (1,) * self.rank
        first = self.data_format == "channels_first"
        return (shape[0], shape[1], *ones) if first else (shape[0], *ones, shape[-1])


@layer()
class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels: each channel of a row is dropped at all steps or kept at all.

    x: (N, T, C) -> y: (N, T, C).

    Reference: J. Tompson et al., Efficient object localization using convolutional networks, 2015, arXiv:1411.4280.
    """

    rank = 1

    seed: NonNegativeInt | None = option(SEED_HELP, default=None)


@layer()
class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels: each channel of an image is dropped everywhere or kept everywhere.

    x: (N, H, W, C) -> y: (N, H, W, C).

    Reference: J. Tompson et al., Efficient object localization using convolutional networks, 2015, arXiv:1411.4280.
    """

    rank = 2

    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)


@layer()
class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels: each channel of a volume is dropped everywhere or kept everywhere.

    x: (N, D, H, W, C) -> y: (N, D, H, W, C).

    Reference: J. Tompson et al., Efficient object localization using convolutional networks, 2015, arXiv:1411.4280.
    """

    rank = 3

    data_format: DataFormat = option(DATA_FORMAT_HELP, default=None)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)


@layer()
class AlphaDropout(_Noise):
    """y = a α + b for a random share `rate` of the values, a x + b for the others, with α = -1.7581.

    a = 1 / √((1 - rate)(1 + rate α²)) and b = -a α rate keep mean 0 and variance 1, so it goes with selu.
    x: (N, ...) -> y: (N, ...). Backward: dx = a dy where x was kept, else 0.

    Reference: G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, Self-normalizing neural networks, 2017,
    arXiv:1706.02515.
    """

    rate: Fraction = option("share of the values that are dropped", example=0.1)
    noise_shape: ShapeOption | None = option(NOISE_SHAPE_HELP, default=None, example=[None, 1, None])
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)

    def setup(self) -> None:
        self.dropped = -1.6732632423543772 * 1.0507009873554805
        self.a = ((1 - self.rate) * (1 + self.rate * self.dropped**2)) ** -0.5
        self.b = -self.a * self.dropped * self.rate
        _share_draws(self, self.noise_shape)

    def output_shape(self, in_shape: Shape) -> Shape:
        _check_noise_shape(self.noise_shape, in_shape)
        return in_shape

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if not ctx.training or self.rate == 0:
            return x, None
        kept = self._kept(ctx, _filled(self.noise_shape, x.shape), self.rate, len(x))
        floor = self.a * self.dropped + self.b
        y: Array = x * self.a
        y += self.b - floor
        y *= kept
        y += floor
        return y, kept

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if cache is None:
            return dy
        dx: Array = dy * cache
        dx *= self.a
        return dx


@layer()
class GaussianDropout(_Noise):
    """y = x (1 + noise), noise normal with mean 0 and standard deviation √(rate / (1 - rate)).

    x: (N, ...) -> y: (N, ...). Backward: dx = dy (1 + noise).

    Reference: N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 2014.
    """

    rate: Fraction = option("the share that a Dropout of the same strength would drop", example=0.5)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if not ctx.training or self.rate == 0:
            return x, None
        factors = normal(self._rng(ctx), x.shape, math.sqrt(self.rate / (1 - self.rate)), x.dtype)
        factors += 1.0
        return x * factors, factors

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy if cache is None else dy * cache


@layer()
class GaussianNoise(_Noise):
    """y = x + noise, noise normal with mean 0.

    x: (N, ...) -> y: (N, ...). Backward: dx = dy.

    Reference: C. Bishop, Training with noise is equivalent to Tikhonov regularization, Neural Computation, 1995.
    """

    stddev: Share = option("standard deviation of the noise, at most 1", example=0.1)
    seed: NonNegativeInt | None = option(SEED_HELP, default=None)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if not ctx.training or self.stddev == 0:
            return x, None
        y = normal(self._rng(ctx), x.shape, self.stddev, x.dtype)
        y += x
        return y, None

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy


def _filled(noise_shape: Shape | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the draws for an input of this shape; a stated batch other than 1 means a draw for each row."""
    if noise_shape is None:
        return shape
    rows = 1 if noise_shape[0] == 1 else shape[0]
    return (rows, *(n if want is None else want for want, n in zip(noise_shape[1:], shape[1:], strict=True)))


def _check_noise_shape(noise_shape: Shape | None, in_shape: Shape) -> None:
    if noise_shape is None:
        return
    fits = len(noise_shape) == len(in_shape) + 1 and all(
        want in (None, 1) or n is None or want == n for want, n in zip(noise_shape[1:], in_shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"noise_shape {show_shape(noise_shape)} does not broadcast to batches of {show_shape((None, *in_shape))}: "
            "write null or 1 for each axis"
        )


def _share_draws(layer: Layer, noise_shape: Shape | None) -> None:
    """Where one draw serves every row, the shards must agree on it, so the batch may not be cut into pieces."""
    layer.couples_rows = bool(noise_shape) and noise_shape is not None and noise_shape[0] == 1
