"""Metrics of real values that are no mean over rows: R2 and correlations."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, Literal

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import NonNegativeInt
from seqnet.declare import option
from seqnet.errors import ShapeError
from seqnet.losses.shapes import align, as_floats, check_same_shape, fit_weights
from seqnet.metrics.base import AFTER_DTYPE, Metric, add_to_mean, metric

EPSILON = 1e-7


@metric("r2")
class R2Score(Metric):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean)^2) of each column. y_true, y_pred: (N, D), or (N,).

    A column whose labels are all the same counts 0, and NaN if its predictions are perfect. With num_regressors p the
    score is adjusted: 1 - (1 - R2)(n - 1) / (n - p - 1), n = N D.
    """

    direction = "max"

    class_aggregation: Literal["uniform_average", "variance_weighted_average"] | None = option(
        "how columns become one number; null keeps them apart", default="uniform_average"
    )
    num_regressors: NonNegativeInt = option("inputs of the model, for the adjusted score; 0 = not adjusted", default=0)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, p = align(np.asarray(y_true), as_floats(y_pred))
        if t.ndim == p.ndim == 1:
            t, p = t[:, None], p[:, None]
        check_same_shape(self.name, t, p)
        if t.ndim != 2:
            raise ShapeError(f"{self.name}: needs labels and predictions (N, D), got {t.shape}; flatten them first")
        t, p = t.astype(np.float64), p.astype(np.float64)
        weights = np.ones((len(t), 1))
        if sample_weight is not None:
            weights = np.asarray(sample_weight, np.float64)
            weights = fit_weights(self.name, weights[:, None] if weights.ndim == 1 else weights, t.shape)
        # Sums of distances to the first row, so that equal labels have a variance of exactly 0.
        if "shift" not in self.sums and len(t):
            self.sums["shift"] = t[0].copy()
        moved = t - self.sum("shift")
        self.add("sum", (moved * weights).sum(axis=0))
        self.add("squared_sum", (moved * moved * weights).sum(axis=0))
        self.add("residual", (np.square(t - p) * weights).sum(axis=0))
        self.add("count", np.broadcast_to(weights, t.shape).sum(axis=0))
        self.add("num_samples", float(t.size))

    def result(self) -> float | Array:
        if "count" not in self.sums:
            return 0.0
        count = self.sum("count")
        total = self.sum("squared_sum") - self.sum("sum") ** 2 / np.where(count, count, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1 - self.sum("residual") / total
            scores[np.isinf(scores)] = 0.0
            if self.class_aggregation is None:
                score = scores
            elif self.class_aggregation == "uniform_average":
                score = scores.mean()
            else:
                score = (total * scores).sum() / total.sum()
        samples, inputs = self.sum("num_samples"), self.num_regressors
        if inputs and inputs >= samples - 1:
            warnings.warn(f"{self.name}: {samples:.0f} values are too few to adjust for {inputs} inputs", stacklevel=2)
        elif inputs:
            score = 1 - (1 - score) * (samples - 1) / (samples - inputs - 1)
        return score if np.ndim(score) else float(score)


class CorrelationMetric(Metric):
    """The mean over rows of the correlation within a row; for rows of one value, the correlation over rows."""

    direction = "max"

    axis: int = option("the axis along which values are correlated", default=-1, last=AFTER_DTYPE)

    @abstractmethod
    def correlation(self, t: Array, p: Array, axis: int) -> Array:
        """The correlation of each row."""

    @abstractmethod
    def from_moments(self, t_mean: float, p_mean: float, t_var: float, p_var: float, covariance: float) -> float:
        """The correlation of values with these moments."""

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The correlation of each row (N, …)."""
        t, p = align(np.asarray(y_true), as_floats(y_pred))
        check_same_shape(self.name, t, p)
        return self.correlation(t.astype(np.float64), p.astype(np.float64), self.axis)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, p = align(np.asarray(y_true), as_floats(y_pred))
        check_same_shape(self.name, t, p)
        if t.ndim > 1 and t.shape[self.axis] > 1:
            add_to_mean(self, self.values(t, p), sample_weight)
            return
        weights: Any = 1.0
        if sample_weight is not None:
            weights = np.asarray(sample_weight, np.float64)
            weights = fit_weights(self.name, weights, t.shape).ravel()
        t, p = t.ravel().astype(np.float64), p.ravel().astype(np.float64)
        if "t_shift" not in self.sums and len(t):
            self.sums.update(t_shift=float(t[0]), p_shift=float(p[0]))
        t, p = t - self.sum("t_shift"), p - self.sum("p_shift")
        for name, product in (
            ("rows", np.ones_like(t)),
            ("t", t),
            ("p", p),
            ("tt", t * t),
            ("pp", p * p),
            ("tp", t * p),
        ):
            self.add(name, float((product * weights).sum()))

    def result(self) -> float:
        rows = self.sum("rows")
        if not rows:
            return self.ratio("total", "count")
        t, p = self.sum("t") / rows, self.sum("p") / rows
        moments = (self.sum("tt") / rows - t * t, self.sum("pp") / rows - p * p, self.sum("tp") / rows - t * p)
        return self.from_moments(t + self.sum("t_shift"), p + self.sum("p_shift"), *moments)


@metric()
class PearsonCorrelation(CorrelationMetric):
    """covariance(y_true, y_pred) / (deviation of y_true * deviation of y_pred), 0 where a deviation is 0.

    y_true, y_pred: (N, ..., D), correlated within each row; (N, 1) over all rows, where Keras gives NaN.
    """

    def correlation(self, t: Array, p: Array, axis: int) -> Array:
        t = t - t.mean(axis=axis, keepdims=True)
        p = p - p.mean(axis=axis, keepdims=True)
        scale = np.sqrt((t * t).sum(axis=axis) * (p * p).sum(axis=axis))
        ratio: Array = (t * p).sum(axis=axis) / np.where(scale > 0, scale, 1)
        return ratio

    def from_moments(self, t_mean: float, p_mean: float, t_var: float, p_var: float, covariance: float) -> float:
        scale = float(np.sqrt(max(t_var, 0.0) * max(p_var, 0.0)))
        return covariance / scale if scale else 0.0


@metric()
class ConcordanceCorrelation(CorrelationMetric):
    """2 covariance / (variance of y_true + variance of y_pred + (difference of means)^2 + 1e-7).

    y_true, y_pred: (N, ..., D), correlated within each row; (N, 1) over all rows, where Keras gives 0.
    Reference: L. Lin, A concordance correlation coefficient to evaluate reproducibility, 1989.
    """

    def correlation(self, t: Array, p: Array, axis: int) -> Array:
        t_mean, p_mean = t.mean(axis=axis, keepdims=True), p.mean(axis=axis, keepdims=True)
        covariance = ((t - t_mean) * (p - p_mean)).mean(axis=axis)
        apart = np.squeeze(np.square(t_mean - p_mean), axis=axis)
        ratio: Array = 2 * covariance / (t.var(axis=axis) + p.var(axis=axis) + apart + EPSILON)
        return ratio

    def from_moments(self, t_mean: float, p_mean: float, t_var: float, p_var: float, covariance: float) -> float:
        return 2 * covariance / (t_var + p_var + (t_mean - p_mean) ** 2 + EPSILON)
