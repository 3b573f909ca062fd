"""Smooth elementwise activations. Where the derivative follows from y alone, nothing else is kept for backward."""

from __future__ import annotations

import numpy as np

from seqnet.activations.base import Activation, times
from seqnet.arrays import Array, Cache
from seqnet.kernels.elementwise import sigmoid
from seqnet.registry import register


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
