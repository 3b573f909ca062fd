"""Normalisation of each row by itself, by layer, group or size; and of a kernel by its largest stretch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np

from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import NonNegativeFloat, Number, PositiveInt
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.initializers import Initializer, Ones, TruncatedNormal
from seqnet.kernels.groups import normalize_groups, normalize_groups_backward
from seqnet.kernels.rows import normalize, normalize_backward
from seqnet.layers.axes import known_lengths, row_axes
from seqnet.layers.base import Context, Grads, Layer, ParamSpec, layer
from seqnet.registry import snake_case
from seqnet.regularizers import Regularizer

AXIS_HELP = "the axis, or axes, whose numbers are normalised together, the batch counted as 0; -1 is the last"


class _Affine(Layer):
    """What layer and group normalisation share: a learned scale and offset."""

    supports_masking = True

    def affine_shape(self, in_shape: Shape) -> tuple[int, ...]:
        """The shape of gamma and beta. Raises ShapeError."""
        raise NotImplementedError

    def output_shape(self, in_shape: Shape) -> Shape:
        self.affine_shape(in_shape)
        return in_shape

    def flops(self, in_shape: Shape) -> int:
        return 8 * math.prod(n or 1 for n in in_shape)


@layer()
class LayerNormalization(_Affine):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over `axis` of each row.

    x: (N, ...) -> y: (N, ...); gamma, beta: the lengths of the normalised axes.
    With x̂ the normalised x, g = gamma dy and means over the same axes:
    dx = (g - mean(g) - x̂ mean(g x̂)) / sqrt(variance + epsilon), dgamma = Σ dy x̂, dbeta = Σ dy.

    Reference: J. Ba, J. Kiros, G. Hinton, Layer normalization, 2016, arXiv:1607.06450. Differs from PyTorch, whose
    epsilon is 1e-5.
    """

    axis: int | tuple[int, ...] = option(AXIS_HELP, default=-1)
    epsilon: NonNegativeFloat = option("added to the variance", default=1e-3)
    center: bool = option("add beta", default=True)
    scale: bool = option("multiply by gamma", default=True)
    beta_initializer: Initializer = option("how beta starts", default="zeros")
    gamma_initializer: Initializer = option("how gamma starts", default="ones")
    beta_regularizer: Regularizer | None = option("penalty on beta", default=None)
    gamma_regularizer: Regularizer | None = option("penalty on gamma", default=None)
    beta_constraint: Constraint | None = option("applied to beta after each update", default=None)
    gamma_constraint: Constraint | None = option("applied to gamma after each update", default=None)

    def affine_shape(self, in_shape: Shape) -> tuple[int, ...]:
        return known_lengths(row_axes(self.axis, in_shape), in_shape)

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        return _gamma_and_beta(self, self.affine_shape(in_shape))

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        axes = row_axes(self.axis, x.shape[1:])
        rows = _rows(x, axes)
        gamma, beta = _flat(ctx, "gamma"), _flat(ctx, "beta")
        y, mean, inverse = normalize(rows, self.epsilon, gamma, beta, centred=True)
        return _unrows(y, x.shape, axes), (rows, x.shape, axes, mean, inverse)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        rows, shape, axes, mean, inverse = cache
        dx, dgamma, dbeta = normalize_backward(
            _rows(dy, axes), rows, mean, inverse, _flat(ctx, "gamma"), need_dx=need_dx
        )
        lengths = tuple(shape[axis] for axis in axes)
        ctx.grads.add("gamma", dgamma.reshape(lengths))
        ctx.grads.add("beta", dbeta.reshape(lengths))
        return None if dx is None else _unrows(dx, shape, axes)


@layer()
class GroupNormalization(_Affine):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, statistics over all positions of a group of channels.

    x: (N, ..., C) -> y: (N, ..., C); gamma, beta: (C,). The channels are cut into `groups` of C / groups neighbours;
    groups: -1 gives each channel its own (instance normalisation), groups: 1 is one for the whole row.
    Backward as in LayerNormalization, with the means over a group.

    Reference: Y. Wu, K. He, Group normalization, 2018, arXiv:1803.08494.
    """

    groups: Annotated[int, Number(whole=True, ge=-1)] = option(
        "number of groups, a divisor of the channels; -1 for one a channel", default=32
    )
    axis: int = option("the axis of the channels, the batch counted as 0; -1 is the last", default=-1)
    epsilon: NonNegativeFloat = option("added to the variance", default=1e-3)
    center: bool = option("add beta", default=True)
    scale: bool = option("multiply by gamma", default=True)
    beta_initializer: Initializer = option("how beta starts", default="zeros")
    gamma_initializer: Initializer = option("how gamma starts", default="ones")
    beta_regularizer: Regularizer | None = option("penalty on beta", default=None)
    gamma_regularizer: Regularizer | None = option("penalty on gamma", default=None)
    beta_constraint: Constraint | None = option("applied to beta after each update", default=None)
    gamma_constraint: Constraint | None = option("applied to gamma after each update", default=None)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["groups"] == 0:
            yield "groups", "groups must be positive, or -1 for one a channel, got 0"

    def affine_shape(self, in_shape: Shape) -> tuple[int, ...]:
        (channels,) = known_lengths(row_axes(self.axis, in_shape), in_shape)
        if self.groups != -1 and channels % self.groups:
            divisors = [n for n in range(1, channels + 1) if channels % n == 0]
            raise ShapeError(
                f"{channels} channels can't be cut into {self.groups} equal groups; set groups to one of "
                f"{', '.join(str(n) for n in divisors)}, or to -1 for one a channel"
            )
        return (channels,)

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        return _gamma_and_beta(self, self.affine_shape(in_shape))

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        positions = self._positions(x)
        groups = positions.shape[2] if self.groups == -1 else self.groups
        params = ctx.params
        y, mean, inverse = normalize_groups(positions, groups, self.epsilon, params.get("gamma"), params.get("beta"))
        return self._back(y, x.shape), (positions, x.shape, mean, inverse)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        positions, shape, mean, inverse = cache
        dx, dgamma, dbeta = normalize_groups_backward(
            self._positions(dy), positions, mean, inverse, ctx.params.get("gamma"), need_dx=need_dx
        )
        ctx.grads.add("gamma", dgamma)
        ctx.grads.add("beta", dbeta)
        return None if dx is None else self._back(dx, shape)

    def _positions(self, x: Array) -> Array:
        """x with the channels last, as (N, positions, C)."""
        moved = np.ascontiguousarray(np.moveaxis(x, self.axis, -1))
        return moved.reshape(len(x), -1, moved.shape[-1])

    def _back(self, y: Array, shape: tuple[int, ...]) -> Array:
        """The inverse of _positions; channels elsewhere than last are a view."""
        lengths = list(shape)
        channels = lengths.pop(self.axis)
        return np.moveaxis(y.reshape(*lengths, channels), -1, self.axis)


@layer()
class RMSNormalization(Layer):
    """y = scale x / sqrt(mean of x² + epsilon), the mean over `axis` of each row.

    x: (N, ...) -> y: (N, ...); scale: the lengths of the normalised axes. With x̂ the normalised x and g = scale dy:
    dx = (g - x̂ mean(g x̂)) / sqrt(…), dscale = Σ dy x̂. A mask ends here, as in Keras.

    Reference: B. Zhang, R. Sennrich, Root mean square layer normalization, 2019, arXiv:1910.07467. Differs from Keras
    where `axis` is not the last: there the scale meets the last axis, whatever was normalised.
    """

    axis: int | tuple[int, ...] = option(AXIS_HELP, default=-1)
    epsilon: NonNegativeFloat = option("added to the mean of the squares", default=1e-6)

    def output_shape(self, in_shape: Shape) -> Shape:
        self._lengths(in_shape)
        return in_shape

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        return {"scale": ParamSpec(self._lengths(in_shape), Ones())}

    def flops(self, in_shape: Shape) -> int:
        return 4 * math.prod(n or 1 for n in in_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        axes = row_axes(self.axis, x.shape[1:])
        rows = _rows(x, axes)
        y, _, inverse = normalize(rows, self.epsilon, _flat(ctx, "scale"), None, centred=False)
        return _unrows(y, x.shape, axes), (rows, x.shape, axes, inverse)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        rows, shape, axes, inverse = cache
        dx, dscale, _ = normalize_backward(_rows(dy, axes), rows, None, inverse, _flat(ctx, "scale"), need_dx=need_dx)
        ctx.grads.add("scale", dscale.reshape([shape[axis] for axis in axes]))
        return None if dx is None else _unrows(dx, shape, axes)

    def _lengths(self, in_shape: Shape) -> tuple[int, ...]:
        return known_lengths(row_axes(self.axis, in_shape), in_shape)


@layer()
class UnitNormalization(Layer):
    """y = x / |x|, the Euclidean length over `axis` of each row.

    x: (N, ...) -> y: (N, ...). Backward: dx = (dy - y Σ dy y) / |x|. Lengths below 1e-12 count as 1e-12: zeros stay
    zeros, and no gradient passes there (Keras's is NaN).
    """

    supports_masking = True

    axis: int | tuple[int, ...] = option(AXIS_HELP, default=-1)

    def output_shape(self, in_shape: Shape) -> Shape:
        row_axes(self.axis, in_shape)
        return in_shape

    def flops(self, in_shape: Shape) -> int:
        return 3 * math.prod(n or 1 for n in in_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        axes = row_axes(self.axis, x.shape[1:])
        length = np.sqrt(np.add.reduce(np.square(x), axis=axes, keepdims=True))
        inverse = 1.0 / np.maximum(length, 1e-12)
        y = x * inverse
        return y, (y, inverse * (length >= 1e-12), axes)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        if not need_dx:
            return None
        y, inverse, axes = cache
        dx: Array = dy * y
        along = np.add.reduce(dx, axis=axes, keepdims=True)
        np.multiply(y, along, out=dx)
        np.subtract(dy, dx, out=dx)
        dx *= inverse
        return dx


class _Rest(Layer):
    """A layer without the variable that another one holds for it."""

    def __init__(self, inner: Layer, held: str) -> None:
        super().__init__(name=inner.name or snake_case(inner.spec_name), trainable=inner.trainable)
        self.__dict__["spec_name"] = inner.spec_name
        self.inner = inner
        self.held = held

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        return {name: spec for name, spec in self.inner.param_specs(in_shape).items() if name != self.held}

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        return self.inner.children(in_shape)


@layer()
class SpectralNormalization(Layer):
    """The layer inside, its kernel divided by its largest singular value at every training step.

    x, y: as the layer inside. With W the kernel as a matrix (…, K), each step improves u: (1, K) by power iteration,
    v = u Wᵀ / |u Wᵀ|, u = v W / |v W|, and sets kernel = kernel / (v W uᵀ). That happens to the stored kernel, before
    the forward pass, so the gradient is that of the divided kernel and inference uses it as it is. Weights: kernel,
    vector_u, then what else the layer inside has.

    Reference: T. Miyato et al., Spectral normalization for generative adversarial networks, 2018, arXiv:1802.05957.
    Equal to Keras on TensorFlow; Keras on JAX forgets the divided kernel.
    """

    differs_in_training = True
    couples_rows = True

    layer: Layer = option("the layer inside; it must have a kernel or embeddings", example={"Dense": {"units": 8}})
    power_iterations: PositiveInt = option("improvements of u a step", default=1)

    def setup(self) -> None:
        self.takes_integers = self.layer.takes_integers
        self.makes_mask = self.layer.makes_mask
        self.supports_masking = self.layer.supports_masking

    def output_shape(self, in_shape: Shape) -> Shape:
        shape = self.layer.output_shape(in_shape)
        self._held(in_shape)
        return shape

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        name = self._held(in_shape)
        kernel = self.layer.param_specs(in_shape)[name]
        if not self.layer.trainable:
            kernel = replace(kernel, trainable=False)
        start = TruncatedNormal(mean=0.0, stddev=0.02)
        return {"kernel": kernel, "vector_u": ParamSpec((1, kernel.shape[-1]), start, trainable=False)}

    def children(self, in_shape: Shape) -> list[tuple[Layer, Shape]]:
        return [(_Rest(self.layer, self._held(in_shape)), in_shape)]

    def output_mask(self, x: Array, mask: Array | None) -> Array | None:
        return self.layer.output_mask(x, mask)

    def output_penalty(self) -> Regularizer | None:
        return self.activity_regularizer or self.layer.output_penalty()

    def flops(self, in_shape: Shape) -> int:
        return self.layer.flops(in_shape)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if ctx.training and self.trainable:
            self._divide(ctx)
        held = self._held(x.shape[1:])
        y, cache = self.layer.forward(x, self._inside(ctx, held, ctx.mask))
        return y, (held, cache)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        held, cache = cache
        inside = self._inside(ctx, held, None)
        dx = self.layer.backward(dy, cache, inside, need_dx=need_dx)
        ctx.children[0].grads.pending &= inside.grads.pending
        if held not in inside.grads.pending:
            ctx.grads.pending.discard("kernel")
        return dx

    def _inside(self, ctx: Context, held: str, mask: Array | None) -> Context:
        """The context of the layer inside: its own variables, and the kernel that is held for it."""
        rest = ctx.child(0, mask)
        grads = Grads(dict(rest.grads.views))
        grads.pending &= rest.grads.pending
        if ctx.grads.wants("kernel"):
            grads.views[held] = ctx.grads.views["kernel"]
            grads.pending |= {held} if "kernel" in ctx.grads.pending else set()
        inside = Context({**rest.params, held: ctx.params["kernel"]}, grads, ctx.worker, rest.children)
        inside.training, inside.mask = ctx.training, mask
        return inside

    def _divide(self, ctx: Context) -> None:
        """Bring u and the kernel up to date; the first shard does it while the others wait."""
        ctx.all_reduce(np.zeros(1))
        kernel = ctx.params["kernel"]
        if ctx.worker.index == 0 and kernel.any():
            matrix = kernel.reshape(-1, kernel.shape[-1])
            u = ctx.params["vector_u"]
            for _ in range(self.power_iterations):
                v = _unit(u @ matrix.T)
                u = _unit(v @ matrix)
            sigma = float((v @ matrix @ u.T)[0, 0])
            ctx.update("vector_u", u)
            ctx.update("kernel", kernel / sigma)
        ctx.all_reduce(np.zeros(1))

    def _held(self, in_shape: Shape) -> str:
        specs = self.layer.param_specs(in_shape)
        name = next((name for name in ("kernel", "embeddings") if name in specs), None)
        if name is None:
            raise ShapeError(
                f"{self.layer.spec_name} has no kernel and no embeddings to normalise; put a Dense, a convolution or "
                "an Embedding inside"
            )
        return name


def _unit(x: Array) -> Array:
    """x / |x|, or x itself where that is 0."""
    length = float(np.linalg.norm(x))
    return x / length if length else x


def _gamma_and_beta(layer: LayerNormalization | GroupNormalization, shape: tuple[int, ...]) -> dict[str, ParamSpec]:
    specs = {}
    if layer.scale:
        specs["gamma"] = ParamSpec(
            shape, layer.gamma_initializer, regularizer=layer.gamma_regularizer, constraint=layer.gamma_constraint
        )
    if layer.center:
        specs["beta"] = ParamSpec(
            shape, layer.beta_initializer, regularizer=layer.beta_regularizer, constraint=layer.beta_constraint
        )
    return specs


def _flat(ctx: Context, name: str) -> Array | None:
    """A variable as one row of numbers, or None where the layer goes without it."""
    value = ctx.params.get(name)
    return None if value is None else value.reshape(-1)


def _order(rank: int, axes: tuple[int, ...]) -> list[int]:
    """All axes, with these at the end."""
    return [axis for axis in range(rank) if axis not in axes] + list(axes)


def _rows(x: Array, axes: tuple[int, ...]) -> Array:
    """x as (rows, numbers that are normalised together)."""
    moved = np.ascontiguousarray(x.transpose(_order(x.ndim, axes)))
    return moved.reshape(-1, math.prod(x.shape[axis] for axis in axes))


def _unrows(y: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """The inverse of _rows; axes elsewhere than at the end make a view."""
    order = _order(len(shape), axes)
    return y.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))
