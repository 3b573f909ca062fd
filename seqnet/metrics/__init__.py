"""Metrics under Keras's names, as components (`BinaryAccuracy`) and as functions that give the per-row values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqnet import declare
from seqnet.arrays import Shape
from seqnet.errors import SpecError
from seqnet.metrics.accuracy import (
    Accuracy,
    AutoAccuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from seqnet.metrics.base import Mean, MeanMetricWrapper, Metric, Sum, metric
from seqnet.metrics.from_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
)


def get(identifier: Any) -> Metric | None:
    """A metric from its name, `{Name: {options}}`, Keras's `{class_name, config}`, a function or an instance."""
    return None if identifier is None else declare.get(Metric, identifier)


def resolve_metric(identifier: Any, y_true_shape: Shape, y_pred_shape: Shape) -> Metric:
    """The metric a model reports: as `get`, with `accuracy` chosen by shapes (without the batch axis).

    A string keeps being the metric's name, so that `mse` is the key in the history. Raises SpecError.
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        identifier = AutoAccuracy(name=identifier)
    found = declare.get(Metric, identifier)
    if isinstance(found, (Mean, Sum)):
        raise SpecError(f"{found.spec_name} reduces values handed to it in Python; it can't compare labels and outputs")
    return found.resolve(y_true_shape, y_pred_shape) if isinstance(found, AutoAccuracy) else found


def serialize(metric: Metric) -> dict[str, Any]:
    """Keras's form: {"class_name": …, "config": {…}}."""
    return {"class_name": metric.spec_name, "config": metric.get_config()}


def deserialize(config: str | Mapping[str, Any]) -> Metric:
    """The inverse of serialize; a name stands for that metric with its defaults."""
    return declare.get(Metric, config)


__all__ = [
    "Accuracy",
    "AutoAccuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "Mean",
    "MeanAbsoluteError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "Sum",
    "TopKCategoricalAccuracy",
    "deserialize",
    "get",
    "metric",
    "resolve_metric",
    "serialize",
]
