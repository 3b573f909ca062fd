"""Metrics under Keras's names, as components (`BinaryAccuracy`) and as functions that give the per-row values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqnet import declare
from seqnet.arrays import Shape
from seqnet.errors import SpecError
from seqnet.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from seqnet.metrics.accuracy import (
    Accuracy,
    AutoAccuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from seqnet.metrics.agreement import BalancedAccuracy, CohenKappa, MatthewsCorrelation
from seqnet.metrics.base import Mean, MeanMetricWrapper, Metric, Sum, metric
from seqnet.metrics.calibration import ExpectedCalibrationError
from seqnet.metrics.confusion import FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives
from seqnet.metrics.curves import (
    AUC,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from seqnet.metrics.from_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from seqnet.metrics.fscore import F1Score, FBetaScore
from seqnet.metrics.functions import (
    binary_accuracy,
    categorical_accuracy,
    concordance_correlation,
    pearson_correlation,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from seqnet.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from seqnet.metrics.regression import ConcordanceCorrelation, PearsonCorrelation, R2Score
from seqnet.registry import scope


def get(identifier: Any) -> Metric | None:
    """A metric from its name, `{Name: {options}}`, Keras's `{class_name, config}`, a function or an instance."""
    return None if identifier is None else declare.get(Metric, identifier)


def resolve_metric(identifier: Any, y_true_shape: Shape, y_pred_shape: Shape) -> Metric:
    """The metric a model reports: as `get`, with `accuracy` chosen by shapes (without the batch axis).

    A string keeps being the metric's name, so that `mse` is the key in the history. Raises SpecError.
    """
    found = declare.get(Metric, identifier)
    if isinstance(found, Accuracy) and found.by_string:
        found = AutoAccuracy(name=found.name)
    if isinstance(found, (Mean, Sum)):
        raise SpecError(f"{found.spec_name} reduces values handed to it in Python; it can't compare labels and outputs")
    return found.resolve(y_true_shape, y_pred_shape) if isinstance(found, AutoAccuracy) else found


def serialize(metric: Metric) -> dict[str, Any]:
    """Keras's form: {"class_name": …, "config": {…}}."""
    return {"class_name": metric.spec_name, "config": metric.get_config()}


def deserialize(config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Metric:
    """The inverse of serialize; a name stands for that metric with its defaults. custom_objects: classes of
    one's own by name, where they are not registered."""
    with scope(custom_objects):
        return declare.get(Metric, config)


__all__ = [
    "AUC",
    "Accuracy",
    "AutoAccuracy",
    "BalancedAccuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CohenKappa",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "ExpectedCalibrationError",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "MatthewsCorrelation",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "metric",
    "pearson_correlation",
    "poisson",
    "resolve_metric",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]
