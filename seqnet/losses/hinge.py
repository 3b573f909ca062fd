"""Hinge losses: margins between classes, for linear outputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqnet.arrays import Array
from seqnet.losses.base import ElementwiseLoss, Linearized, Loss, Weights, like, loss, paired, spread


@loss()
class Hinge(ElementwiseLoss):
    """values = mean over the last axis of max(1 - t y_pred, 0).

    y_true, y_pred: (N, ..., D) -> values: (N, ...). t is y_true in -1 and 1; rows of only 0 and 1 are read as -1 and 1.
    """

    labels = "binary"
    scores = "margins"

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        t = plus_minus(t)
        margin = 1 - t * p
        return np.maximum(margin, 0), lambda: -t * (margin >= 0)


@loss()
class SquaredHinge(ElementwiseLoss):
    """values = mean over the last axis of max(1 - t y_pred, 0)^2.

    y_true, y_pred: (N, ..., D) -> values: (N, ...). t is y_true in -1 and 1; rows of only 0 and 1 are read as -1 and 1.
    """

    labels = "binary"
    scores = "margins"

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        t = plus_minus(t)
        margin = np.maximum(1 - t * p, 0)
        return margin * margin, lambda: -2 * t * margin


@loss()
class CategoricalHinge(Loss):
    """values = max(0, 1 + max((1 - t) y_pred) - sum(t y_pred)) over the classes: the label against the best other.

    y_true: (N, ..., K) one-hot, y_pred: (N, ..., K) -> values: (N, ...). Ties for the best share the gradient.
    """

    labels = "one_hot"
    scores = "margins"

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given, t, p = paired(self, y_true, y_pred)
        others = (1 - t) * p
        best = np.maximum.reduce(others, axis=-1, keepdims=True)
        margin = best[..., 0] - np.add.reduce(t * p, axis=-1) + 1

        def pullback(weights: Weights) -> Array:
            at_best = (others == best).astype(p.dtype)
            at_best /= np.maximum(np.add.reduce(at_best, axis=-1, keepdims=True), 1)  # none where scores are NaN
            gradient: Array = (at_best * (1 - t) - t) * (margin >= 0)[..., None]
            gradient *= spread(weights, margin.shape, -1)
            return like(given, gradient)

        return Linearized(np.maximum(margin, 0), pullback)


def plus_minus(t: Array) -> Array:
    """Labels 0 and 1 as -1 and 1; labels of any other kind as they are."""
    return 2 * t - 1 if bool(np.all((t == 0) | (t == 1))) else t
