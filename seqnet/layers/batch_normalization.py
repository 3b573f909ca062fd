"""Batch normalization: the one layer of the basic set whose rows depend on each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from seqnet.activations import Activation, ReLU
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import NonNegativeFloat, Share
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.initializers import Initializer
from seqnet.kernels.columns import mix, scale_and_shift, total_and_product, total_and_squares
from seqnet.layers.axes import known_lengths, row_axes
from seqnet.layers.base import Context, Layer, ParamSpec, layer, show_shape
from seqnet.regularizers import Regularizer

COUNT_EPSILON = 1e-7  # added to the count of unmasked steps, as in Keras
# Up to this many standard deviations from 0, subtracting the mean at the end, with the shift, loses no precision to
# speak of, and saves a pass.
FAR = 16.0
SAMPLE = 512  # rows, evenly spaced, that tell whether the mean is far from 0


class _Statistics(NamedTuple):
    """What a training forward leaves for its backward; vectors are (C,), in float64."""

    weight: Array | None  # (M, 1): 1 for rows that count, 0 for masked ones
    number: float  # of values a channel
    mean: Array
    inverse: Array  # 1 / sqrt(variance + epsilon)
    r: Array | float  # renorm's corrections, constants in the gradient
    d: Array | float
    scale: Array  # of the whole: gamma r / sqrt(variance + epsilon)
    centre: Array | None  # what the kernels subtract first, in x's dtype


class _SquareRoot(Initializer):
    """The square root of what another initializer makes."""

    def __init__(self, inner: Initializer) -> None:
        self.inner = inner

    def make(self, shape: Any, rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        return np.sqrt(self.inner.make(shape, rng, dtype))


@layer()
class BatchNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for each channel.

    x: (N, ..., C) -> y: (N, ..., C); gamma, beta, moving_mean, moving_variance: (C,). In training mean and (biased)
    variance are those of the batch, over all axes but `axis`, and the moving ones follow them: moving = momentum
    moving + (1 - momentum) batch. At inference the moving ones are used, folded into one scale and one shift. A mask
    takes steps out of the statistics. A frozen layer (trainable: false) always works as at inference.

    With x̂ = (x - mean) / sqrt(variance + epsilon) and n values a channel:
    dbeta = Σ dy, dgamma = Σ dy x̂, dx = gamma / sqrt(variance + epsilon) (dy - Σ dy / n - x̂ Σ dy x̂ / n).

    renorm: y = gamma (x̂ r + d) + beta with r = σ / σ_renorm and d = (mean - mean_renorm) / σ_renorm, clipped, and
    constant in the gradient, so that training sees nearly what inference will.

    References: S. Ioffe, C. Szegedy, Batch normalization, 2015, arXiv:1502.03167; S. Ioffe, Batch renormalization,
    2017, arXiv:1702.03275. Differs from PyTorch, whose momentum is 1 - momentum and whose moving variance is unbiased.
    """

    supports_masking = True
    differs_in_training = True
    couples_rows = True
    scales_channels = True

    axis: int = option("the axis of the channels, the batch counted as 0; -1 is the last", default=-1)
    momentum: Share = option("how much the moving statistics keep of their value at each step", default=0.99)
    epsilon: NonNegativeFloat = option(
        "added to the variance, so that a constant channel divides by no zero", default=1e-3
    )
    center: bool = option("add beta", default=True)
    scale: bool = option("multiply by gamma; needless before a linear layer", default=True)
    beta_initializer: Initializer = option("how beta starts", default="zeros")
    gamma_initializer: Initializer = option("how gamma starts", default="ones")
    moving_mean_initializer: Initializer = option("how the moving mean starts", default="zeros")
    moving_variance_initializer: Initializer = option("how the moving variance starts", default="ones")
    beta_regularizer: Regularizer | None = option("penalty on beta", default=None)
    gamma_regularizer: Regularizer | None = option("penalty on gamma", default=None)
    beta_constraint: Constraint | None = option("applied to beta after each update", default=None)
    gamma_constraint: Constraint | None = option("applied to gamma after each update", default=None)
    renorm: bool = option("use batch renormalization", default=False)
    renorm_clipping: dict[Literal["rmin", "rmax", "dmax"], float] | None = option(
        "limits of its corrections: rmin <= r <= rmax, |d| <= dmax; what is left out is no limit",
        default=None,
        example={"rmin": 0.33, "rmax": 3.0, "dmax": 5.0},
    )
    renorm_momentum: Share = option("momentum of the statistics that renorm corrects towards", default=0.99)
    synchronized: bool = option(
        "accepted for Keras's sake: statistics are always those of the whole batch", default=False
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        limits = values["renorm_clipping"] or {}
        if limits.get("rmin", 0.0) > limits.get("rmax", math.inf):
            yield "renorm_clipping", f"rmin {limits['rmin']:g} must not exceed rmax {limits['rmax']:g}"
        if limits.get("dmax", 0.0) < 0:
            yield "renorm_clipping", f"dmax must not be negative, got {limits['dmax']:g}"

    def output_shape(self, in_shape: Shape) -> Shape:
        self._channels(in_shape)
        return in_shape

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        shape = self._channels(in_shape)
        specs = {}
        if self.scale:
            specs["gamma"] = ParamSpec(
                shape, self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint
            )
        if self.center:
            specs["beta"] = ParamSpec(
                shape, self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint
            )
        specs["moving_mean"] = ParamSpec(shape, self.moving_mean_initializer, trainable=False)
        specs["moving_variance"] = ParamSpec(shape, self.moving_variance_initializer, trainable=False)
        if self.renorm:
            deviation = _SquareRoot(self.moving_variance_initializer)
            specs["moving_stddev"] = ParamSpec(shape, deviation, trainable=False)
            specs["renorm_mean"] = ParamSpec(shape, self.moving_mean_initializer, trainable=False)
            specs["renorm_stddev"] = ParamSpec(shape, deviation, trainable=False)
        return specs

    def flops(self, in_shape: Shape) -> int:
        return 2 * math.prod(n or 1 for n in in_shape)

    # -- forward ----------------------------------------------------------------------------------------------------

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return self.normalize(x, ctx, rectify=False)

    def normalize(self, x: Array, ctx: Context, *, rectify: bool) -> tuple[Array, Cache]:
        """forward; rectify: max(y, 0) in its place, which is cheap while a part of y is in the cache."""
        columns = _columns(x, self.axis)
        if not ctx.training or self._is_frozen(ctx):
            mean, inverse, scale, shift = self._moving_affine(ctx.params)
            y = scale_and_shift(columns, scale.astype(x.dtype), shift.astype(x.dtype), rectify=rectify)
            stats = None
        else:
            gamma: Array | float = ctx.params["gamma"].astype(np.float64) if self.scale else 1.0
            beta: Array | float = ctx.params["beta"].astype(np.float64) if self.center else 0.0
            stats = self._measure(columns, _row_weights(ctx.mask, x, self.axis), gamma, ctx)
            shift = beta + stats.d * gamma + _off_centre(stats) * stats.scale
            vectors = stats.scale.astype(x.dtype), shift.astype(x.dtype), stats.centre
            y = scale_and_shift(columns, *vectors, rectify=rectify)
            mean, inverse, scale = stats.mean, stats.inverse, stats.scale
        gate = y if rectify else None
        return _back(y, x.shape, self.axis), (columns, x.shape, stats, mean, inverse, scale, gate)

    def affine(self, params: Mapping[str, Array]) -> tuple[Array, Array]:
        """gamma / sqrt(moving_variance + epsilon), and beta less the moving mean times that."""
        return self._moving_affine(params)[2:]

    def fuses(self, activation: Activation) -> bool:
        return isinstance(activation, ReLU) and activation.is_plain

    def with_final_activation(self, activation: Activation) -> Layer:
        return Rectified(self)

    def _moving_affine(self, params: Mapping[str, Array]) -> tuple[Array, Array, Array, Array]:
        """Mean and 1 / sqrt(variance + epsilon) of the moving statistics, and the scale and the shift they make."""
        mean, variance = (params[name].astype(np.float64) for name in ("moving_mean", "moving_variance"))
        inverse = 1.0 / np.sqrt(variance + self.epsilon)
        scale = inverse * params["gamma"] if self.scale else inverse
        shift = mean * -scale
        if self.center:
            shift += params["beta"]
        return mean, inverse, scale, shift

    def _is_frozen(self, ctx: Context) -> bool:
        """Whether this layer, or one around it, is not trainable: then no gradient of its weights is asked for."""
        return not self.trainable or ((self.scale or self.center) and not ctx.grads.views)

    def _measure(self, x: Array, weight: Array | None, gamma: Array | float, ctx: Context) -> _Statistics:
        """The statistics of the whole batch, and the moving ones brought up to date."""
        # What is read here must be read before the shards meet, for the first of them writes after that.
        old = {name: ctx.params[name].astype(np.float64) for name in self._moving()}
        rows, channels = x.shape
        # Where the mean is far from 0, sums are taken about a guess at it, so that single precision does no harm. They
        # are moved back in float64, where those of all shards can be added up.
        if weight is None:
            count, centre = float(rows), _guess(x)
            plain, squares = total_and_squares(x, centre)
        else:
            count = float(weight.sum())
            centre = np.add.reduce(x * weight) / max(count, 1.0)
            plain, squares = total_and_squares((x - centre) * weight, None)
        about = np.zeros(channels) if centre is None else centre.astype(np.float64)
        sums = np.concatenate([[count], plain + count * about, squares + about * (2 * plain + count * about)])
        sums = ctx.all_reduce(sums)
        values = float(sums[0])
        divisor = values if weight is None else values + COUNT_EPSILON
        plain, squares = sums[1 : channels + 1], sums[channels + 1 :]
        mean = plain / divisor
        variance = np.maximum((squares - 2 * mean * plain + values * mean * mean) / divisor, 0.0)
        deviation = np.sqrt(variance + self.epsilon)
        inverse = 1.0 / deviation
        r, d = self._corrections(mean, deviation, old)
        self._follow(mean, variance, deviation, old, ctx)
        is_far = bool((np.abs(mean) > FAR * deviation).any())
        middle = mean.astype(x.dtype) if is_far else None
        return _Statistics(weight, divisor, mean, inverse, r, d, inverse * r * gamma, middle)

    def _moving(self) -> tuple[str, ...]:
        if self.renorm:
            return ("moving_mean", "moving_stddev", "renorm_mean", "renorm_stddev")
        return ("moving_mean", "moving_variance")

    def _corrections(self, mean: Array, deviation: Array, old: dict[str, Array]) -> tuple[Array | float, Array | float]:
        if not self.renorm:
            return 1.0, 0.0
        limits: Mapping[Any, float] = self.renorm_clipping or {}
        target = np.maximum(old["renorm_stddev"], math.sqrt(self.epsilon))
        r = np.clip(deviation / target, limits.get("rmin", 0.0), limits.get("rmax", math.inf))
        dmax = limits.get("dmax", math.inf)
        return r, np.clip((mean - old["renorm_mean"]) / target, -dmax, dmax)

    def _follow(self, mean: Array, variance: Array, deviation: Array, old: dict[str, Array], ctx: Context) -> None:
        def towards(name: str, value: Array, momentum: float) -> Array:
            new: Array = old[name] * momentum + value * (1.0 - momentum)
            ctx.update(name, new)
            return new

        towards("moving_mean", mean, self.momentum)
        if not self.renorm:
            towards("moving_variance", variance, self.momentum)
            return
        moving = towards("moving_stddev", deviation, self.momentum)
        ctx.update("moving_variance", np.maximum(moving * moving - self.epsilon, 0.0))
        towards("renorm_mean", mean, self.renorm_momentum)
        towards("renorm_stddev", deviation, self.renorm_momentum)
        # If this layer comes again in the stack, every shard must find the new values there.
        ctx.all_reduce(np.zeros(1))

    # -- backward ---------------------------------------------------------------------------------------------------

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        x, shape, stats, mean, inverse, scale, gate = cache
        slope = _columns(dy, self.axis)
        if stats is None:
            if ctx.grads.views or gate is not None:
                plain, product, slope = total_and_product(slope, x, mean.astype(x.dtype), gate)
                ctx.grads.add("beta", plain)
                ctx.grads.add("gamma", product * inverse)
            if not need_dx:
                return None
            return _back(scale_and_shift(slope, scale.astype(dy.dtype), None), shape, self.axis)
        centre, off = stats.centre, _off_centre(stats)
        plain, product, slope = total_and_product(slope, x, centre, gate)
        product += off * plain  # Σ dy (x - mean)
        ctx.grads.add("beta", plain)
        ctx.grads.add("gamma", product * inverse * stats.r + plain * stats.d)
        if not need_dx:
            return None
        plain, product = ctx.all_reduce(np.stack([plain, product]))
        weight = -scale * inverse * inverse * product / stats.number
        shift = -scale * plain / stats.number + off * weight
        vectors = [vector.astype(dy.dtype) for vector in (scale, weight, shift)]
        if stats.weight is None:
            own = None if gate is None else slope
            dx = mix(slope, vectors[0], x, vectors[1], vectors[2], centre, out=own)
        else:  # the statistics do not depend on masked rows
            dx = scale_and_shift(x, vectors[1], vectors[2], centre)
            dx *= stats.weight
            dx += scale_and_shift(slope, vectors[0], None)
        return _back(dx, shape, self.axis)

    def _channels(self, in_shape: Shape) -> tuple[int, ...]:
        return known_lengths(row_axes(self.axis, in_shape), in_shape)


class Rectified(Layer):
    """A batch normalization and the plain ReLU behind it, computed together."""

    def __init__(self, norm: BatchNormalization) -> None:
        self.norm = norm
        self.name, self.activity_regularizer = norm.name, None

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        return self.norm.normalize(x, ctx, rectify=True)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return self.norm.backward(dy, cache, ctx, need_dx=need_dx)

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return self.norm.output_mask(x, mask)


def _guess(x: Array) -> Array | None:
    """About the mean of each column, from some of the rows; None where that lies near 0 everywhere."""
    some = x[:: len(x) // SAMPLE + 1]
    mean = np.add.reduce(some) / len(some)
    size = np.einsum("ij,ij->j", some, some) / len(some)  # variance + mean²
    return mean if (mean * mean > 0.9 * size).any() else None


def _off_centre(stats: _Statistics) -> Array:
    """What is left to subtract after the centre: x - mean = (x - centre) + this."""
    return -stats.mean if stats.centre is None else stats.centre.astype(np.float64) - stats.mean


def _columns(x: Array, axis: int) -> Array:
    """x with the channels last, as (M, C)."""
    moved = x if axis in (-1, x.ndim - 1) else np.moveaxis(x, axis, -1)
    return np.ascontiguousarray(moved).reshape(-1, moved.shape[-1])


def _back(y: Array, shape: tuple[int, ...], axis: int) -> Array:
    """The inverse of _columns; channels elsewhere than last are a view."""
    if axis in (-1, len(shape) - 1):
        return y.reshape(shape)
    lengths = list(shape)
    channels = lengths.pop(axis)
    return np.moveaxis(y.reshape(*lengths, channels), -1, axis)


def _row_weights(mask: Array | None, x: Array, axis: int) -> Array | None:
    """A mask (N, T) as a column that says which rows of (M, C) count. Raises ShapeError where it can't."""
    if mask is None:
        return None
    last = axis in (-1, x.ndim - 1)
    if x.ndim < 3 or not last:
        raise ShapeError(
            f"a mask of time steps needs input (N, T, ..., C) with axis: -1, got rows of {show_shape(x.shape[1:])} "
            f"with axis: {axis}"
        )
    spread = np.broadcast_to(mask.reshape(*mask.shape, *(1,) * (x.ndim - 3)), x.shape[:-1])
    return spread.reshape(-1, 1).astype(x.dtype)
