"""Overlap losses of segmentation: how much of two sets is shared."""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import NonNegativeFloat
from seqnet.declare import option
from seqnet.losses.base import EPSILON, Linearized, Loss, Weights, like, loss, paired

Axes = int | tuple[int, ...] | None


class OverlapLoss(Loss):
    """1 - a ratio of sums over `axis`; over all axes, the batch too, with null: one number a batch."""

    labels = "binary"
    scores = "probabilities"

    axis: Axes = option("the axes summed over; null: all, also the batch's", default=None, last=25)

    def setup(self) -> None:
        super().setup()
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        # Counted from the end, any axis but the last may be the batch's.
        self.whole_batch = axes is None or any(axis == 0 or axis < -1 for axis in axes)

    def total(self, x: Array) -> Array:
        """The sum over `axis`, those axes kept."""
        sums: Array = np.add.reduce(x, axis=self.axis, keepdims=True)
        return sums

    def drop(self, x: Array) -> Array:
        """Without the axes that `total` kept."""
        dropped: Array = np.squeeze(x, axis=self.axis)
        return dropped

    def keep(self, weights: Weights, like: Array) -> Weights:
        """Weights with the axes that `total` kept."""
        return np.broadcast_to(np.asarray(weights), self.drop(like).shape).reshape(like.shape)


@loss()
class Dice(OverlapLoss):
    """values = 1 - 2 I / (sum(y_true) + sum(y_pred) + 1e-7), I = sum(y_true y_pred), sums over axis.

    y_true, y_pred: (N, ...) in 0..1 -> values: what is left of the shape; () for axis null.
    """

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given, t, p = paired(self, y_true, y_pred)
        both = 2 * self.total(t * p)
        size = self.total(t) + self.total(p) + EPSILON

        def pullback(weights: Weights) -> Array:
            gradient = (both / size - 2 * t) / size * self.keep(weights, size)
            return like(given, gradient)

        return Linearized(self.drop(1 - both / size), pullback)


@loss()
class Tversky(OverlapLoss):
    """values = 1 - I / (I + alpha sum(y_true (1 - y_pred)) + beta sum(y_pred (1 - y_true)) + 1e-7), sums over axis.

    I = sum(y_true y_pred). y_true, y_pred: (N, ...) in 0..1 -> values: what is left of the shape; () for axis null.
    alpha weights what the prediction misses, as Keras computes it (its documentation says the opposite).
    Reference: S. Salehi et al., Tversky loss function for image segmentation using 3D fully convolutional deep
    networks, 2017, arXiv:1706.05721.
    """

    alpha: NonNegativeFloat = option("weight of false negatives, what the prediction misses", default=0.5)
    beta: NonNegativeFloat = option("weight of false positives, what it adds", default=0.5)

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given, t, p = paired(self, y_true, y_pred)
        both = self.total(t * p)
        size = both + self.alpha * self.total(t * (1 - p)) + self.beta * self.total(p * (1 - t)) + EPSILON

        def pullback(weights: Weights) -> Array:
            slope = t - self.alpha * t + self.beta * (1 - t)  # d size / dp
            gradient = (both / size * slope - t) / size * self.keep(weights, size)
            return like(given, gradient)

        return Linearized(self.drop(1 - both / size), pullback)
