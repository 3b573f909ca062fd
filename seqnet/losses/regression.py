"""Losses of real values: squared, absolute, relative and logarithmic errors, and robust mixtures of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import PositiveFloat
from seqnet.declare import option
from seqnet.losses.base import ElementwiseLoss, loss


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
