"""Schedule-free AdamW: an average of the weights takes the place of a falling learning rate."""

from __future__ import annotations

import math

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Fraction, NonNegativeInt, PositiveFloat
from seqnet.declare import option
from seqnet.optimizers.base import LearningRate, rate
from seqnet.optimizers.elementwise import Elementwise
from seqnet.registry import register


@register()
class ScheduleFreeAdamW(Elementwise):
    """z -= lr * g / (sqrt(v / (1 - beta_2^t)) + epsilon), x = (1 - 1/t) x + z / t, w = (1 - beta_1) z + beta_1 x.

    v as in Adam; z and x start as the weights. During warmup_steps, lr rises in a straight line. x need not be kept:
    with d the change of z, w += (z_old - w) / t + (1 - beta_1 + beta_1 / t) d. The slot velocity holds the discounted
    sum v / (1 - beta_2), the slot momentum z.
    Differs from the authors' code, as Keras does: the model is evaluated with w, not with x.
    References: Defazio et al., The road less scheduled, 2024, arXiv 2405.15682.
    """

    learning_rate: LearningRate = rate(0.0025)
    beta_1: Fraction = option("share of the average in the weights that gradients are taken at", default=0.9)
    beta_2: Fraction = option("share of the old mean square in the new one", default=0.999)
    epsilon: PositiveFloat = option("added to the root of the mean square", default=1e-8)
    warmup_steps: NonNegativeInt = option("steps in which the learning rate rises to its value", default=0)

    def slots(self) -> dict[str, float]:
        return {"velocity": 0.0, "momentum": 0.0}

    def start(self, theta: Array) -> None:
        np.copyto(self._slots["momentum"], theta)

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        if self.warmup_steps:
            lr *= min(step / self.warmup_steps, 1.0)
        root = math.sqrt((1.0 - self.beta_2) / (1.0 - self.beta_2**step))  # sqrt(v_hat) = root * sqrt(V)
        fresh = 1.0 / step
        return self.beta_2, self.epsilon / root, -lr / root, fresh, 1.0 - self.beta_1 + self.beta_1 * fresh

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        beta_2, epsilon, minus_size, fresh, of_move = c
        v, z, s = buffers
        np.multiply(v, beta_2, v)
        np.square(g, s)
        np.add(v, s, v)
        np.sqrt(v, s)
        np.add(s, epsilon, s)
        np.divide(g, s, s)
        np.multiply(s, minus_size, s)
        np.subtract(z, w, g)
        np.multiply(g, fresh, g)
        np.add(w, g, w)
        np.add(z, s, z)
        np.multiply(s, of_move, s)
        np.add(w, s, w)
