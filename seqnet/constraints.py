"""Rules that weights obey after every update."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from seqnet import declare
from seqnet.arrays import Array
from seqnet.checkers import NonNegativeFloat, Share
from seqnet.declare import Component, option
from seqnet.errors import ShapeError
from seqnet.registry import register

EPSILON = 1e-7  # Keras's; added to a norm before dividing by it

Axes = int | tuple[int, ...]
AXIS_HELP = "axes that a norm sums over: 0 for a Dense kernel (one norm a unit), [0, 1, 2] for a Conv2D kernel"


class Constraint(Component):
    """A projection w -> w' of the weights, of any shape."""

    kind = "constraint"

    @classmethod
    def from_value(cls, value: Any) -> Self | None:
        """A class stands for its defaults."""
        return value() if isinstance(value, type) and issubclass(value, cls) else None

    def __call__(self, w: Array) -> Array:
        """The nearest weights that obey, as a new array."""
        raise NotImplementedError


@register()
class NonNeg(Constraint):
    """w' = max(w, 0)."""

    def __call__(self, w: Array) -> Array:
        return np.maximum(w, 0)


@register()
class UnitNorm(Constraint):
    """w' = w / (|w| + 1e-7), with the Euclidean norm over `axis`."""

    axis: Axes = option(AXIS_HELP, default=0)

    def __call__(self, w: Array) -> Array:
        projected: Array = w / (_norms(self, w, self.axis) + EPSILON)
        return projected


@register()
class MaxNorm(Constraint):
    """w' = w min(|w|, max_value) / (|w| + 1e-7), with the Euclidean norm over `axis`.

    Reference: N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 2014.
    """

    max_value: NonNegativeFloat = option("largest norm", default=2.0)
    axis: Axes = option(AXIS_HELP, default=0)

    def __call__(self, w: Array) -> Array:
        norms = _norms(self, w, self.axis)
        factors = np.minimum(norms, self.max_value)
        factors /= norms + EPSILON
        projected: Array = w * factors
        return projected


@register()
class MinMaxNorm(Constraint):
    """w' = w d / (|w| + 1e-7) with d = rate · min(max(|w|, min_value), max_value) + (1 - rate) |w|.

    The norm is Euclidean, over `axis`. A rate below 1 moves the norm only part of the way at each update.
    """

    min_value: NonNegativeFloat = option("smallest norm", default=0.0)
    max_value: NonNegativeFloat = option("largest norm", default=1.0)
    rate: Share = option("part of the way that one update goes", default=1.0)
    axis: Axes = option(AXIS_HELP, default=0)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["min_value"] > values["max_value"]:
            yield "min_value", f"min_value {values['min_value']:g} must not exceed max_value {values['max_value']:g}"

    def __call__(self, w: Array) -> Array:
        norms = _norms(self, w, self.axis)
        factors = norms.clip(self.min_value, self.max_value)
        factors *= self.rate
        factors += (1.0 - self.rate) * norms
        factors /= norms + EPSILON
        projected: Array = w * factors
        return projected


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm


def get(identifier: Any) -> Constraint | None:
    """The constraint for a name, `{Name: {options}}`, a class or an instance; None stays None. Raises SpecError."""
    return None if identifier is None else declare.get(Constraint, identifier)


def serialize(constraint: Constraint) -> dict[str, Any]:
    """A constraint as plain data, in Keras's form."""
    return {"class_name": constraint.spec_name, "config": constraint.get_config()}


def deserialize(config: Any) -> Constraint | None:
    """The inverse of `serialize`."""
    return get(config)


def _norms(constraint: Constraint, w: Array, axis: Axes) -> Array:
    for one in axis if isinstance(axis, tuple) else (axis,):
        if not -w.ndim <= one < w.ndim:
            raise ShapeError(f"{constraint.spec_name}: axis {one} does not exist in a weight of shape {w.shape}")
    norms: Array = np.square(w).sum(axis=axis, keepdims=True)
    return np.sqrt(norms, out=norms)
