"""RMSprop: the gradient divided by its recent size."""

from __future__ import annotations

import math

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Fraction, PositiveFloat, Share
from seqnet.declare import option
from seqnet.optimizers.base import LearningRate, rate
from seqnet.optimizers.elementwise import Elementwise
from seqnet.registry import register


@register()
class RMSprop(Elementwise):
    """w -= lr * g / sqrt(v + epsilon), v = rho * v + (1 - rho) g^2.

    centered: v less the square of the mean gradient, the variance, divides. momentum: b = momentum * b + the step,
    w -= b. Slots velocity and average_gradient hold discounted sums, v / (1 - rho) and mean / (1 - rho).
    Differs from PyTorch: epsilon stands inside the root, and the momentum holds the learning rate.
    References: Tieleman, Hinton, Lecture 6.5: rmsprop, Neural networks for machine learning, 2012.
    """

    spoils_zeros = False

    learning_rate: LearningRate = rate(0.001)
    rho: Fraction = option("share of the old mean square in the new one", default=0.9)
    momentum: Share = option("share of the last move that goes on", default=0.0)
    epsilon: PositiveFloat = option("added to the mean square, under the root", default=1e-7)
    centered: bool = option("divide by the gradient's variance instead of its mean square", default=False)

    def slots(self) -> dict[str, float]:
        names = ["velocity", *["momentum"] * bool(self.momentum), *["average_gradient"] * self.centered]
        return dict.fromkeys(names, 0.0)

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        fresh = 1.0 - self.rho
        return self.rho, self.epsilon / fresh, lr / math.sqrt(fresh), self.momentum, fresh

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        rho, epsilon, size, momentum, fresh = c
        v, s = buffers[0], buffers[-1]
        np.multiply(v, rho, v)
        np.square(g, s)
        np.add(v, s, v)
        if self.centered:
            mean = buffers[-2]
            np.multiply(mean, rho, mean)
            np.add(mean, g, mean)
            np.square(mean, s)
            np.multiply(s, fresh, s)
            np.subtract(v, s, s)
            np.maximum(s, 0, out=s)  # a variance; rounding can make the difference negative
            np.add(s, epsilon, s)
        else:
            np.add(v, epsilon, s)
        np.sqrt(s, s)
        np.divide(g, s, s)
        np.multiply(s, size, s)
        if self.momentum:
            moved = buffers[1]
            np.multiply(moved, momentum, moved)
            np.add(moved, s, moved)
            s = moved
        np.subtract(w, s, w)
