"""Lamb: Adam's direction, with a step as long as the variable's own weights say."""

from __future__ import annotations

import math

import numpy as np

from seqnet.checkers import Fraction, PositiveFloat
from seqnet.declare import option
from seqnet.optimizers.base import LearningRate, Segment, norm, rate
from seqnet.optimizers.layerwise import Layerwise, Part
from seqnet.registry import register


@register()
class Lamb(Layerwise):
    """w -= lr * |w| / |u| * u, u = m_hat / (sqrt(v_hat) + epsilon), with Adam's m and v, corrected; per variable.

    Where |w| or |u| is 0 the ratio is 1. Slots hold discounted sums, m / (1 - beta_1) and v / (1 - beta_2).
    Differs from the paper: weight decay is taken off w before, and is no part of u.
    References: You et al., Large batch optimization for deep learning: Training BERT in 76 minutes, 2019,
    arXiv 1904.00962.
    """

    spoils_zeros = False

    learning_rate: LearningRate = rate(0.001)
    beta_1: Fraction = option("share of the old mean gradient in the new one", default=0.9)
    beta_2: Fraction = option("share of the old mean square in the new one", default=0.999)
    epsilon: PositiveFloat = option("added to the root of the mean square", default=1e-7)

    def slot_shapes(self, segment: Segment) -> dict[str, tuple[int, ...]]:
        return {"momentum": segment.shape, "velocity": segment.shape}

    def counted(self, segment: Segment) -> int:
        return 2 * (segment.stop - segment.start)

    def update(self, part: Part, step: int, lr: float) -> None:
        m, v = part.slots["momentum"], part.slots["velocity"]
        g, s = part.g, part.scratch
        np.multiply(m, self.beta_1, out=m)
        np.add(m, g, out=m)
        np.multiply(v, self.beta_2, out=v)
        np.square(g, s)
        np.add(v, s, out=v)
        root = math.sqrt((1.0 - self.beta_2) / (1.0 - self.beta_2**step))  # sqrt(v_hat) = root * sqrt(V)
        np.sqrt(v, out=s)
        np.add(s, self.epsilon / root, out=s)
        np.divide(m, s, out=s)
        size = (1.0 - self.beta_1) / (1.0 - self.beta_1**step) / root  # u = size * s
        w_norm, u_norm = norm(part.w.reshape(-1)), size * norm(s.reshape(-1))
        ratio = w_norm / u_norm if w_norm > 0.0 and u_norm > 0.0 else 1.0
        np.multiply(s, ratio * lr * size, out=s)
        np.subtract(part.w, s, out=part.w)
