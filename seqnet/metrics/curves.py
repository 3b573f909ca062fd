"""Metrics of a whole curve over thresholds: the area under it, and its best point under a constraint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import NonNegativeInt, Number, PositiveInt, Share
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.kernels.elementwise import sigmoid
from seqnet.losses.shapes import as_floats
from seqnet.metrics.base import AFTER_DTYPE, Metric, metric
from seqnet.metrics.confusion import EPSILON, count, count_evenly, divide, is_even, labelled, pick_class

ALL = ("tp", "fp", "tn", "fn")


@metric()
class AUC(Metric):
    """The area under the ROC curve (recall over false positive rate) or the precision-recall curve, by thresholds.

    y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...) in 0..1. All columns count together unless multi_label.
    The thresholds are i / (num_thresholds - 1), the outermost just outside 0..1; areas are trapezoids, and between the
    points of a precision-recall curve true and false positives grow together (Davis and Goadrich, 2006).
    """

    direction = "max"

    num_thresholds: Annotated[int, Number(whole=True, gt=1)] = option("points on the curve", default=200)
    curve: Literal["ROC", "PR", "PRGAIN", "roc", "pr", "prgain"] = option("which curve", default="ROC")
    summation_method: Literal["interpolation", "minoring", "majoring", "Interpolation", "Minoring", "Majoring"] = (
        option("height between two points: between, the lower, or the higher of theirs", default="interpolation")
    )
    thresholds: tuple[Share, ...] | None = option(
        "the inner thresholds, instead of num_thresholds", default=None, last=AFTER_DTYPE
    )
    multi_label: bool = option("an area for each column, then their mean", default=False, last=AFTER_DTYPE)
    num_labels: PositiveInt | None = option("columns, with multi_label", default=None, last=AFTER_DTYPE)
    label_weights: tuple[float, ...] | None = option("weight of each column", default=None, last=AFTER_DTYPE)
    from_logits: bool = option("y_pred are logits, before a sigmoid", default=False, last=AFTER_DTYPE)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["num_labels"] is not None and not values["multi_label"]:
            yield "num_labels", "num_labels is only for multi_label: true"

    def setup(self) -> None:
        super().setup()
        inner = self.thresholds
        number = self.num_thresholds if inner is None else len(inner) + 2
        steps = np.arange(1, number - 1) / (number - 1) if inner is None else np.sort(np.asarray(inner))
        self.limits = np.array([-EPSILON, *steps, 1 + EPSILON])
        self.even = inner is None or is_even(np.array([0.0, *steps, 1.0]))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        p = as_floats(y_pred)
        if self.from_logits:
            p = sigmoid(p)
        t, p, weights = labelled(self.name, y_true, p, sample_weight)
        width = p.shape[-1] if p.ndim > 1 else 1
        if self.multi_label and (p.ndim != 2 or self.num_labels not in (None, width)):
            wanted = "columns" if self.num_labels is None else str(self.num_labels)
            raise ShapeError(f"{self.name}: multi_label needs predictions (N, {wanted}), got {p.shape}")
        if self.label_weights is not None:
            if len(self.label_weights) != width:
                raise ShapeError(f"{self.name}: {len(self.label_weights)} label_weights for {width} columns of y_pred")
            if not self.multi_label:
                weights = weights * np.asarray(self.label_weights)
        if self.even:
            counts = count_evenly(t, p, weights, len(self.limits), multi_label=self.multi_label, open_ended=True)
        else:
            counts = count(t, p, weights, self.limits, multi_label=self.multi_label)
        counts.add_to(self, *ALL)

    def result(self) -> float:
        tp, fp, tn, fn = (np.asarray(self.sum(name), np.float64) for name in ALL)
        if not tp.ndim:
            return 0.0
        curve, method = self.curve.upper(), self.summation_method.lower()
        if curve == "PR" and method == "interpolation":
            areas = precision_recall_area(tp, fp, fn)
        else:
            x, y = points(curve, tp, fp, tn, fn)
            heights = {
                "interpolation": (y[:-1] + y[1:]) / 2,
                "minoring": np.minimum(y[:-1], y[1:]),
                "majoring": np.maximum(y[:-1], y[1:]),
            }[method]
            areas = ((x[:-1] - x[1:]) * heights).sum(axis=0)
        if areas.ndim and self.label_weights is not None:
            weights = np.asarray(self.label_weights)
            return float(divide((areas * weights).sum(), weights.sum()))
        return float(areas.mean())


def points(curve: str, tp: Array, fp: Array, tn: Array, fn: Array) -> tuple[Array, Array]:
    """(x, y) of a curve's points, from the lowest threshold on."""
    recall = divide(tp, tp + fn)
    if curve == "ROC":
        return divide(fp, fp + tn), recall
    if curve == "PR":
        return recall, divide(tp, tp + fp)
    # Gains (Flach and Kull, 2015) measure precision and recall against always saying yes.
    odds = divide(tp + fn, tn + fp)
    recall_gain = np.where(tp == 0, 0.0, 1 - odds * divide(fn, tp))
    precision_gain = np.where(tp == 0, 1.0, 1 - odds * divide(fp, tp))
    return np.maximum(recall_gain, 0.0), precision_gain


def precision_recall_area(tp: Array, fp: Array, fn: Array) -> Array:
    """Between two points tp grows by `slope` a predicted positive: the integral of tp / predicted over recall."""
    predicted = tp + fp
    d_tp = tp[:-1] - tp[1:]
    slope = divide(d_tp, np.maximum(predicted[:-1] - predicted[1:], 0))
    intercept = tp[1:] - slope * predicted[1:]
    both = (predicted[:-1] > 0) & (predicted[1:] > 0)
    ratio = np.where(both, divide(predicted[:-1], np.maximum(predicted[1:], 0)), 1.0)
    area: Array = divide(slope * (d_tp + intercept * np.log(ratio)), np.maximum(tp[1:] + fn[1:], 0)).sum(axis=0)
    return area


class BestUnderConstraint(Metric):
    """The best value of one rate over the thresholds at which another is at least `bound`; 0 where there are none."""

    direction = "max"
    rates: ClassVar[tuple[str, str]]  # (the constrained, the one wanted)
    bound: float

    num_thresholds: PositiveInt = option("thresholds tried, evenly from 0 to 1", default=200, last=10)
    class_id: NonNegativeInt | None = option("count this column alone", default=None, last=10)

    def setup(self) -> None:
        super().setup()
        self.bound = getattr(self, self.rates[0])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, p, weights = labelled(self.name, y_true, y_pred, sample_weight)
        if self.class_id is not None:
            t, p, weights = pick_class(self.name, self.class_id, t, p, weights)
        number = self.num_thresholds
        counts = count(t, p, weights, np.array([0.5])) if number == 1 else count_evenly(t, p, weights, number)
        counts.add_to(self, *ALL)

    def result(self) -> float:
        tp, fp, tn, fn = (np.asarray(self.sum(name), np.float64) for name in ALL)
        of = {"sensitivity": (tp, fn), "recall": (tp, fn), "specificity": (tn, fp), "precision": (tp, fp)}
        bound, wanted = (divide(good, good + bad) for good, bad in (of[name] for name in self.rates))
        # Counts are whole numbers in float32 in Keras; a bound reached to its last digit counts as reached.
        feasible = bound.astype(np.float32) >= np.float32(self.bound)
        return float(np.max(np.where(feasible, wanted, 0.0), initial=0.0))


@metric()
class SensitivityAtSpecificity(BestUnderConstraint):
    """The best recall of positives among thresholds whose recall of negatives is at least `specificity`.

    y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...) in 0..1.
    """

    rates = ("specificity", "sensitivity")

    specificity: Share = option("least share of negatives to be found", example=0.9)


@metric()
class SpecificityAtSensitivity(BestUnderConstraint):
    """The best recall of negatives among thresholds whose recall of positives is at least `sensitivity`.

    y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...) in 0..1.
    """

    rates = ("sensitivity", "specificity")

    sensitivity: Share = option("least share of positives to be found", example=0.9)


@metric()
class PrecisionAtRecall(BestUnderConstraint):
    """The best precision among thresholds whose recall is at least `recall`.

    y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...) in 0..1.
    """

    rates = ("recall", "precision")

    recall: Share = option("least share of positives to be found", example=0.9)


@metric()
class RecallAtPrecision(BestUnderConstraint):
    """The best recall among thresholds whose precision is at least `precision`.

    y_true: (N, ...) 0/1 or integer classes, y_pred: (N, ...) in 0..1.
    """

    rates = ("precision", "recall")

    precision: Share = option("least share of predicted positives to be right", example=0.9)
