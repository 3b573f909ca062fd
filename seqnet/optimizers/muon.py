"""Muon: for matrices, the momentum with all its singular values made equal; Adam for the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Fraction, NonNegativeFloat, PositiveFloat, PositiveInt
from seqnet.declare import option
from seqnet.optimizers.base import LearningRate, Segment, norm, rate
from seqnet.optimizers.layerwise import Layerwise, Part
from seqnet.optimizers.selection import regex_problem
from seqnet.registry import register


@register()
class Muon(Layerwise):
    """w -= lr * orthogonal(g + momentum * m) * rms_rate * sqrt(max(rows, columns)), m = momentum * m + g.

    orthogonal(X): X / |X|, then ns_steps times X = a X + (b A + c A A) X with A = X X^T, which drives the singular
    values towards 1. This for variables of two axes; all others, embeddings, and those whose "layer/variable" name
    matches a regular expression of exclude_layers take Adam's step with learning rate adam_lr_ratio * lr. The last
    layer's kernel is best excluded.
    References: Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024; Liu et al., Muon is
    scalable for LLM training, 2025, arXiv 2502.16982.
    """

    learning_rate: LearningRate = rate(0.001)
    adam_beta_1: Fraction = option("Adam's beta_1", default=0.9)
    adam_beta_2: Fraction = option("Adam's beta_2", default=0.999)
    adam_weight_decay: NonNegativeFloat | None = option("weight decay of the variables with Adam's step", default=0.004)
    epsilon: PositiveFloat = option("Adam's epsilon", default=1e-7)
    weight_decay: NonNegativeFloat | None = option(
        "share of each weight, times the learning rate, taken off it before a step", default=0.004, last=1
    )
    exclude_layers: tuple[str, ...] | None = option(
        "regular expressions for the variables that take Adam's step", default=None, example=["output"], last=2
    )
    exclude_embeddings: bool = option("Adam's step for variables with embedding in their name", default=True, last=2)
    muon_a: float = option("a", default=3.4445, last=2)
    muon_b: float = option("b", default=-4.7750, last=2)
    muon_c: float = option("c", default=2.0315, last=2)
    adam_lr_ratio: NonNegativeFloat = option("Adam's learning rate over Muon's", default=1.0, last=2)
    momentum: Fraction = option("share of the old momentum in the new one", default=0.95, last=2)
    ns_steps: PositiveInt = option("rounds of the iteration", default=5, last=2)
    nesterov: bool = option("look ahead: g + momentum * m instead of m", default=True, last=2)
    rms_rate: PositiveFloat | None = option(
        "scales a step to the size of Adam's; null: no scaling", default=0.2, last=2
    )

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from super().cross_check(values)
        for pattern in values["exclude_layers"] or ():
            if (rule := regex_problem(pattern)) is not None:
                yield "exclude_layers", rule

    def uses_adam(self, segment: Segment) -> bool:
        """Whether a variable takes Adam's step."""
        if len(segment.shape) != 2 or (self.exclude_embeddings and "embedding" in segment.name.lower()):
            return True
        return any(re.search(pattern, segment.name) for pattern in self.exclude_layers or ())

    def decay_of(self, segment: Segment) -> float | None:
        return self.adam_weight_decay if self.uses_adam(segment) else self.weight_decay

    def slot_shapes(self, segment: Segment) -> dict[str, tuple[int, ...]]:
        names = ("momentum", "velocity") if self.uses_adam(segment) else ("momentum",)
        return dict.fromkeys(names, segment.shape)

    def counted(self, segment: Segment) -> int:
        return len(self.slot_shapes(segment)) * (segment.stop - segment.start)

    def update(self, part: Part, step: int, lr: float) -> None:
        if "velocity" in part.slots:
            self._adam_step(part, step, lr * self.adam_lr_ratio)
            return
        m, g = part.slots["momentum"], part.g
        np.multiply(m, self.momentum, out=m)
        np.add(m, g, out=m)
        if self.nesterov:
            np.multiply(m, self.momentum, out=part.scratch)
            np.add(g, part.scratch, out=g)
        else:
            np.copyto(g, m)
        scale = 1.0 if self.rms_rate is None else self.rms_rate * math.sqrt(max(g.shape))
        np.subtract(part.w, self._orthogonal(g) * (lr * scale), out=part.w)

    def _orthogonal(self, x: Array) -> Array:
        """The matrix with the singular vectors of x and singular values near 1. x: (R, C) -> (R, C)."""
        tall = x.shape[0] > x.shape[1]
        x = (x.T if tall else x) / (norm(x.reshape(-1)) + 1e-7)
        for _ in range(self.ns_steps):
            gram = x @ x.T
            x = self.muon_a * x + (self.muon_b * gram + self.muon_c * (gram @ gram)) @ x
        return x.T if tall else x

    def _adam_step(self, part: Part, step: int, lr: float) -> None:
        m, v = part.slots["momentum"], part.slots["velocity"]
        g, s = part.g, part.scratch
        np.subtract(g, m, out=s)
        np.multiply(s, 1.0 - self.adam_beta_1, out=s)
        np.add(m, s, out=m)
        np.square(g, s)
        np.subtract(s, v, out=s)
        np.multiply(s, 1.0 - self.adam_beta_2, out=s)
        np.add(v, s, out=v)
        np.sqrt(v, out=s)
        np.add(s, self.epsilon, out=s)
        np.divide(m, s, out=s)
        size = lr * math.sqrt(1.0 - self.adam_beta_2**step) / (1.0 - self.adam_beta_1**step)
        np.multiply(s, size, out=s)
        np.subtract(part.w, s, out=part.w)
