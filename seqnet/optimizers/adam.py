"""The Adam family: steps by the ratio of a mean gradient and its mean size.

Slots hold discounted sums, M = sum beta_1^k g and V = sum beta_2^k g^2, where the papers hold means,
m = (1 - beta_1) M and v = (1 - beta_2) V: a sum costs one pass over memory less, and the factors are part of the
step's coefficients.
"""

from __future__ import annotations

import math

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Fraction, NonNegativeFloat, PositiveFloat
from seqnet.declare import option
from seqnet.optimizers.base import LearningRate, rate
from seqnet.optimizers.elementwise import Elementwise
from seqnet.registry import register


@register()
class Adam(Elementwise):
    """w -= lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon).

    m += (1 - beta_1) (g - m), v += (1 - beta_2) (g^2 - v); with amsgrad, the largest v so far divides.
    Differs from PyTorch and from the paper's main text: epsilon is added to the root of the uncorrected v.
    References: Kingma, Ba, Adam: A method for stochastic optimization, 2014, arXiv 1412.6980; Reddi, Kale, Kumar,
    On the convergence of Adam and beyond, 2018, arXiv 1904.09237.
    """

    spoils_zeros = False

    learning_rate: LearningRate = rate(0.001)
    beta_1: Fraction = option("share of the old mean gradient in the new one", default=0.9)
    beta_2: Fraction = option("share of the old mean square in the new one", default=0.999)
    epsilon: PositiveFloat = option("added to the root of the mean square", default=1e-7)
    amsgrad: bool = option("divide by the largest mean square so far", default=False)

    def slots(self) -> dict[str, float]:
        names = ("momentum", "velocity", "velocity_hat") if self.amsgrad else ("momentum", "velocity")
        return dict.fromkeys(names, 0.0)

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        root = math.sqrt(1.0 - self.beta_2)  # sqrt(v) = root * sqrt(V)
        size = lr * math.sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)
        return self.beta_1, self.beta_2, self.epsilon / root, size * (1.0 - self.beta_1) / root

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        beta_1, beta_2, epsilon, size = c
        m, v = buffers[:2]
        s = buffers[-1]
        np.multiply(m, beta_1, m)
        np.add(m, g, m)
        np.multiply(v, beta_2, v)
        np.square(g, s)
        np.add(v, s, v)
        if len(buffers) == 4:
            np.maximum(buffers[2], v, out=buffers[2])
            v = buffers[2]
        np.sqrt(v, s)
        np.add(s, epsilon, s)
        np.divide(m, s, s)
        np.multiply(s, size, s)
        np.subtract(w, s, w)


@register()
class AdamW(Adam):
    """Adam with weight decay: w -= lr * weight_decay * w before Adam's step, on every variable not excluded.

    References: Loshchilov, Hutter, Decoupled weight decay regularization, 2019, arXiv 1711.05101.
    """

    weight_decay: NonNegativeFloat = option(
        "share of each weight, times the learning rate, taken off it before a step", default=0.004
    )


@register()
class Adamax(Elementwise):
    """w -= lr / (1 - beta_1^t) * m / (u + epsilon), m as in Adam, u = max(beta_2 * u, |g|).

    References: Kingma, Ba, Adam: A method for stochastic optimization, 2014, arXiv 1412.6980, section 7.1.
    """

    spoils_zeros = False

    learning_rate: LearningRate = rate(0.001)
    beta_1: Fraction = option("share of the old mean gradient in the new one", default=0.9)
    beta_2: Fraction = option("share of the old largest gradient that stays", default=0.999)
    epsilon: PositiveFloat = option("added to the largest gradient", default=1e-7)

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0, "norm": 0.0}

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        return self.beta_1, self.beta_2, self.epsilon, lr * (1.0 - self.beta_1) / (1.0 - self.beta_1**step)

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        beta_1, beta_2, epsilon, size = c
        m, u, s = buffers
        np.multiply(m, beta_1, m)
        np.add(m, g, m)
        np.multiply(u, beta_2, u)
        np.absolute(g, s)
        np.maximum(u, s, out=u)
        np.add(u, epsilon, s)
        np.divide(m, s, s)
        np.multiply(s, size, s)
        np.subtract(w, s, w)


@register()
class Nadam(Elementwise):
    """Adam with Nesterov momentum: w -= lr * m_hat / (sqrt(v_hat) + epsilon), m and v as in Adam.

    u_t = beta_1 (1 - 0.96^t / 2), U_t = u_1 … u_t, v_hat = v / (1 - beta_2^t),
    m_hat = u_{t+1} m / (1 - U_{t+1}) + (1 - u_t) g / (1 - U_t).
    References: Dozat, Incorporating Nesterov momentum into Adam, 2016.
    """

    extra_scalars = 1  # U

    learning_rate: LearningRate = rate(0.001)
    beta_1: Fraction = option("share of the old mean gradient in the new one", default=0.9)
    beta_2: Fraction = option("share of the old mean square in the new one", default=0.999)
    epsilon: PositiveFloat = option("added to the root of the mean square", default=1e-7)

    def setup(self) -> None:
        super().setup()
        self._product = (0, 1.0)  # (t, U_t)

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0, "velocity": 0.0}

    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        now, following, product = self._warmed(step), self._warmed(step + 1), self._product_until(step)
        root = math.sqrt((1.0 - self.beta_2) / (1.0 - self.beta_2**step))  # sqrt(v_hat) = root * sqrt(V)
        of_mean = lr * following * (1.0 - self.beta_1) / (1.0 - product * following) / root
        of_gradient = lr * (1.0 - now) / (1.0 - product) / root
        return self.beta_1, self.beta_2, self.epsilon / root, of_mean, of_gradient

    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        beta_1, beta_2, epsilon, of_mean, of_gradient = c
        m, v, s = buffers
        np.multiply(m, beta_1, m)
        np.add(m, g, m)
        np.multiply(v, beta_2, v)
        np.square(g, s)
        np.add(v, s, v)
        np.multiply(g, of_gradient, g)
        np.multiply(m, of_mean, s)
        np.add(g, s, g)
        np.sqrt(v, s)
        np.add(s, epsilon, s)
        np.divide(g, s, s)
        np.subtract(w, s, w)

    def _warmed(self, step: int) -> float:
        return self.beta_1 * (1.0 - 0.5 * 0.96**step)

    def _product_until(self, step: int) -> float:
        # The same multiplications in the same order wherever counting starts, so no checkpoint needs to keep it.
        reached, product = self._product if self._product[0] <= step else (0, 1.0)
        for t in range(reached + 1, step + 1):
            product *= self._warmed(t)
            if product == 0.0:
                break
        self._product = (step, product)
        return product
