"""Metrics of a classifier that chance and unequal classes do not flatter, from its confusion matrix; not in Keras."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

import numpy as np

from seqnet.arrays import Array
from seqnet.declare import option
from seqnet.losses.shapes import align, as_floats, check_same_shape, class_labels, fit_weights
from seqnet.metrics.base import Metric, metric
from seqnet.metrics.labels import class_indices


class ConfusionMatrixMetric(Metric):
    """A number made of the confusion matrix (labels down, predictions across)."""

    direction = "max"

    threshold: float = option("with one output a prediction above it is class 1", default=0.5)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, p, classes = predicted_classes(self.name, np.asarray(y_true), as_floats(y_pred), self.threshold)
        weights = np.ones((1,) * t.ndim)
        if sample_weight is not None:
            weights = fit_weights(self.name, np.asarray(sample_weight, np.float64), t.shape)
        weights = np.broadcast_to(weights, t.shape).ravel()
        place = t.ravel() * classes + p.ravel()
        self.add("confusion", np.bincount(place, weights, classes * classes).reshape(classes, classes))

    def result(self) -> float:
        confusion = self.sums.get("confusion")
        return 0.0 if confusion is None or not confusion.any() else self.score(confusion)

    @abstractmethod
    def score(self, confusion: Array) -> float:
        """The number for a confusion matrix with something in it."""


@metric()
class BalancedAccuracy(ConfusionMatrixMetric):
    """The mean over classes of recall; classes without a label leave the mean. Guessing gives 1 / classes.

    y_true: (N, ...) integers or (N, ..., K) one-hot, y_pred: (N, ..., K), or (N, ..., 1) with a threshold.
    """

    def score(self, confusion: Array) -> float:
        labels = confusion.sum(axis=1)
        present = labels > 0
        return float((np.diag(confusion)[present] / labels[present]).mean())


@metric("mcc", "MCC")
class MatthewsCorrelation(ConfusionMatrixMetric):
    """The correlation between labels and predicted classes: 1 perfect, 0 guessing; 0 if only one class is predicted.

    y_true: (N, ...) integers or (N, ..., K) one-hot, y_pred: (N, ..., K), or (N, ..., 1) with a threshold.
    Reference: J. Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, 2004.
    """

    def score(self, confusion: Array) -> float:
        labels, predictions, total = confusion.sum(axis=1), confusion.sum(axis=0), confusion.sum()
        covariance = np.trace(confusion) * total - labels @ predictions
        spread = (total**2 - labels @ labels) * (total**2 - predictions @ predictions)
        return float(covariance / np.sqrt(spread)) if spread > 0 else 0.0


@metric("kappa")
class CohenKappa(ConfusionMatrixMetric):
    """1 - disagreement / disagreement expected by chance: 1 perfect, 0 chance, and 0 where there is only one class.

    y_true: (N, ...) integers or (N, ..., K) one-hot, y_pred: (N, ..., K), or (N, ..., 1) with a threshold.
    Reference: J. Cohen, A coefficient of agreement for nominal scales, 1960.
    """

    weights: Literal["linear", "quadratic"] | None = option(
        "how much further classes count, for classes in an order; null: all alike", default=None
    )

    def score(self, confusion: Array) -> float:
        number = np.arange(len(confusion))
        apart = np.abs(number[:, None] - number)
        cost = {None: apart > 0, "linear": apart, "quadratic": apart**2}[self.weights]
        expected = np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / confusion.sum()
        chance = float((cost * expected).sum())
        return 1.0 - float((cost * confusion).sum()) / chance if chance else 0.0


def predicted_classes(name: str, y_true: Array, y_pred: Array, threshold: float) -> tuple[Array, Array, int]:
    """(labels, predicted classes, number of classes), the first two of one shape."""
    if y_pred.ndim > 1 and y_pred.shape[-1] > 1:
        classes = y_pred.shape[-1]
        return class_labels(name, class_indices(name, y_true, y_pred), classes), y_pred.argmax(axis=-1), classes
    t, p = align(y_true, y_pred)
    check_same_shape(name, t, p)
    if p.ndim > 1:
        t, p = t[..., 0], p[..., 0]
    return (t > 0).astype(np.intp), (p > threshold).astype(np.intp), 2
