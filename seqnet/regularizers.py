"""Penalties on weights or outputs, added to the loss, and their gradients."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np

from seqnet import declare
from seqnet.arrays import Array
from seqnet.checkers import NonNegativeFloat
from seqnet.declare import Component, option
from seqnet.errors import ShapeError
from seqnet.registry import register


class Regularizer(Component):
    """A penalty R(w) >= 0 and its gradient. w: an array of any shape."""

    kind = "regularizer"

    @classmethod
    def from_value(cls, value: Any) -> Self | None:
        """A class stands for its defaults."""
        return value() if isinstance(value, type) and issubclass(value, cls) else None

    def __call__(self, w: Array) -> float:
        """R(w)."""
        raise NotImplementedError

    def add_gradient(self, w: Array, dw: Array) -> None:
        """dw += dR/dw."""
        raise NotImplementedError


@register()
class L1(Regularizer):
    """R(w) = l1 Σ|w|. Gradient: l1 sign(w), 0 at w = 0.

    Differs from Keras on JAX, whose gradient at 0 is +l1, so that a bias that starts at 0 drifts.
    """

    l1: NonNegativeFloat = option("weight of the sum of absolute values", default=0.01)

    def __call__(self, w: Array) -> float:
        return self.l1 * float(np.abs(w).sum())

    def add_gradient(self, w: Array, dw: Array) -> None:
        dw += self.l1 * np.sign(w)


@register()
class L2(Regularizer):
    """R(w) = l2 Σw². Gradient: 2 l2 w.

    Differs from texts that put a factor 1/2 before the sum, as Keras does.
    """

    l2: NonNegativeFloat = option("weight of the sum of squares", default=0.01)

    def __call__(self, w: Array) -> float:
        return self.l2 * _sum_of_squares(w)

    def add_gradient(self, w: Array, dw: Array) -> None:
        dw += (2.0 * self.l2) * w


@register("l1_l2")
class L1L2(Regularizer):
    """R(w) = l1 Σ|w| + l2 Σw². Gradient: l1 sign(w) + 2 l2 w.

    Both weights are 0 unless given, as in Keras.
    """

    l1: NonNegativeFloat = option("weight of the sum of absolute values", default=0.0)
    l2: NonNegativeFloat = option("weight of the sum of squares", default=0.0)

    def __call__(self, w: Array) -> float:
        penalty = 0.0
        if self.l1:
            penalty += self.l1 * float(np.abs(w).sum())
        if self.l2:
            penalty += self.l2 * _sum_of_squares(w)
        return penalty

    def add_gradient(self, w: Array, dw: Array) -> None:
        if self.l1:
            dw += self.l1 * np.sign(w)
        if self.l2:
            dw += (2.0 * self.l2) * w


@register()
class OrthogonalRegularizer(Regularizer):
    """R(w) = factor · the mean of |cos(v, v')| over all pairs of different rows (or columns) v, v' of w: (I, O).

    Gradient, with u = v/|v| and g = factor/pairs · Σ sign(u·u') u' over the others: (g - u (u·g)) / |v|. A row of
    zeros takes no part, and a single row has no penalty (Keras gives NaN for both).
    """

    factor: NonNegativeFloat = option("weight of the penalty", default=0.01)
    mode: Literal["rows", "columns"] = option("which vectors shall be orthogonal to each other", default="rows")

    def __call__(self, w: Array) -> float:
        _, _, cosines, pairs = self._vectors(w)
        return 0.5 * self.factor * float(np.abs(cosines).sum()) / pairs

    def add_gradient(self, w: Array, dw: Array) -> None:
        units, norms, cosines, pairs = self._vectors(w)
        g = (self.factor / pairs) * (np.sign(cosines) @ units)
        g -= units * (units * g).sum(axis=1, keepdims=True)
        np.divide(g, norms, out=g, where=norms > 0)
        dw += g if self.mode == "rows" else g.T

    def _vectors(self, w: Array) -> tuple[Array, Array, Array, float]:
        """Unit vectors (V, D), their norms (V, 1), cosines between different ones (V, V), and the number of pairs."""
        if w.ndim != 2:
            raise ShapeError(f"{self.spec_name} needs a weight with two axes, got shape {w.shape}; use L2")
        vectors = w if self.mode == "rows" else w.T
        norms = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))
        units = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
        cosines = units @ units.T
        np.fill_diagonal(cosines, 0.0)
        count = len(vectors)
        return units, norms, cosines, max(count * (count - 1) / 2.0, 1.0)


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer


def get(identifier: Any) -> Regularizer | None:
    """The regularizer for a name, `{Name: {options}}`, a class or an instance; None stays None. Raises SpecError."""
    return None if identifier is None else declare.get(Regularizer, identifier)


def serialize(regularizer: Regularizer) -> dict[str, Any]:
    """A regularizer as plain data, in Keras's form."""
    return {"class_name": regularizer.spec_name, "config": regularizer.get_config()}


def deserialize(config: Any) -> Regularizer | None:
    """The inverse of `serialize`."""
    return get(config)


def _sum_of_squares(w: Array) -> float:
    flat = w.reshape(-1)
    return float(np.dot(flat, flat))
