"""Whether a classifier is as sure as it is right; not in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqnet.checkers import PositiveInt
from seqnet.declare import option
from seqnet.kernels.elementwise import sigmoid, softmax
from seqnet.losses.shapes import as_floats, fit_weights
from seqnet.metrics.agreement import predicted_classes
from seqnet.metrics.base import Metric, metric


@metric("ece", "ECE")
class ExpectedCalibrationError(Metric):
    """sum over bins of (rows in the bin / rows) |accuracy - mean confidence|; 0 is perfectly calibrated.

    A row's confidence is the probability of the class it predicts; bin b holds those in (b / B, (b + 1) / B].
    y_true: (N, ...) integers or (N, ..., K) one-hot, y_pred: (N, ..., K) probabilities, or (N, ..., 1).
    Reference: C. Guo et al., On calibration of modern neural networks, 2017, arXiv:1706.04599.
    """

    direction = "min"

    num_bins: PositiveInt = option("bins of equal width from 0 to 1", default=15)
    from_logits: bool = option("y_pred are logits, before a softmax or sigmoid", default=False)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        p = as_floats(y_pred).astype(np.float64)
        one = p.ndim == 1 or p.shape[-1] == 1
        if self.from_logits:
            p = sigmoid(p) if one else softmax(p)
        t, predicted, _ = predicted_classes(self.name, np.asarray(y_true), p, 0.5)
        confidence = (np.maximum(p, 1 - p) if one else p.max(axis=-1)).reshape(t.shape)
        weights = np.ones((1,) * t.ndim)
        if sample_weight is not None:
            weights = fit_weights(self.name, np.asarray(sample_weight, np.float64), t.shape)
        weights = np.broadcast_to(weights, t.shape).ravel()
        confidence, right = confidence.ravel(), (t == predicted).ravel()
        number = self.num_bins
        place = np.clip(np.ceil(np.nan_to_num(confidence) * number) - 1, 0, number - 1).astype(np.intp)
        self.add("count", np.bincount(place, weights, number))
        self.add("right", np.bincount(place, weights * right, number))
        self.add("confidence", np.bincount(place, weights * confidence, number))

    def result(self) -> float:
        total = float(np.sum(self.sum("count")))
        return float(np.abs(self.sum("right") - self.sum("confidence")).sum()) / total if total else 0.0
