"""Counts of hits and misses at thresholds, and precision and recall made of them.

A prediction is positive where it is strictly above the threshold. Integer labels of rows of scores become one-hot, and
all columns count together (micro average) unless class_id picks one.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import NonNegativeInt, PositiveInt, Share
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.losses.shapes import align, as_floats, check_same_shape, fit_weights
from seqnet.metrics.base import Metric, metric
from seqnet.metrics.labels import class_rows

EPSILON = 1e-7
NEVER = -1e10  # what top_k makes of predictions outside the k largest

Thresholds = Share | tuple[Share, ...] | None


class Counts:
    """Weighted counts of one batch at each threshold: tp, fp, tn, fn, each (thresholds,) or (thresholds, labels)."""

    def __init__(self, positive: Array, negative: Array, tp: Array, fp: Array) -> None:
        self.tp, self.fp = tp, fp
        self.tn, self.fn = negative - fp, positive - tp

    def add_to(self, metric: Metric, *names: str) -> None:
        for name in names:
            metric.add(name, getattr(self, name))


def labelled(name: str, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Array, Array, Array]:
    """(labels as booleans, predictions, weights), all of one shape."""
    p = as_floats(y_pred)
    t, p = align(class_rows(name, np.asarray(y_true), p), p)
    check_same_shape(name, t, p)
    weights = np.ones((1,) * p.ndim)
    if sample_weight is not None:
        weights = np.asarray(sample_weight, np.float64)
        weights = fit_weights(name, weights[..., None] if weights.ndim + 1 == p.ndim else weights, p.shape)
    return t.astype(bool), p, np.broadcast_to(weights, p.shape)


def count(t: Array, p: Array, weights: Array, thresholds: Array, *, multi_label: bool = False) -> Counts:
    """Counts of t (M,) or, with multi_label, (M, labels) against p > threshold."""
    if not multi_label:
        t, p, weights = t.ravel(), p.ravel(), weights.ravel()
    positive, negative = np.where(t, weights, 0.0), np.where(t, 0.0, weights)
    above = p[None] > thresholds.astype(p.dtype).reshape(-1, *(1,) * p.ndim)
    tp, fp = (above * positive).sum(axis=1), (above * negative).sum(axis=1)
    return Counts(positive.sum(axis=0), negative.sum(axis=0), tp, fp)


def count_evenly(
    t: Array, p: Array, weights: Array, number: int, *, multi_label: bool = False, open_ended: bool = False
) -> Counts:
    """Counts at the thresholds i / (number - 1), in one pass over the predictions.

    open_ended: the first threshold lies just below 0, so that a prediction of 0 is above it. NaN is above none.
    """
    if not multi_label:
        t, p, weights = t.ravel(), p.ravel(), weights.ravel()
    positive, negative = np.where(t, weights, 0.0), np.where(t, 0.0, weights)
    # The last threshold below p; float32, as Keras has it, so that predictions on a threshold fall the same way.
    bucket = np.ceil(np.clip(p.astype(np.float32), 0, 1) * np.float32(number - 1)) - 1
    if open_ended:
        bucket = np.maximum(bucket, 0)
    bucket = np.where(np.isnan(bucket), -1, bucket).astype(np.intp)
    labels = p.shape[1] if multi_label else 1
    # One row of buckets a label; bucket -1, above no threshold, becomes place 0 and is dropped.
    place = bucket + 1 + (np.arange(labels) * (number + 1) if multi_label else 0)

    def above(mass: Array) -> Array:
        each = np.bincount(place.ravel(), mass.ravel(), labels * (number + 1)).reshape(labels, number + 1)[:, 1:]
        total: Array = each[:, ::-1].cumsum(axis=1)[:, ::-1].T
        return total if multi_label else total[:, 0]

    return Counts(positive.sum(axis=0), negative.sum(axis=0), above(positive), above(negative))


def is_even(thresholds: Array) -> bool:
    """Whether thresholds are 0, …, 1 at equal distances, at least 3 of them."""
    number = len(thresholds)
    return number >= 3 and np.allclose(thresholds, np.arange(number, dtype=np.float32) / (number - 1), atol=EPSILON)


def keep_top(p: Array, k: int) -> Array:
    """Predictions outside the k largest of each row made never positive; ties keep the first."""
    kept = np.zeros(p.shape, bool)
    np.put_along_axis(kept, np.argsort(-p, axis=-1, kind="stable")[..., :k], True, axis=-1)
    return np.where(kept, p, p.dtype.type(NEVER))


def pick_class(name: str, class_id: int, *arrays: Array) -> list[Array]:
    """One column of each array."""
    shape = arrays[0].shape
    if len(shape) < 2 or class_id >= shape[-1]:
        raise ShapeError(f"{name}: there is no class {class_id} in predictions of shape {shape}; columns count from 0")
    return [array[..., class_id] for array in arrays]


def divide(a: Array, b: Array) -> Array:
    """a / b, and 0 where b is 0."""
    ratio: Array = np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=np.asarray(b) != 0)
    return ratio


class ThresholdMetric(Metric):
    """Counts at one threshold or several; with several the result is an array."""

    counted: ClassVar[tuple[str, ...]]
    top: int | None = None  # only so many of the largest predictions of a row can be positive
    column: int | None = None

    thresholds: Thresholds = option("a prediction above it is positive; one, or a list; null: 0.5", default=None)

    def setup(self) -> None:
        super().setup()
        given = 0.5 if self.thresholds is None else self.thresholds
        self.limits = np.atleast_1d(np.asarray(given, np.float64))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, p, weights = labelled(self.name, y_true, y_pred, sample_weight)
        limits = self.limits
        if self.top is not None:
            p = keep_top(p, self.top)
            limits = limits if self.thresholds is not None else np.array([NEVER])
        if self.column is not None:
            t, p, weights = pick_class(self.name, self.column, t, p, weights)
        counts = count_evenly(t, p, weights, len(limits)) if is_even(limits) else count(t, p, weights, limits)
        counts.add_to(self, *self.counted)

    def shown(self, values: Any) -> float | Array:
        """A number for one threshold, an array for several."""
        values = np.broadcast_to(values, self.limits.shape)
        return float(values[0]) if len(values) == 1 else values.copy()


class CountMetric(ThresholdMetric):
    """One kind of count."""

    def result(self) -> float | Array:
        return self.shown(self.sum(self.counted[0]))


@metric()
class TruePositives(CountMetric):
    """How many positive labels are predicted positive. y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...)."""

    counted = ("tp",)


@metric()
class TrueNegatives(CountMetric):
    """How many negative labels are predicted negative. y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...)."""

    counted = ("tn",)


@metric()
class FalsePositives(CountMetric):
    """How many negative labels are predicted positive. y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...)."""

    counted = ("fp",)


@metric()
class FalseNegatives(CountMetric):
    """How many positive labels are predicted negative. y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...)."""

    counted = ("fn",)


class RatioMetric(ThresholdMetric):
    """True positives over true positives and one kind of error."""

    direction = "max"

    top_k: PositiveInt | None = option("only the k largest predictions of a row can be positive", default=None)
    class_id: NonNegativeInt | None = option("count this column alone", default=None)

    def setup(self) -> None:
        super().setup()
        self.top, self.column = self.top_k, self.class_id

    def result(self) -> float | Array:
        hits, errors = (np.asarray(self.sum(name)) for name in self.counted)
        return self.shown(divide(hits, hits + errors))


@metric()
class Precision(RatioMetric):
    """true positives / predicted positives, 0 where nothing is positive.

    y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...).
    """

    counted = ("tp", "fp")


@metric()
class Recall(RatioMetric):
    """true positives / positive labels, 0 where there are none.

    y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...).
    """

    counted = ("tp", "fn")
