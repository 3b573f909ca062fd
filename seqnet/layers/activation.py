"""Activations as layers of their own, for those with options and the one with weights."""

from __future__ import annotations

import numpy as np

from seqnet import activations
from seqnet.arrays import Array, Cache, Shape
from seqnet.checkers import NonNegativeFloat
from seqnet.constraints import Constraint
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.initializers import Initializer
from seqnet.kernels.elementwise import INFINITY
from seqnet.layers.axes import known_lengths, row_axes
from seqnet.layers.base import Context, Layer, ParamSpec, layer
from seqnet.layers.core import Elementwise, Identity
from seqnet.regularizers import Regularizer

MASKED = -1e9  # a logit so low that softmax gives it nothing


@layer()
class ReLU(Elementwise):
    """y = max_value where x >= max_value, x where threshold <= x < max_value, else negative_slope (x - threshold).

    x: (N, ...) -> y: (N, ...).

    Reference: V. Nair, G. Hinton, Rectified linear units improve restricted Boltzmann machines, ICML 2010.
    """

    max_value: NonNegativeFloat | None = option("largest value of y; null for no limit", default=None)
    negative_slope: NonNegativeFloat = option("slope below the threshold", default=0.0)
    threshold: NonNegativeFloat = option("x below which y is damped or zero", default=0.0)

    def setup(self) -> None:
        self.function = activations.ReLU(
            negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )


@layer()
class LeakyReLU(Elementwise):
    """y = x where x >= 0, else negative_slope x.

    x: (N, ...) -> y: (N, ...). The activation named leaky_relu has another default slope, 0.2, as in Keras.

    Reference: A. Maas, A. Hannun, A. Ng, Rectifier nonlinearities improve neural network acoustic models, ICML 2013.
    """

    negative_slope: NonNegativeFloat = option("slope where x < 0", default=0.3)

    def setup(self) -> None:
        self.function = activations.LeakyReLU(negative_slope=self.negative_slope)


@layer()
class ELU(Elementwise):
    """y = x where x >= 0, else alpha (exp(x) - 1).

    x: (N, ...) -> y: (N, ...).

    Reference: D. Clevert, T. Unterthiner, S. Hochreiter, Fast and accurate deep network learning by exponential
    linear units, 2015, arXiv:1511.07289.
    """

    alpha: NonNegativeFloat = option("minus the limit of y for very negative x", default=1.0)

    def setup(self) -> None:
        self.function = activations.ELU(alpha=self.alpha)


@layer()
class PReLU(Layer):
    """y = x where x > 0, else alpha x, with a learned slope for each place of a row.

    x: (N, ...) -> y: (N, ...); alpha: the shape of a row, with 1 for every shared axis.
    Backward: dx = dy where x > 0, alpha dy where x < 0, 0 at 0; dalpha = Σ dy min(x, 0) over rows and shared axes.

    Reference: K. He, X. Zhang, S. Ren, J. Sun, Delving deep into rectifiers, 2015, arXiv:1502.01852.
    """

    supports_masking = True

    alpha_initializer: Initializer = option("how the slopes start", default="zeros")
    alpha_regularizer: Regularizer | None = option("penalty on the slopes", default=None)
    alpha_constraint: Constraint | None = option("applied to the slopes after each update", default=None)
    shared_axes: int | tuple[int, ...] | None = option(
        "axes along which one slope serves all, counted from 1: [1, 2] is one slope a channel of an image",
        default=None,
        example=[1, 2],
    )

    def output_shape(self, in_shape: Shape) -> Shape:
        self._slopes(in_shape)
        return in_shape

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        return {
            "alpha": ParamSpec(
                self._slopes(in_shape),
                self.alpha_initializer,
                regularizer=self.alpha_regularizer,
                constraint=self.alpha_constraint,
            )
        }

    def flops(self, in_shape: Shape) -> int:
        return 2 * int(np.prod([n or 1 for n in in_shape]))

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y: Array = x.clip(-INFINITY, 0.0)
        y *= ctx.params["alpha"]
        y += x.clip(0.0, INFINITY)
        return y, x

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        x = cache
        alpha = ctx.params["alpha"]
        if ctx.grads.wants("alpha"):
            slopes = x.clip(-INFINITY, 0.0)
            slopes *= dy
            shared = tuple(axis for axis in range(1, x.ndim) if alpha.shape[axis - 1] != x.shape[axis])
            ctx.grads.add("alpha", slopes.sum(axis=(0, *shared)).reshape(alpha.shape))
        if not need_dx:
            return None
        dx: Array = np.multiply(x < 0, alpha, dtype=dy.dtype)
        dx += x > 0
        dx *= dy
        return dx

    def _slopes(self, in_shape: Shape) -> tuple[int, ...]:
        shared = () if self.shared_axes is None else row_axes(self.shared_axes, in_shape)
        own = [axis for axis in range(1, len(in_shape) + 1) if axis not in shared]
        lengths = dict(zip(own, known_lengths(own, in_shape), strict=True))
        return tuple(lengths.get(axis, 1) for axis in range(1, len(in_shape) + 1))


@layer()
class Softmax(Layer):
    """y = exp(x) / Σ exp(x) along `axis`.

    x: (N, ...) -> y: (N, ...). Where a mask (N, T) comes along, masked steps get 0 and the rest shares the 1.
    Differs from Keras, which takes such a mask only for rows of T numbers.
    """

    supports_masking = True

    axis: int | tuple[int, ...] = option("axis, or axes, that sum to 1", default=-1)

    def setup(self) -> None:
        self.function = activations.Softmax(axis=self.axis)

    def output_shape(self, in_shape: Shape) -> Shape:
        row_axes(self.axis, in_shape)
        return in_shape

    def final_activation(self) -> activations.Activation | None:
        return self.function

    def without_final_activation(self) -> Layer:
        return _MaskedLogits(name=self.name)

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if ctx.mask is None:
            y, cache = self.function.forward(x)
            return y, (cache, None)
        kept = _along(ctx.mask, x)
        y, cache = self.function.forward(np.where(kept, x, x.dtype.type(MASKED)))
        return y * kept, (cache, kept)

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        inner, kept = cache
        if kept is None:
            return self.function.backward(dy, inner)
        dx = self.function.backward(dy * kept, inner)
        dx *= kept
        return dx


class _MaskedLogits(Identity):
    """Softmax without the softmax: what is masked has no say."""

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        if ctx.mask is None:
            return x, None
        kept = _along(ctx.mask, x)
        return np.where(kept, x, x.dtype.type(MASKED)), kept

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        return dy if cache is None else dy * cache


def _along(mask: Array, x: Array) -> Array:
    """A mask (N, T) in a shape that broadcasts against x (N, T, ...). Raises ShapeError where it can't."""
    if x.ndim < 2 or mask.shape[1] not in (1, x.shape[1]):
        raise ShapeError(f"a mask for {mask.shape[1]} steps does not fit rows of shape {x.shape[1:]}")
    return mask.reshape(*mask.shape, *(1,) * (x.ndim - 2))
