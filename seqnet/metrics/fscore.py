"""F-scores: precision and recall in one number, class by class."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.checkers import Number, PositiveFloat
from seqnet.declare import option
from seqnet.losses.shapes import align, as_floats, check_same_shape, fit_weights
from seqnet.metrics.base import Metric, metric
from seqnet.metrics.labels import class_rows

EPSILON = 1e-7


class FScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall) of each column, averaged or not."""

    direction = "max"
    beta: float

    average: Literal["micro", "macro", "weighted"] | None = option(
        "one number over all columns: counted together, their mean, or their mean by number of labels; null: an array",
        default=None,
    )
    threshold: Annotated[float, Number(gt=0, le=1)] | None = option(
        "a prediction above it is positive; null: the largest of each row is", default=None, last=5
    )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        p = as_floats(y_pred)
        t, p = align(class_rows(self.name, np.asarray(y_true), p), p)
        if t.ndim == p.ndim == 1:
            t, p = t[:, None], p[:, None]
        check_same_shape(self.name, t, p)
        weights: Any = 1.0
        if sample_weight is not None:
            weights = np.asarray(sample_weight, np.float64)
            weights = fit_weights(self.name, weights, p.shape[:-1])[..., None]
        if self.threshold is None:
            hit = (p >= p.max(axis=-1, keepdims=True, initial=-np.inf)) & (np.abs(p) > 1e-9)
        else:
            hit = p > self.threshold
        t = t.astype(np.float64)
        axes = None if self.average == "micro" else tuple(range(p.ndim - 1))
        for name, counted in (("tp", hit * t), ("fp", hit * (1 - t)), ("fn", ~hit * t), ("weights", t)):
            self.add(name, (counted * weights).sum(axis=axes))

    def result(self) -> float | Array:
        tp, fp, fn = (np.asarray(self.sum(name), np.float64) for name in ("tp", "fp", "fn"))
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        square = self.beta**2
        score: Any = (1 + square) * precision * recall / (square * precision + recall + EPSILON)
        if self.average == "weighted":
            weights = np.asarray(self.sum("weights"))
            score = (score * weights).sum() / (weights.sum() + EPSILON)
        elif self.average is not None:
            score = score.mean()
        return float(score) if not np.ndim(score) else score

    def output_problem(self, y_pred_shape: Shape) -> str | None:
        if self.threshold is None and (not y_pred_shape or y_pred_shape[-1] == 1):
            return f"{self.name} without a threshold calls every row of a single output positive; set threshold: 0.5"
        return None


@metric("fbeta_score")
class FBetaScore(FScore):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), 1e-7 added to each denominator.

    y_true: (N, ..., K) 0/1 or (N, ...) integers, y_pred: (N, ..., K). An array with one score a class unless averaged.
    """

    default_name = "fbeta_score"

    beta: PositiveFloat = option("weight of recall against precision", default=1.0, last=3)


@metric("f1")
class F1Score(FScore):
    """2 precision recall / (precision + recall), 1e-7 added to each denominator.

    y_true: (N, ..., K) 0/1 or (N, ...) integers, y_pred: (N, ..., K). An array with one score a class unless averaged.
    """

    beta: ClassVar[float] = 1.0  # type: ignore[misc]
