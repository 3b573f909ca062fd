"""Metrics that are the mean of a loss's per-row values, and the root mean squared error."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np

from seqnet import losses
from seqnet.arrays import Array
from seqnet.checkers import Share
from seqnet.declare import options_of
from seqnet.losses import Loss
from seqnet.losses.shapes import align, as_floats, check_same_shape, fit_weights
from seqnet.metrics.base import AFTER_DTYPE, Direction, MeanMetric, Metric, add_to_mean, metric
from seqnet.metrics.labels import class_indices, class_rows


def option_of(loss: type[Loss], name: str) -> Any:
    """The loss's option as an option of its metric, in the place where Keras's metrics have it."""
    return dataclasses.replace(options_of(loss)[name], last=AFTER_DTYPE)


class LossMetric(Metric):
    """The weighted mean of the values of `loss_class`, with its options."""

    loss_class: ClassVar[type[Loss]]
    sign: ClassVar[float] = 1.0
    direction: Direction | None = "min"
    loss: Loss

    def setup(self) -> None:
        super().setup()
        own = options_of(type(self)).keys() & options_of(self.loss_class).keys() - {"name", "dtype"}
        self.loss = self.loss_class(name=self.name, **{name: getattr(self, name) for name in own})

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = np.asarray(y_true), as_floats(y_pred)
        if self.loss.labels in ("one_hot", "binary"):
            y_true = class_rows(self.name, y_true, y_pred)
        elif self.loss.labels == "integer" and y_true.shape == y_pred.shape and y_pred.shape[-1] > 1:
            y_true = class_indices(self.name, y_true, y_pred)
        if self.loss.elementwise and y_pred.ndim == 1:
            y_pred = y_pred[:, None]
        values, _, valid = self.loss.linearize(y_true, y_pred)
        if self.sign < 0:
            values = -values
        if valid is not None:  # entries that the loss leaves out are left out here too
            weights = valid.astype(np.float64)
            if sample_weight is not None:
                weights *= fit_weights(self.name, np.asarray(sample_weight), valid.shape)
            sample_weight = weights
        add_to_mean(self, values, sample_weight)

    def result(self) -> float:
        return self.ratio("total", "count")


@metric("mse", "MSE")
class MeanSquaredError(LossMetric):
    """mean of (y_true - y_pred)^2. y_true, y_pred: (N, ..., D)."""

    loss_class = losses.MeanSquaredError


@metric("rmse", "RMSE")
class RootMeanSquaredError(MeanMetric):
    """sqrt(mean of (y_true - y_pred)^2), the root taken over all rows at once. y_true, y_pred: (N, ..., D).

    Differs from Keras: masked entries do not count, as in mse.
    """

    direction = "min"

    def values(self, y_true: Array, y_pred: Array) -> Array:
        y_true, y_pred = align(y_true, as_floats(y_pred))
        check_same_shape(self.name, y_true, y_pred)
        squares: Array = np.square(y_pred - y_true)
        return squares

    def result(self) -> float:
        return math.sqrt(super().result())


@metric("mae", "MAE")
class MeanAbsoluteError(LossMetric):
    """mean of |y_true - y_pred|. y_true, y_pred: (N, ..., D)."""

    loss_class = losses.MeanAbsoluteError


@metric("mape", "MAPE")
class MeanAbsolutePercentageError(LossMetric):
    """100 mean of |y_true - y_pred| / max(|y_true|, 1e-7), in per cent. y_true, y_pred: (N, ..., D)."""

    loss_class = losses.MeanAbsolutePercentageError


@metric("msle", "MSLE")
class MeanSquaredLogarithmicError(LossMetric):
    """mean of (log(1 + y_pred) - log(1 + y_true))^2, both cut below at 1e-7. y_true, y_pred: (N, ..., D)."""

    loss_class = losses.MeanSquaredLogarithmicError


@metric("logcosh", "log_cosh")
class LogCoshError(LossMetric):
    """mean of log(cosh(y_pred - y_true)). y_true, y_pred: (N, ..., D)."""

    default_name = "logcosh"
    loss_class = losses.LogCosh


@metric()
class CosineSimilarity(LossMetric):
    """mean of the cosine between y_true and y_pred: 1 same direction, -1 opposite. The loss has the opposite sign.

    y_true, y_pred: (N, ..., D).
    """

    loss_class = losses.CosineSimilarity
    sign = -1.0
    direction = "max"

    axis: int = option_of(losses.CosineSimilarity, "axis")


@metric()
class Hinge(LossMetric):
    """mean of max(1 - t y_pred, 0), t = y_true in -1 and 1 (or 0 and 1).

    y_true: (N, ..., D) or integer classes (N, ...), y_pred: (N, ..., D).
    """

    loss_class = losses.Hinge


@metric()
class SquaredHinge(LossMetric):
    """mean of max(1 - t y_pred, 0)^2, t = y_true in -1 and 1 (or 0 and 1).

    y_true: (N, ..., D) or integer classes (N, ...), y_pred: (N, ..., D).
    """

    loss_class = losses.SquaredHinge


@metric()
class CategoricalHinge(LossMetric):
    """mean of max(0, 1 + best other score - the label's).

    y_true: (N, ..., K) one-hot or (N, ...) integers, y_pred: (N, ..., K).
    """

    loss_class = losses.CategoricalHinge


@metric("kld", "KLD", "kullback_leibler_divergence")
class KLDivergence(LossMetric):
    """mean over rows of the sum of t log(t / p). y_true, y_pred: (N, ..., K)."""

    loss_class = losses.KLDivergence


@metric()
class Poisson(LossMetric):
    """mean of y_pred - y_true log(y_pred + 1e-7). y_true, y_pred: (N, ..., D)."""

    loss_class = losses.Poisson


@metric("bce", "BCE")
class BinaryCrossentropy(LossMetric):
    """mean of -(t log p + (1 - t) log(1 - p)). y_true: (N, ..., C) or integer classes (N, ...), y_pred: (N, ..., C)."""

    loss_class = losses.BinaryCrossentropy

    from_logits: bool = option_of(losses.BinaryCrossentropy, "from_logits")
    label_smoothing: Share = option_of(losses.BinaryCrossentropy, "label_smoothing")


@metric()
class CategoricalCrossentropy(LossMetric):
    """mean of -sum over classes of t log p. y_true: (N, ..., K) one-hot or (N, ...) integers, y_pred: (N, ..., K)."""

    loss_class = losses.CategoricalCrossentropy

    from_logits: bool = option_of(losses.CategoricalCrossentropy, "from_logits")
    label_smoothing: Share = option_of(losses.CategoricalCrossentropy, "label_smoothing")
    axis: int = option_of(losses.CategoricalCrossentropy, "axis")


@metric()
class SparseCategoricalCrossentropy(LossMetric):
    """mean of -log p[y_true]. y_true: (N, ...) integers or (N, ..., K) one-hot, y_pred: (N, ..., K).

    Entries of ignore_class do not count, as in the loss (Keras's metric counts them as 0).
    """

    loss_class = losses.SparseCategoricalCrossentropy

    from_logits: bool = option_of(losses.SparseCategoricalCrossentropy, "from_logits")
    ignore_class: int | None = option_of(losses.SparseCategoricalCrossentropy, "ignore_class")
    axis: int = option_of(losses.SparseCategoricalCrossentropy, "axis")
