"""Lion: steps of one size, in the direction of the sign of a momentum."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Fraction, Number
from seqnet.declare import option
from seqnet.optimizers.base import LearningRate, rate
from seqnet.optimizers.elementwise import Elementwise
from seqnet.registry import register


@register()
class Lion(Elementwise):
    """w -= lr * sign(beta_1 * m + (1 - beta_1) g), then m = beta_2 * m + (1 - beta_2) g.

    The slot holds the discounted sum m / (1 - beta_2).
    References: Chen et al., Symbolic discovery of optimization algorithms, 2023, arXiv 2302.06675.
    """

    learning_rate: LearningRate = rate(0.001)
    beta_1: Annotated[float, Number(gt=0, le=1)] = option("share of the momentum in the direction", default=0.9)
    beta_2: Fraction = option("share of the old momentum in the new one", default=0.99)

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0}

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        tiny = float(np.finfo(self.dtype).tiny)
        return lr, self.beta_1 * (1.0 - self.beta_2), 1.0 - self.beta_1, self.beta_2, tiny

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        lr, of_momentum, of_gradient, beta_2, tiny = c
        m, s = buffers
        np.multiply(m, of_momentum, s)
        np.multiply(m, beta_2, m)
        np.add(m, g, m)
        np.multiply(g, of_gradient, g)
        np.add(s, g, s)
        # The sign as s / |s|, which is six times as fast as np.sign.
        np.absolute(s, g)
        np.maximum(g, tiny, out=g)
        np.divide(s, g, s)
        np.multiply(s, lr, s)
        np.subtract(w, s, w)
