"""Gradient descent, with momentum or without."""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Share
from seqnet.declare import option
from seqnet.optimizers.base import LearningRate, rate
from seqnet.optimizers.elementwise import Elementwise
from seqnet.registry import register


@register()
class SGD(Elementwise):
    """w -= lr * g; with momentum: m = momentum * m - lr * g, w += m; with nesterov: w += momentum * m - lr * g.

    Differs from PyTorch: m holds the learning rate, so a new rate reaches the weights gradually.
    References: Sutskever, Martens, Dahl, Hinton, On the importance of initialization and momentum in deep learning,
    2013.
    """

    spoils_zeros = False

    learning_rate: LearningRate = rate(0.01)
    momentum: Share = option("share of the last move that goes on", default=0.0)
    nesterov: bool = option("take the gradient's step from where the momentum leads", default=False)

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0} if self.momentum else {}

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        return lr, self.momentum

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        lr, momentum = c
        if not self.momentum:
            np.multiply(g, lr, g)
            np.subtract(w, g, w)
            return
        m, s = buffers
        np.multiply(g, lr, g)
        np.multiply(m, momentum, m)
        np.subtract(m, g, m)
        if self.nesterov:
            np.multiply(m, momentum, s)
            np.subtract(s, g, s)
            np.add(w, s, w)
        else:
            np.add(w, m, w)
