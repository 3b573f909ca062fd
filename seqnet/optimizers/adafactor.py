"""Adafactor: mean squares kept as a row and a column instead of a matrix."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import NonNegativeFloat, Number, PositiveFloat
from seqnet.declare import option
from seqnet.optimizers.base import LearningRate, Segment, norm, rate
from seqnet.optimizers.layerwise import Layerwise, Part
from seqnet.registry import register


@register()
class Adafactor(Layerwise):
    """w -= max(epsilon_2, RMS(w)) * min(lr, 1 / sqrt(t)) * u / max(1, RMS(u) / clip_threshold), u = g / sqrt(v).

    With b = 1 - t^beta_2_decay, v = b * v + (1 - b) (g^2 + epsilon_1) for vectors. For matrices, and the last two axes
    of larger variables, only the means of these squares over columns, r, and over rows, c, are averaged, and
    v = r c / mean(r).
    Differs from Keras: Keras also stores v for matrices, though it is made anew in each step; variable_count counts it.
    References: Shazeer, Stern, Adafactor: Adaptive learning rates with sublinear memory cost, 2018, arXiv 1804.04235.
    """

    learning_rate: LearningRate = rate(0.001)
    beta_2_decay: Annotated[float, Number(lt=0)] = option("power of t that the fresh share falls with", default=-0.8)
    epsilon_1: PositiveFloat = option("added to the squares of the gradient", default=1e-30)
    epsilon_2: NonNegativeFloat = option("the least size of weights that a step is scaled by", default=1e-3)
    clip_threshold: PositiveFloat = option("root mean square that an update may have", default=1.0)
    relative_step: bool = option(
        "accepted as in Keras, where it changes nothing: the rate is at most 1 / sqrt(t) either way", default=True
    )

    def slot_shapes(self, segment: Segment) -> dict[str, tuple[int, ...]]:
        shape = segment.shape
        if len(shape) < 2:
            return {"velocity": shape}
        return {"row": shape[:-1], "column": (*shape[:-2], shape[-1])}

    def counted(self, segment: Segment) -> int:
        shape, size = segment.shape, segment.stop - segment.start
        if len(shape) < 2:
            return size + 2
        return size + size // shape[-1] + size // shape[-2]

    def update(self, part: Part, step: int, lr: float) -> None:
        w, g, s = part.w, part.g, part.scratch
        fresh = step**self.beta_2_decay
        np.square(g, s)
        np.add(s, self.epsilon_1, out=s)
        if w.ndim < 2:
            v = part.slots["velocity"]
            _average(v, s, fresh)
            np.sqrt(v, out=s)
            np.divide(g, s, out=g)
        else:
            row, column = part.slots["row"], part.slots["column"]
            _average(row, np.mean(s, axis=-1), fresh)
            _average(column, np.mean(s, axis=-2), fresh)
            np.divide(g, np.sqrt(row / np.mean(row, axis=-1, keepdims=True))[..., :, None], out=g)
            np.divide(g, np.sqrt(column)[..., None, :], out=g)
        size = max(self.epsilon_2, _rms(w)) * min(lr, 1.0 / math.sqrt(step))
        np.multiply(g, size / max(1.0, _rms(g) / self.clip_threshold), out=g)
        np.subtract(w, g, out=w)


def _average(mean: Array, value: Array, fresh: float) -> None:
    """mean = (1 - fresh) * mean + fresh * value, in place."""
    np.multiply(mean, 1.0 - fresh, out=mean)
    np.add(mean, value * fresh, out=mean)


def _rms(x: Array) -> float:
    return norm(x.reshape(-1)) / math.sqrt(x.size) if x.size else 0.0
