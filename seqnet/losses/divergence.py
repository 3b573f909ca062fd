"""Losses between distributions that are no crossentropy: Kullback-Leibler, Poisson, generalized crossentropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Number
from seqnet.declare import option
from seqnet.losses.base import EPSILON, ElementwiseLoss, Linearized, Loss, Weights, like, loss, paired, spread
from seqnet.losses.crossentropy import IntegerLabelsLoss
from seqnet.losses.shapes import as_floats, class_labels, row_starts


@loss("kld", "KLD", "kullback_leibler_divergence")
class KLDivergence(Loss):
    """values = sum over the last axis of t log(t / p), y_true and y_pred cut to [1e-7, 1].

    y_true, y_pred: (N, ..., K) rows that add up to 1 -> values: (N, ...). Outside the cut the gradient is 0.
    """

    labels = "one_hot"
    scores = "probabilities"

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given, t, p = paired(self, y_true, y_pred)
        t = np.clip(t, EPSILON, 1.0)
        c = np.clip(p, EPSILON, 1.0)
        values = np.add.reduce(t * np.log(t / c), axis=-1)

        def pullback(weights: Weights) -> Array:
            gradient = -t / c * (c == p)
            gradient *= spread(weights, values.shape, -1)
            return like(given, gradient)

        return Linearized(values, pullback)


@loss()
class Poisson(ElementwiseLoss):
    """values = mean over the last axis of y_pred - y_true log(y_pred + 1e-7), for counts.

    y_true: (N, ..., D) counts, y_pred: (N, ..., D) expected counts, above 0: end in exponential or softplus.
    -> values: (N, ...). The terms of y_true alone are left out, so the smallest value is not 0.
    """

    least_label = 0.0

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        above = p + EPSILON
        return p - t * np.log(above), lambda: 1 - t / above


@loss()
class CategoricalGeneralizedCrossEntropy(IntegerLabelsLoss):
    """values = (1 - p^q) / q with p = y_pred[y_true]: crossentropy as q nears 0, mean absolute error as it nears 1.

    y_true: (N, ...) or (N, ..., 1) integers, y_pred: (N, ..., K) probabilities -> values: (N, ...).
    The gradient is that of p >= 1e-7, so that it stays finite at p = 0.
    Reference: Z. Zhang and M. Sabuncu, Generalized cross entropy loss for training deep neural networks with noisy
    labels, 2018, arXiv:1805.07836.
    """

    q: Annotated[float, Number(gt=0, lt=1)] = option("robustness to wrong labels, between 0 and 1", default=0.5)

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given = as_floats(y_pred)
        labels, p = self.split(y_true, as_floats(given, self.dtype))
        width = p.shape[-1]
        labels = class_labels(self.name, labels, width)
        index = row_starts(labels.size, width) + labels.ravel()
        picked = p.ravel().take(index).reshape(labels.shape)

        def pullback(weights: Weights) -> Array:
            slope = -(np.maximum(picked, EPSILON) ** (self.q - 1.0)) * weights
            gradient = np.zeros(given.shape, given.dtype)
            gradient.ravel()[index] = slope.ravel()
            return gradient

        return Linearized((1.0 - picked**self.q) / self.q, pullback)
