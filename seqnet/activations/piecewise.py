"""Activations made of pieces: linear or exponential parts that meet at a point.

At a kink the derivative is the one TensorFlow's Keras gives; where JAX's differs, that is an artefact of how it
differentiates max and min. Writing the positive part as clip(0, inf) is three times as fast as np.maximum(x, 0).
"""

from __future__ import annotations

import numpy as np

from seqnet.activations.base import Activation, times
from seqnet.arrays import Array, Cache
from seqnet.checkers import NonNegativeFloat, PositiveFloat
from seqnet.declare import option
from seqnet.kernels.elementwise import INFINITY
from seqnet.registry import register

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


@register("Linear", name="linear")
class Linear(Activation):
    """y = x. Derivative: 1."""

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        return _passed_on(x, out), None

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return _passed_on(dy, out)


@register("ReLU", name="relu")
class ReLU(Activation):
    """y = max(x, 0). Derivative: 1 where x > 0, else 0.

    With options: y = min(x, max_value) where x > threshold, else negative_slope (x - threshold).

    Reference: V. Nair, G. Hinton, Rectified linear units improve restricted Boltzmann machines, ICML 2010.
    """

    negative_slope: float = option("slope below the threshold", default=0.0)
    max_value: NonNegativeFloat | None = option("largest value of y; null for no limit", default=None)
    threshold: float = option("x up to which y is damped or zero", default=0.0)

    def setup(self) -> None:
        self.is_plain = not self.negative_slope and self.max_value is None and not self.threshold
        self.keeps_order = self.is_plain

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        if self.is_plain:
            y: Array = x.clip(0.0, INFINITY, out=out)
            return y, y
        slopes = self._slopes(x)
        above = x if self.threshold == 0 else np.where(x > self.threshold, x, x.dtype.type(0))
        below = None
        if self.negative_slope:
            below = (x - self.threshold).clip(-INFINITY, 0.0)
            below *= self.negative_slope
        if self.max_value is not None:
            y = above.clip(0.0, self.max_value, out=out)
        elif self.threshold == 0:
            y = above.clip(0.0, INFINITY, out=out)
        else:
            y = _passed_on(above, out)
        if below is not None:
            y += below
        return y, slopes

    def _slopes(self, x: Array) -> Array:
        """The derivative for options other than the defaults."""
        rising = x > self.threshold
        if self.max_value is not None:
            if self.threshold < 0:
                rising &= x >= 0
            # Keras computes a maximum of 6 by relu6, whose derivative at 6 is 0, and any other by a clip with 1 there.
            rising &= x < 6 if self.max_value == 6 and self.threshold == 0 else x <= self.max_value
        slopes = rising.astype(x.dtype)
        if self.negative_slope:
            is_leaky = self.max_value is None and self.threshold == 0
            falling = x <= 0 if is_leaky else x < self.threshold
            slopes += np.multiply(falling, self.negative_slope, dtype=x.dtype)
        return slopes

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return _gated(dy, cache > 0, out) if self.is_plain else _gated(dy, cache, out)


@register("ReLU6", name="relu6")
class ReLU6(Activation):
    """y = min(max(x, 0), 6). Derivative: 1 where 0 < x < 6, else 0.

    Reference: A. Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010.
    """

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y: Array = x.clip(0.0, 6.0, out=out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return _gated(dy, (cache > 0) & (cache < 6), out)


@register(name="leaky_relu")
class LeakyReLU(Activation):
    """y = x where x > 0, else negative_slope x. Derivative: 1 where x > 0, else negative_slope.

    The layer LeakyReLU has another default slope, 0.3, as in Keras.

    Reference: A. Maas, A. Hannun, A. Ng, Rectifier nonlinearities improve neural network acoustic models, ICML 2013.
    """

    negative_slope: float = option("slope where x <= 0", default=0.2)

    def setup(self) -> None:
        self.keeps_order = 0 <= self.negative_slope <= 1

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        sloped = x * self.negative_slope
        if 0 < self.negative_slope <= 1:  # then y is the larger of two, and positive just where x is
            y: Array = np.maximum(x, sloped, out=out)
            return y, y
        positive = x > 0
        sloped *= ~positive
        y = x.clip(0.0, INFINITY, out=out)
        y += sloped
        return y, positive

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return times(dy, _either(cache > 0, 1.0, self.negative_slope, dy), out)


@register("ELU", name="elu")
class ELU(Activation):
    """y = x where x > 0, else alpha (exp(x) - 1). Derivative: 1 where x > 0, else alpha exp(x) = y + alpha.

    Reference: D. Clevert, T. Unterthiner, S. Hochreiter, Fast and accurate deep network learning by exponential
    linear units, 2015, arXiv:1511.07289.
    """

    alpha: NonNegativeFloat = option("minus the limit of y for very negative x", default=1.0)

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        below = x.clip(-INFINITY, 0.0)
        np.expm1(below, out=below)
        if self.alpha != 1:
            below *= self.alpha
        y: Array = x.clip(0.0, INFINITY, out=out)
        y += below
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = cache.clip(-INFINITY, 0.0)
        slopes += 1.0 if self.alpha == 1 else _either(cache > 0, 1.0, self.alpha, dy)
        return times(dy, slopes, out)


@register("SELU", name="selu")
class SELU(Activation):
    """y = 1.0507 x where x > 0, else 1.0507 · 1.6733 (exp(x) - 1). Derivative: 1.0507 where x >= 0, else y + 1.7581.

    Keeps the mean 0 and the variance 1 of its input when the kernels start as lecun_normal.

    Reference: G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, Self-normalizing neural networks, 2017,
    arXiv:1706.02515.
    """

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        below = x.clip(-INFINITY, 0.0)
        np.expm1(below, out=below)
        below *= SELU_SCALE * SELU_ALPHA
        y: Array = x.clip(0.0, INFINITY, out=out)
        y *= SELU_SCALE
        y += below
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = cache.clip(-INFINITY, 0.0)
        slopes += _either(cache >= 0, SELU_SCALE, SELU_SCALE * SELU_ALPHA, dy)
        return times(dy, slopes, out)


@register("CELU", name="celu")
class CELU(Activation):
    """y = x where x > 0, else alpha (exp(x/alpha) - 1). Derivative: 1 where x > 0, else exp(x/alpha) = y/alpha + 1.

    Differs from Keras: at x = 0 the derivative is 1, as the formula says; Keras gives 2.

    Reference: J. Barron, Continuously differentiable exponential linear units, 2017, arXiv:1704.07483.
    """

    alpha: PositiveFloat = option(
        "minus the limit of y for very negative x, and the scale of the exponential", default=1.0
    )

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        below = x.clip(-INFINITY, 0.0)
        below /= self.alpha
        np.expm1(below, out=below)
        below *= self.alpha
        y: Array = x.clip(0.0, INFINITY, out=out)
        y += below
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = cache.clip(-INFINITY, 0.0)
        slopes /= self.alpha
        slopes += 1.0
        return times(dy, slopes, out)


@register("HardSigmoid", name="hard_sigmoid")
class HardSigmoid(Activation):
    """y = min(max(x + 3, 0), 6) / 6. Derivative: 1/6 where -3 < x < 3, else 0.

    Reference: M. Courbariaux, Y. Bengio, J. David, BinaryConnect, 2015, arXiv:1511.00363 (with slope 1/2).
    """

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y = _hard_sigmoid(x, out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = np.multiply((cache > 0) & (cache < 1), 1 / 6, dtype=dy.dtype)
        return times(dy, slopes, out)


@register("hard_swish", "HardSiLU", name="hard_silu")
class HardSiLU(Activation):
    """y = x h(x) with h = hard_sigmoid. Derivative: h + x/6 where -3 < x < 3, else h.

    Reference: A. Howard et al., Searching for MobileNetV3, 2019, arXiv:1905.02244.
    """

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        gate = _hard_sigmoid(x, None)
        y: Array = np.multiply(x, gate, out=out)
        return y, gate

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        # Between the kinks x/6 = h - 1/2, so x itself need not be kept.
        slopes = cache - 0.5
        slopes *= (cache > 0) & (cache < 1)
        slopes += cache
        return times(dy, slopes, out)


@register("HardTanh", name="hard_tanh")
class HardTanh(Activation):
    """y = min(max(x, -1), 1). Derivative: 1 where -1 <= x <= 1, else 0."""

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        inside = np.abs(x) <= 1
        return x.clip(-1.0, 1.0, out=out), inside

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return _gated(dy, cache, out)


@register("HardShrink", name="hard_shrink")
class HardShrink(Activation):
    """y = x where |x| > threshold, else 0. Derivative: 1 where |x| > threshold, else 0."""

    threshold: NonNegativeFloat = option("size up to which x becomes 0", default=0.5)

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        kept = np.abs(x) > self.threshold
        return _gated(x, kept, out), kept

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return _gated(dy, cache, out)


@register("SoftShrink", name="soft_shrink")
class SoftShrink(Activation):
    """y = x - threshold where x > threshold, x + threshold where x < -threshold, else 0. Derivative: 1, 1, 0."""

    threshold: NonNegativeFloat = option("how far x is moved towards 0", default=0.5)

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y: Array = np.subtract(x, x.clip(-self.threshold, self.threshold), out=out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return _gated(dy, cache != 0, out)


@register("Threshold", name="threshold")
class Threshold(Activation):
    """y = x where x > threshold, else default_value. Derivative: 1 where x > threshold, else 0."""

    threshold: float = option("value above which x is kept", example=0.0)
    default_value: float = option("what replaces the others", example=0.0)

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        kept = x > self.threshold
        y = _gated(x, kept, out)
        y += np.multiply(~kept, self.default_value, dtype=x.dtype)
        return y, kept

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return _gated(dy, cache, out)


@register("SparsePlus", name="sparse_plus")
class SparsePlus(Activation):
    """y = 0 where x <= -1, (x + 1)² / 4 where -1 < x < 1, else x. Derivative: sparse_sigmoid.

    Reference: M. Blondel, A. Martins, V. Niculae, Learning with Fenchel-Young losses, 2019, arXiv:1901.02324.
    """

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        slopes = _sparse_sigmoid(x, None)
        y: Array = x.clip(1.0, INFINITY, out=out)
        y -= 1.0
        y += slopes * slopes
        return y, slopes

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        dx: Array = np.multiply(dy, cache, out=out)
        return dx


@register("SparseSigmoid", name="sparse_sigmoid")
class SparseSigmoid(Activation):
    """y = 0 where x <= -1, (x + 1) / 2 where -1 < x < 1, else 1. Derivative: 1/2 where -1 < x < 1, else 0.

    Reference: M. Blondel, A. Martins, V. Niculae, Learning with Fenchel-Young losses, 2019, arXiv:1901.02324.
    """

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y = _sparse_sigmoid(x, out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = np.multiply((cache > 0) & (cache < 1), 0.5, dtype=dy.dtype)
        return times(dy, slopes, out)


def _passed_on(x: Array, out: Array | None) -> Array:
    if out is None or out is x:
        return x
    np.copyto(out, x)
    return out


def _gated(x: Array, gate: Array, out: Array | None) -> Array:
    """x where the gate is open, else 0; a product is ten times as fast as a masked copy."""
    y: Array = np.multiply(x, gate, out=out)
    return y


def _either(mask: Array, yes: float, no: float, like: Array) -> Array:
    """yes where the mask holds, else no, in the dtype of `like`; four times as fast as np.where."""
    levels: Array = np.multiply(mask, yes - no, dtype=like.dtype)
    levels += no
    return levels


def _hard_sigmoid(x: Array, out: Array | None) -> Array:
    y: Array = np.add(x, 3.0, out=out)
    y.clip(0.0, 6.0, out=y)
    y /= 6.0
    return y


def _sparse_sigmoid(x: Array, out: Array | None) -> Array:
    y: Array = np.add(x, 1.0, out=out)
    y *= 0.5
    return y.clip(0.0, 1.0, out=y)
