"""Steps divided by the size of all gradients so far: Adagrad, Adadelta, Ftrl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Fraction, NonNegativeFloat, Number, PositiveFloat
from seqnet.declare import option
from seqnet.optimizers.base import LearningRate, rate
from seqnet.optimizers.elementwise import Elementwise
from seqnet.registry import register


@register()
class Adagrad(Elementwise):
    """w -= lr * g / sqrt(a + epsilon), a += g^2.

    Differs from PyTorch: epsilon stands inside the root.
    References: Duchi, Hazan, Singer, Adaptive subgradient methods for online learning and stochastic optimization,
    2011.
    """

    spoils_zeros = False

    learning_rate: LearningRate = rate(0.001)
    initial_accumulator_value: NonNegativeFloat = option("the sum of squares before the first step", default=0.1)
    epsilon: NonNegativeFloat = option("added to the sum of squares, under the root", default=1e-7)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from super().cross_check(values)
        if values["initial_accumulator_value"] == 0 and values["epsilon"] == 0:
            yield "epsilon", "epsilon and initial_accumulator_value can't both be 0: a zero gradient would give 0 / 0"

    def slots(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        return lr, self.epsilon

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        lr, epsilon = c
        total, s = buffers
        np.square(g, s)
        np.add(total, s, total)
        np.add(total, epsilon, s)
        np.sqrt(s, s)
        np.divide(g, s, s)
        np.multiply(s, lr, s)
        np.subtract(w, s, w)


@register()
class Adadelta(Elementwise):
    """d = g * sqrt(b + epsilon) / sqrt(a + epsilon), w -= lr * d.

    a = rho * a + (1 - rho) g^2 before, b = rho * b + (1 - rho) d^2 after. Slots hold discounted sums, a / (1 - rho)
    and b / (1 - rho). Differs from the paper: lr is 0.001 by default, where the paper has 1.
    References: Zeiler, Adadelta: An adaptive learning rate method, 2012, arXiv 1212.5701.
    """

    spoils_zeros = False
    scratch = 2

    learning_rate: LearningRate = rate(0.001)
    rho: Fraction = option("share of the old mean square in the new one", default=0.95)
    epsilon: PositiveFloat = option("added to the mean squares, under the roots", default=1e-7)

    def slots(self) -> dict[str, float]:
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        return lr, self.rho, self.epsilon / (1.0 - self.rho)

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        lr, rho, epsilon = c
        gradients, moves, s, t = buffers
        np.multiply(gradients, rho, gradients)
        np.square(g, s)
        np.add(gradients, s, gradients)
        np.add(moves, epsilon, s)
        np.add(gradients, epsilon, t)
        np.divide(s, t, s)
        np.sqrt(s, s)
        np.multiply(g, s, g)
        np.multiply(moves, rho, moves)
        np.square(g, s)
        np.add(moves, s, moves)
        np.multiply(g, lr, g)
        np.subtract(w, g, w)


@register()
class Ftrl(Elementwise):
    """Follow the regularized leader: w = (clip(z, -l1, l1) - z) / (n^q / lr + 2 * l2 + beta / lr), q = -lr_power.

    n' = n + g^2, z += g + 2 * l2_shrinkage * w - (n'^q - n^q) / lr * w. The weights follow from z, which starts at
    zero, so little is left of their initial values after the first step. A step with lr = 0 changes nothing.
    References: McMahan et al., Ad click prediction: a view from the trenches, 2013.
    """

    spoils_zeros = False
    scratch = 2

    learning_rate: LearningRate = rate(0.001)
    learning_rate_power: Annotated[float, Number(le=0)] = option(
        "how fast the rate falls as gradients add up; 0 keeps it", default=-0.5
    )
    initial_accumulator_value: NonNegativeFloat = option("n before the first step", default=0.1)
    l1_regularization_strength: NonNegativeFloat = option("l1: sets small weights to zero", default=0.0)
    l2_regularization_strength: NonNegativeFloat = option("l2: keeps weights small", default=0.0)
    l2_shrinkage_regularization_strength: NonNegativeFloat = option("l2 that acts through the gradient", default=0.0)
    beta: NonNegativeFloat = option("added to n^q", default=0.0)

    def slots(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value, "linear": 0.0}

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        if lr == 0.0:
            return ()
        constant = 2.0 * self.l2_regularization_strength + self.beta / lr
        l1, shrinkage = self.l1_regularization_strength, 2.0 * self.l2_shrinkage_regularization_strength
        return 1.0 / lr, -self.learning_rate_power, shrinkage, l1, -l1, constant

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        per_rate, power, shrinkage, l1, minus_l1, constant = c
        n, z, s, t = buffers
        self._power(n, power, s)
        np.square(g, t)
        np.add(n, t, n)
        self._power(n, power, t)
        np.subtract(t, s, s)
        np.multiply(s, per_rate, s)
        np.multiply(s, w, s)
        np.add(z, g, z)
        np.subtract(z, s, z)
        np.multiply(w, shrinkage, s)
        np.add(z, s, z)
        np.multiply(t, per_rate, t)
        np.add(t, constant, t)
        np.maximum(z, minus_l1, out=s)
        np.minimum(s, l1, out=s)
        np.subtract(s, z, s)
        # Where nothing was ever added up the quotient is 0 / 0, and the weight stays.
        np.divide(s, t, w, where=t > 0)

    def _power(self, x: Array, power: Array, out: Array) -> None:
        if self.learning_rate_power == -0.5:
            np.sqrt(x, out)
        else:
            np.power(x, power, out)
