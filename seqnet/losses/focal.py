"""Focal crossentropies: crossentropies in which easy examples weigh less.

Reference: T.-Y. Lin et al., Focal loss for dense object detection, 2017, arXiv:1708.02002.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import NonNegativeFloat, Share
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels.elementwise import sigmoid, softmax, softmax_backward
from seqnet.losses.base import EPSILON, ElementwiseLoss, Linearized, Loss, Weights, like, loss, paired, spread
from seqnet.losses.crossentropy import binary_from_probabilities, smooth, through_sum


@loss()
class BinaryFocalCrossentropy(ElementwiseLoss):
    """values = mean over axis of a (1 - p_t)^gamma bce(t, p), p_t = t p + (1 - t)(1 - p).

    a = t alpha + (1 - t)(1 - alpha) with apply_class_balancing, else 1; p = y_pred or sigmoid(y_pred); bce as in
    binary_crossentropy from probabilities. y_true, y_pred: (N, ..., C) -> values: (N, ...).
    """

    labels = "binary"
    scores = "probabilities"

    apply_class_balancing: bool = option("weight the two classes by alpha and 1 - alpha", default=False)
    alpha: Share = option("weight of class 1", default=0.25)
    gamma: NonNegativeFloat = option("how much less easy examples weigh; 0 = plain crossentropy", default=2.0)
    from_logits: bool = option("y_pred are logits, before a sigmoid", default=False)
    label_smoothing: Share = option("share of each label moved to 0.5", default=0.0)
    axis: int = option("the axis that is averaged", default=-1)

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        t = smooth(t, self.label_smoothing, 2)
        if self.from_logits:
            p = sigmoid(p)
        bce, bce_slope = binary_from_probabilities(t, p)
        miss = 1 - (t * p + (1 - t) * (1 - p))  # 1 - p_t
        balance = t * self.alpha + (1 - t) * (1 - self.alpha) if self.apply_class_balancing else 1.0
        factor = miss**self.gamma

        def slope() -> Array:
            # d(1 - p_t)/dp = 1 - 2t
            gradient: Array = factor * bce_slope()
            gradient += bce * power_slope(miss, self.gamma) * (1 - 2 * t)
            gradient *= balance
            if self.from_logits:
                gradient *= p * (1 - p)
            return gradient

        return balance * factor * bce, slope


@loss()
class CategoricalFocalCrossentropy(Loss):
    """values = -sum over classes of alpha (1 - p)^gamma t log p, p = y_pred / sum(y_pred) or softmax(y_pred), clipped.

    y_true: (N, ..., K) one-hot, y_pred: (N, ..., K) -> values: (N, ...).
    """

    labels = "one_hot"
    scores = "probabilities"

    alpha: NonNegativeFloat | tuple[float, ...] = option("weight of all classes, or one for each", default=0.25)
    gamma: NonNegativeFloat = option("how much less easy examples weigh; 0 = plain crossentropy", default=2.0)
    from_logits: bool = option("y_pred are logits, before a softmax", default=False)
    label_smoothing: Share = option("share of each label spread evenly over the classes", default=0.0)
    axis: int = option("the class axis", default=-1)

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given, t, x = paired(self, y_true, y_pred)
        axis, width = self.axis, x.shape[self.axis]
        t = smooth(t, self.label_smoothing, width)
        if isinstance(self.alpha, tuple) and len(self.alpha) != width:
            raise ShapeError(f"{self.name}: alpha has {len(self.alpha)} weights for {width} classes; give one for each")
        # One weight a class lies along the class axis, behind which t may have others.
        t = t * np.reshape(
            np.asarray(self.alpha, x.dtype), (-1,) + (1,) * (-axis - 1 if axis < 0 else x.ndim - axis - 1)
        )
        p = softmax(x, axis=axis) if self.from_logits else x
        q = p / np.add.reduce(p, axis=axis, keepdims=True)
        c = np.clip(q, EPSILON, 1.0 - EPSILON)
        logs, factor = np.log(c), (1.0 - c) ** self.gamma
        values = -np.add.reduce(t * factor * logs, axis=axis)

        def pullback(weights: Weights) -> Array:
            gradient = t * (power_slope(1.0 - c, self.gamma) * logs - factor / c) * (c == q)
            gradient *= spread(weights, values.shape, axis)
            gradient = through_sum(gradient, p, q, axis)
            if self.from_logits:
                gradient = softmax_backward(gradient, p, axis=axis)
            return like(given, gradient)

        return Linearized(values, pullback)


def power_slope(x: Array, exponent: float) -> Array:
    """d x^exponent / dx, and 0 at x = 0, where an exponent below 1 has none."""
    if not exponent:
        return np.zeros_like(x)
    positive = x > 0
    slope: Array = exponent * np.where(positive, x, 1.0) ** (exponent - 1.0) * positive
    return slope
