"""Losses of real values: squared, absolute, relative and logarithmic errors, and robust mixtures of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import PositiveFloat
from seqnet.declare import option
from seqnet.losses.base import EPSILON, ElementwiseLoss, Linearized, Loss, Weights, like, loss, paired, spread


@loss("mse", "MSE")
class MeanSquaredError(ElementwiseLoss):
    """values = mean over the last axis of (y_true - y_pred)^2.

    y_true, y_pred: (N, ..., D) -> values: (N, ...).
    """

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        d = p - t
        return d * d, lambda: 2 * d


@loss("mae", "MAE")
class MeanAbsoluteError(ElementwiseLoss):
    """values = mean over the last axis of |y_true - y_pred|. The slope at 0 is 0.

    y_true, y_pred: (N, ..., D) -> values: (N, ...).
    """

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        d = p - t
        return np.abs(d), lambda: np.sign(d)


@loss("mape", "MAPE")
class MeanAbsolutePercentageError(ElementwiseLoss):
    """values = 100 mean over the last axis of |y_true - y_pred| / max(|y_true|, 1e-7), in per cent.

    y_true, y_pred: (N, ..., D) -> values: (N, ...). Meaningless where y_true is 0 or near it.
    """

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        scale = 100.0 / np.maximum(np.abs(t), EPSILON)
        d = p - t
        return np.abs(d) * scale, lambda: np.sign(d) * scale


@loss("msle", "MSLE")
class MeanSquaredLogarithmicError(ElementwiseLoss):
    """values = mean over the last axis of (log(1 + a) - log(1 + b))^2, a = max(y_pred, 1e-7), b = max(y_true, 1e-7).

    y_true, y_pred: (N, ..., D) -> values: (N, ...). Where y_pred is below 1e-7 the gradient is 0.
    """

    least_label = 0.0

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        above = np.maximum(p, EPSILON) + 1.0
        d = np.log(above) - np.log(np.maximum(t, EPSILON) + 1.0)
        return d * d, lambda: 2 * d / above * (p >= EPSILON)


@loss()
class Huber(ElementwiseLoss):
    """values = mean over the last axis of d^2 / 2 where |d| <= delta, else delta |d| - delta^2 / 2.

    d = y_pred - y_true. y_true, y_pred: (N, ..., D) -> values: (N, ...).
    Reference: P. J. Huber, Robust estimation of a location parameter, 1964. Differs from PyTorch's SmoothL1Loss, which
    divides by delta.
    """

    default_name = "huber_loss"

    delta: PositiveFloat = option("error above which the loss grows linearly, in units of y_true", default=1.0)

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        # With c = d cut to [-delta, delta] both branches are c d - c^2 / 2, and c is the slope.
        d = p - t
        c = np.clip(d, -self.delta, self.delta)
        return c * (d - 0.5 * c), lambda: c.copy()


@loss()
class LogCosh(ElementwiseLoss):
    """values = mean over the last axis of log(cosh(d)) = |d| + log(1 + exp(-2 |d|)) - log 2, d = y_pred - y_true.

    y_true, y_pred: (N, ..., D) -> values: (N, ...). Near 0 like d^2 / 2, far from it like |d| - log 2.
    """

    def elements(self, t: Array, p: Array) -> tuple[Array, Callable[[], Array]]:
        d = p - t
        size = np.abs(d)
        return size + np.log1p(np.exp(-2 * size)) - math.log(2.0), lambda: np.tanh(d)


@loss()
class CosineSimilarity(Loss):
    """values = -sum over axis of u v, u and v being y_true and y_pred divided by their length: -1 same, 1 opposite.

    y_true, y_pred: (N, ..., D) -> values: (N, ...). A vector shorter than 1e-7 is divided by 1e-7, and its gradient is
    0, because it has no direction (Keras's gradient is NaN there).
    """

    axis: int = option("the axis of the vectors", default=-1)

    def linearize(self, y_true: Array, y_pred: Array) -> Linearized:
        given, t, p = paired(self, y_true, y_pred)
        u, _ = unit(t, self.axis)
        v, length = unit(p, self.axis)
        values = -np.add.reduce(u * v, axis=self.axis)

        def pullback(weights: Weights) -> Array:
            # d(u.v)/dp = (u - v (u.v)) / |p|: what is left of u across v
            across: Array = u + v * np.expand_dims(values, self.axis)
            across *= -spread(weights, values.shape, self.axis) * (length > EPSILON) / np.maximum(length, EPSILON)
            return like(given, across)

        return Linearized(values, pullback)


def unit(x: Array, axis: int) -> tuple[Array, Array]:
    """x / max(|x|, 1e-7) along an axis, and |x| with that axis kept."""
    length = np.sqrt(np.add.reduce(x * x, axis=axis, keepdims=True))
    return x / np.maximum(length, EPSILON), length
