"""Smooth elementwise activations. Where the derivative follows from y alone, nothing else is kept for backward."""

from __future__ import annotations

import math

import numpy as np

from seqnet.activations.base import Activation, fresh, times
from seqnet.arrays import Array, Cache
from seqnet.checkers import PositiveFloat
from seqnet.declare import option
from seqnet.kernels.elementwise import INFINITY, erf, sigmoid, softplus
from seqnet.registry import register

# |x| beyond which the bell curve exp(-x²/2) is 0 and tanh is 1 in float64, so that powers of x can't overflow.
FLAT = 40.0
STRAIGHT = 1e15  # x beyond which squareplus is x to the last digit, while its square is still far from overflow


@register("Sigmoid", name="sigmoid")
class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x)). Derivative: y (1 - y)."""

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y = sigmoid(x, out=out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = 1.0 - cache
        slopes *= cache
        return times(dy, slopes, out)


@register("Tanh", name="tanh")
class Tanh(Activation):
    """y = tanh(x). Derivative: 1 - y²."""

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y: Array = np.tanh(x, out=out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = np.square(cache)
        np.subtract(1.0, slopes, out=slopes)
        return times(dy, slopes, out)


@register("SiLU", "swish", name="silu")
class SiLU(Activation):
    """y = x s with s = sigmoid(x). Derivative: s + y (1 - s).

    References: S. Elfwing, E. Uchibe, K. Doya, Sigmoid-weighted linear units, 2017, arXiv:1702.03118;
    P. Ramachandran, B. Zoph, Q. Le, Searching for activation functions, 2017, arXiv:1710.05941.
    """

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        gate = sigmoid(x)
        y: Array = np.multiply(x, gate, out=out)
        return y, (gate, y)

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        gate, y = cache
        slopes = 1.0 - gate
        slopes *= y
        slopes += gate
        return times(dy, slopes, out)


@register("GELU", name="gelu")
class GELU(Activation):
    """y = x Φ(x), Φ the standard normal distribution function. Derivative: Φ + x φ, φ the normal density.

    With approximate: y = x (1 + t) / 2, t = tanh(√(2/π) (x + 0.044715 x³)).

    Reference: D. Hendrycks, K. Gimpel, Gaussian error linear units, 2016, arXiv:1606.08415.
    """

    approximate: bool = option("compute Φ by a tanh, which is faster", default=False)

    INNER = math.sqrt(2 / math.pi)
    CUBIC = 0.044715

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        kept = fresh(x, out)
        if self.approximate:
            share = x.clip(-FLAT, FLAT)
            cubic = np.square(share)
            cubic *= self.INNER * self.CUBIC
            cubic += self.INNER
            share *= cubic
            np.tanh(share, out=share)
        else:
            share = x * math.sqrt(0.5)
            erf(share, out=share)
        share *= 0.5
        share += 0.5
        y: Array = np.multiply(x, share, out=out)
        return y, (kept, share)

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        x, share = cache
        bounded = x.clip(-FLAT, FLAT)
        slopes = np.square(bounded)
        if self.approximate:
            # share = (1 + t)/2, so d share/dx = 2 share (1 - share) d inner/dx
            slopes *= 3 * self.INNER * self.CUBIC
            slopes += self.INNER
            slopes *= 2.0
            slopes *= share
            slopes *= 1.0 - share
        else:
            slopes *= -0.5
            np.exp(slopes, out=slopes)
            slopes *= 1 / math.sqrt(2 * math.pi)
        slopes *= bounded
        slopes += share
        return times(dy, slopes, out)


@register("Mish", name="mish")
class Mish(Activation):
    """y = x t with t = tanh(log(1 + exp(x))). Derivative: t + x (1 - t²) sigmoid(x).

    Reference: D. Misra, Mish: a self regularized non-monotonic activation function, 2019, arXiv:1908.08681.
    """

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        kept = fresh(x, out)
        # With e = exp(min(x, 0)), f = exp(-max(x, 0)): t = (e² + 2 e f) / (e² + 2 e f + 2 f²), and nothing overflows.
        e = np.exp(x.clip(-INFINITY, 0.0))
        f = np.exp(-x.clip(0.0, INFINITY))
        gate = 2.0 * f
        gate += e
        gate *= e
        f *= f
        f *= 2.0
        f += gate
        gate /= f
        y: Array = np.multiply(x, gate, out=out)
        return y, (kept, gate)

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        x, gate = cache
        slopes = np.square(gate)
        np.subtract(1.0, slopes, out=slopes)
        slopes *= x
        slopes *= sigmoid(x)
        slopes += gate
        return times(dy, slopes, out)


@register("Softplus", name="softplus")
class Softplus(Activation):
    """y = log(1 + exp(x)). Derivative: sigmoid(x) = 1 - exp(-y)."""

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y = softplus(x, out=out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = np.negative(cache)
        np.expm1(slopes, out=slopes)
        np.negative(slopes, out=slopes)
        return times(dy, slopes, out)


@register("LogSigmoid", name="log_sigmoid")
class LogSigmoid(Activation):
    """y = log(sigmoid(x)) = -softplus(-x). Derivative: sigmoid(-x) = 1 - exp(y)."""

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        y = softplus(np.negative(x, out=out), out=out)
        np.negative(y, out=y)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = np.expm1(cache)
        np.negative(slopes, out=slopes)
        return times(dy, slopes, out)


@register("Softsign", name="softsign")
class Softsign(Activation):
    """y = x / (1 + |x|). Derivative: 1 / (1 + |x|)² = (1 - |y|)²."""

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        size = np.abs(x)
        size += 1.0
        y: Array = np.divide(x, size, out=out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        slopes = np.abs(cache)
        np.subtract(1.0, slopes, out=slopes)
        slopes *= slopes
        return times(dy, slopes, out)


@register("Exponential", name="exponential")
class Exponential(Activation):
    """y = exp(x). Derivative: y. Infinite for x above 88 in float32, as in Keras."""

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        with np.errstate(over="ignore"):
            y: Array = np.exp(x, out=out)
        return y, y

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        dx: Array = np.multiply(dy, cache, out=out)
        return dx


@register("Squareplus", name="squareplus")
class Squareplus(Activation):
    """y = (x + r) / 2 with r = √(x² + b). Derivative: y / r.

    Reference: J. Barron, Squareplus: a softplus-like algebraic rectifier, 2021, arXiv:2112.11687.
    """

    b: PositiveFloat = option("smoothness: the height at 0 is √b / 2", default=4.0)

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        root = x.clip(-STRAIGHT, STRAIGHT)
        root *= root
        root += self.b
        np.sqrt(root, out=root)
        # (x + r)/2 = max(x, 0) + b / (2 (r + |x|)): without the cancellation at very negative x.
        tail = np.abs(x)
        tail += root
        np.divide(0.5 * self.b, tail, out=tail)
        y: Array = x.clip(0.0, INFINITY, out=out)
        y += tail
        return y, (y, root)

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        y, root = cache
        slopes = y.clip(0.0, STRAIGHT)
        slopes /= root
        return times(dy, slopes, out)


@register("TanhShrink", name="tanh_shrink")
class TanhShrink(Activation):
    """y = x - tanh(x). Derivative: tanh²(x)."""

    def forward(self, x: Array, *, out: Array | None = None) -> tuple[Array, Cache]:
        squashed = np.tanh(x)
        y: Array = np.subtract(x, squashed, out=out)
        return y, squashed

    def backward(self, dy: Array, cache: Cache, *, out: Array | None = None) -> Array:
        return times(dy, np.square(cache), out)
