"""Every metric with the options, labels and predictions it is tried on; read by the tests and by the reference script.

`true` and `pred` name a generator (tests/cases_losses.py), `shape` is that of the predictions. Weights are one a row,
or one a step where rows have steps. `true` "nothing": the metric takes values alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.cases_losses import labels, predictions


class Case(NamedTuple):
    name: str
    metric: str
    options: dict[str, Any]
    true: str
    pred: str
    shape: tuple[int, ...]


CASES = [
    Case("mean", "Mean", {}, "nothing", "normal", (9, 3)),
    Case("sum", "Sum", {}, "nothing", "normal", (9, 3)),
    Case("accuracy_exact", "Accuracy", {}, "counts", "counts", (12, 2)),
    Case("auto_binary", "accuracy", {}, "binary", "unit", (12, 1)),
    Case("auto_sparse", "accuracy", {}, "integer", "softmax", (12, 3)),
    Case("auto_categorical", "accuracy", {}, "one_hot", "softmax", (12, 3)),
    Case("binary_accuracy", "BinaryAccuracy", {}, "binary_column", "unit", (12, 1)),
    Case("binary_accuracy_columns", "BinaryAccuracy", {"threshold": 0.3}, "binary", "unit", (12, 3)),
    Case("binary_accuracy_steps", "BinaryAccuracy", {}, "binary", "unit", (6, 4, 2)),
    Case("categorical_accuracy", "CategoricalAccuracy", {}, "one_hot", "softmax", (12, 3)),
    Case("categorical_accuracy_steps", "CategoricalAccuracy", {}, "one_hot", "softmax", (6, 4, 3)),
    Case("sparse_accuracy", "SparseCategoricalAccuracy", {}, "integer", "softmax", (12, 3)),
    Case("sparse_accuracy_column", "SparseCategoricalAccuracy", {}, "integer_column", "softmax", (12, 3)),
    Case("sparse_accuracy_steps", "SparseCategoricalAccuracy", {}, "integer", "softmax", (6, 4, 3)),
    Case("top_k", "TopKCategoricalAccuracy", {"k": 2}, "one_hot", "softmax", (12, 5)),
    Case("top_k_default", "TopKCategoricalAccuracy", {}, "one_hot", "softmax", (20, 9)),
    Case("sparse_top_k", "SparseTopKCategoricalAccuracy", {"k": 3}, "integer", "softmax", (12, 6)),
    Case("sparse_top_k_steps", "SparseTopKCategoricalAccuracy", {"k": 2}, "integer", "softmax", (6, 4, 5)),
    Case("sparse_top_k_ties", "SparseTopKCategoricalAccuracy", {"k": 2}, "integer", "counts", (12, 6)),
    Case(
        "top_k_sorted", "SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "integer", "order", (12, 5)
    ),
    Case("mse", "MeanSquaredError", {}, "normal", "normal", (9, 3)),
    Case("mse_steps", "MeanSquaredError", {}, "normal", "normal", (6, 4, 2)),
    Case("rmse", "RootMeanSquaredError", {}, "normal", "normal", (9, 3)),
    Case("rmse_column", "RootMeanSquaredError", {}, "column", "normal", (9, 1)),
    Case("mae", "MeanAbsoluteError", {}, "normal", "normal", (9, 3)),
    Case("mape", "MeanAbsolutePercentageError", {}, "normal", "normal", (9, 3)),
    Case("msle", "MeanSquaredLogarithmicError", {}, "positive", "positive", (9, 3)),
    Case("logcosh", "LogCoshError", {}, "normal", "wide", (9, 3)),
    Case("cosine", "CosineSimilarity", {}, "normal", "normal", (9, 3)),
    Case("cosine_axis", "CosineSimilarity", {"axis": 1}, "normal", "normal", (6, 4, 2)),
    Case("kl", "KLDivergence", {}, "softmax", "softmax", (9, 4)),
    Case("poisson", "Poisson", {}, "counts", "positive", (9, 3)),
    Case("hinge", "Hinge", {}, "sign", "normal", (9, 3)),
    Case("squared_hinge", "SquaredHinge", {}, "binary", "normal", (9, 3)),
    Case("categorical_hinge", "CategoricalHinge", {}, "one_hot", "normal", (9, 3)),
    Case("bce", "BinaryCrossentropy", {}, "binary", "unit", (9, 1)),
    Case("bce_logits", "BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary", "wide", (9, 3)),
    Case("cce", "CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot", "softmax", (9, 3)),
    Case("cce_axis", "CategoricalCrossentropy", {"from_logits": True, "axis": 1}, "one_hot", "wide", (6, 4, 3)),
    Case("scce", "SparseCategoricalCrossentropy", {}, "integer", "softmax", (9, 3)),
    Case("scce_logits", "SparseCategoricalCrossentropy", {"from_logits": True}, "integer", "wide", (6, 4, 3)),
    Case("true_positives", "TruePositives", {}, "binary", "unit", (40, 1)),
    Case("true_negatives", "TrueNegatives", {"thresholds": 0.3}, "binary", "unit", (40, 3)),
    Case("false_positives", "FalsePositives", {"thresholds": [0.2, 0.7]}, "binary", "unit", (40, 3)),
    Case("false_negatives", "FalseNegatives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "binary", "edges", (40, 2)),
    Case("precision", "Precision", {}, "binary", "unit", (40, 1)),
    Case("precision_thresholds", "Precision", {"thresholds": [0.1, 0.4, 0.97]}, "binary", "unit", (40, 2)),
    Case("precision_even", "Precision", {"thresholds": [0.0, 0.5, 1.0]}, "binary", "edges", (40, 2)),
    Case("precision_top_k", "Precision", {"top_k": 2}, "one_hot", "softmax", (40, 4)),
    Case("precision_top_ties", "Precision", {"top_k": 2}, "one_hot", "tied", (40, 4)),
    Case("precision_class", "Precision", {"class_id": 1}, "one_hot", "softmax", (40, 3)),
    Case("recall", "Recall", {}, "binary_column", "unit", (40, 1)),
    Case("recall_top_k", "Recall", {"top_k": 2, "thresholds": 0.3, "class_id": 0}, "one_hot", "softmax", (40, 4)),
    Case("recall_micro", "Recall", {"thresholds": 0.4}, "one_hot", "softmax", (40, 3)),
    Case("recall_steps", "Recall", {}, "binary", "unit", (8, 5, 2)),
    Case("sensitivity", "SensitivityAtSpecificity", {"specificity": 0.6}, "binary", "unit", (40, 1)),
    Case(
        "sensitivity_few",
        "SensitivityAtSpecificity",
        {"specificity": 0.5, "num_thresholds": 1},
        "binary",
        "unit",
        (40, 1),
    ),
    Case("specificity", "SpecificityAtSensitivity", {"sensitivity": 0.7}, "binary", "unit", (40, 1)),
    Case(
        "specificity_class",
        "SpecificityAtSensitivity",
        {"sensitivity": 0.7, "class_id": 1},
        "one_hot",
        "softmax",
        (40, 3),
    ),
    Case("precision_at_recall", "PrecisionAtRecall", {"recall": 0.5, "num_thresholds": 30}, "binary", "edges", (40, 1)),
    Case("recall_at_precision", "RecallAtPrecision", {"precision": 0.5}, "binary", "unit", (40, 1)),
    Case("recall_at_precision_none", "RecallAtPrecision", {"precision": 1.0}, "binary", "unit", (40, 1)),
    Case("auc", "AUC", {}, "binary", "unit", (60, 1)),
    Case("auc_edges", "AUC", {"num_thresholds": 20}, "binary", "edges", (60, 1)),
    Case("auc_pr", "AUC", {"curve": "PR"}, "binary_column", "unit", (60, 1)),
    Case(
        "auc_minoring",
        "AUC",
        {"curve": "PR", "summation_method": "minoring", "num_thresholds": 11},
        "binary",
        "unit",
        (60, 1),
    ),
    Case("auc_majoring", "AUC", {"summation_method": "majoring", "num_thresholds": 11}, "binary", "unit", (60, 1)),
    Case("auc_gain", "AUC", {"curve": "PRGAIN"}, "binary", "unit", (60, 1)),
    Case("auc_thresholds", "AUC", {"thresholds": [0.8, 0.1, 0.45]}, "binary", "unit", (60, 1)),
    Case("auc_even", "AUC", {"thresholds": [0.25, 0.5, 0.75]}, "binary", "unit", (60, 1)),
    Case("auc_labels", "AUC", {"multi_label": True}, "binary", "unit", (60, 3)),
    Case(
        "auc_labels_pr",
        "AUC",
        {"multi_label": True, "num_labels": 3, "curve": "PR", "label_weights": [1.0, 0.5, 2.0]},
        "binary",
        "unit",
        (60, 3),
    ),
    Case(
        "auc_labels_thresholds",
        "AUC",
        {"multi_label": True, "thresholds": [0.2, 0.3], "label_weights": [1.0, 0.5, 2.0]},
        "binary",
        "unit",
        (60, 3),
    ),
    Case("auc_label_weights", "AUC", {"label_weights": [1.0, 0.5, 2.0]}, "binary", "unit", (60, 3)),
    Case("auc_logits", "AUC", {"from_logits": True}, "binary", "normal", (60, 1)),
    Case("auc_micro", "AUC", {}, "one_hot", "softmax", (60, 3)),
    Case("f1", "F1Score", {}, "one_hot", "softmax", (40, 3)),
    Case("f1_macro", "F1Score", {"average": "macro", "threshold": 0.4}, "binary", "unit", (40, 3)),
    Case("f1_micro", "F1Score", {"average": "micro"}, "one_hot", "softmax", (40, 3)),
    Case("f1_weighted", "F1Score", {"average": "weighted"}, "one_hot", "tied", (40, 3)),
    Case("f1_single", "F1Score", {"average": "micro"}, "binary", "unit", (40, 1)),
    Case("fbeta", "FBetaScore", {"beta": 2.0, "threshold": 0.6}, "binary", "unit", (40, 3)),
    Case("fbeta_weighted", "FBetaScore", {"average": "weighted", "beta": 0.5}, "one_hot", "softmax", (40, 3)),
    Case("iou", "IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, "classes", "classes", (8, 5)),
    Case(
        "iou_float", "IoU", {"num_classes": 3, "target_class_ids": [1], "dtype": "float32"}, "classes", "classes", (40,)
    ),
    Case(
        "iou_ignore",
        "IoU",
        {"num_classes": 3, "target_class_ids": [0, 1, 2], "ignore_class": 1},
        "classes",
        "classes",
        (40,),
    ),
    Case("iou_outside", "IoU", {"num_classes": 2, "target_class_ids": [0, 1]}, "classes", "classes", (40,)),
    Case(
        "iou_scores",
        "IoU",
        {"num_classes": 3, "target_class_ids": [0], "sparse_y_pred": False},
        "integer",
        "softmax",
        (8, 5, 3),
    ),
    Case("iou_one_hot", "OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 2]}, "one_hot", "softmax", (40, 3)),
    Case("iou_mean", "MeanIoU", {"num_classes": 4}, "classes", "classes", (40,)),
    Case(
        "iou_mean_rows",
        "MeanIoU",
        {"num_classes": 3, "sparse_y_true": False, "sparse_y_pred": False, "dtype": "float32"},
        "one_hot",
        "softmax",
        (40, 3),
    ),
    Case("iou_one_hot_mean", "OneHotMeanIoU", {"num_classes": 3}, "one_hot", "softmax", (40, 3)),
    Case("iou_binary", "BinaryIoU", {}, "binary", "edges", (40, 1)),
    Case(
        "iou_binary_target",
        "BinaryIoU",
        {"target_class_ids": [1], "threshold": 0.3, "dtype": "float32"},
        "binary",
        "unit",
        (8, 5),
    ),
    Case("r2", "R2Score", {}, "normal", "normal", (20, 1)),
    Case("r2_columns", "R2Score", {"class_aggregation": None}, "normal", "normal", (20, 3)),
    Case("r2_variance", "R2Score", {"class_aggregation": "variance_weighted_average"}, "normal", "normal", (20, 3)),
    Case("r2_adjusted", "R2Score", {"num_regressors": 2}, "normal", "normal", (20, 3)),
    Case("pearson", "PearsonCorrelation", {}, "normal", "normal", (9, 5)),
    Case("pearson_axis", "PearsonCorrelation", {"axis": 1}, "normal", "normal", (6, 4, 3)),
    Case("concordance", "ConcordanceCorrelation", {}, "normal", "normal", (9, 5)),
    Case("concordance_axis", "ConcordanceCorrelation", {"axis": 1}, "normal", "normal", (6, 4, 3)),
    Case("balanced", "BalancedAccuracy", {}, "integer", "softmax", (40, 4)),
    Case("balanced_binary", "BalancedAccuracy", {"threshold": 0.4}, "binary", "unit", (40, 1)),
    Case("matthews", "MatthewsCorrelation", {}, "integer", "softmax", (40, 4)),
    Case("matthews_binary", "MatthewsCorrelation", {}, "binary", "unit", (40, 1)),
    Case("kappa", "CohenKappa", {}, "integer", "softmax", (40, 4)),
    Case("kappa_linear", "CohenKappa", {"weights": "linear"}, "integer", "softmax", (40, 4)),
    Case("kappa_quadratic", "CohenKappa", {"weights": "quadratic"}, "integer", "softmax", (40, 4)),
    Case("calibration", "ExpectedCalibrationError", {}, "integer", "softmax", (40, 4)),
    Case("calibration_binary", "ExpectedCalibrationError", {"num_bins": 5}, "binary", "unit", (40, 1)),
    Case("calibration_logits", "ExpectedCalibrationError", {"from_logits": True}, "integer", "wide", (40, 4)),
]

# What Keras resolves `accuracy` to.
AUTOMATIC = {
    "auto_binary": "BinaryAccuracy",
    "auto_sparse": "SparseCategoricalAccuracy",
    "auto_categorical": "CategoricalAccuracy",
}
# Not in Keras: their values come from scikit-learn, the last from a loop over rows and bins.
BEYOND = {"BalancedAccuracy", "MatthewsCorrelation", "CohenKappa", "ExpectedCalibrationError"}
CUT = [0, 5, 6]  # where the rows are cut into batches, the rest being the last


def make(case: Case) -> tuple[np.ndarray | None, np.ndarray]:
    """(y_true, y_pred) of a case, the same numbers each time."""
    rng = np.random.default_rng([ord(letter) for letter in case.name])
    if case.true == "classes":
        y_true = rng.integers(0, 3, case.shape)
    elif case.true == "nothing":
        y_true = None
    else:
        y_true = labels(case.true, case.shape, -1, rng)
        y_true = y_true.astype("float32") if y_true.dtype.kind == "f" else y_true
    if case.pred == "classes":
        return y_true, rng.integers(0, 3, case.shape)
    if case.pred == "counts":
        y_pred = rng.poisson(3.0, case.shape).astype(float)
    elif case.pred == "edges":  # on thresholds too, 0 and 1 included
        y_pred = rng.integers(0, 9, case.shape) / 8
    elif case.pred == "tied":
        y_pred = rng.integers(1, 4, case.shape) / 4
    elif case.pred == "order":
        y_pred = rng.permuted(np.tile(np.arange(case.shape[-1]), (case.shape[0], 1)), axis=1)
    else:
        y_pred = predictions(case.pred, case.shape, rng)
    return y_true, y_pred.astype("float32")


def weights_for(case: Case) -> np.ndarray:
    """One weight a row; one an element for class maps, one a step for steps of 0/1 labels."""
    rng = np.random.default_rng([7, *(ord(letter) for letter in case.name)])
    shape = case.shape[:1]
    if case.name == "recall_steps":
        shape = case.shape[:2]
    elif "IoU" in case.metric and case.true != "one_hot":
        shape = case.shape[:2] if case.true == "integer" else case.shape
    return rng.uniform(0.2, 2.0, shape).astype("float32")


def step_weights_for(case: Case) -> np.ndarray | None:
    """One weight a step (N, T) for predictions (N, T, C), else None."""
    if len(case.shape) < 3 or case.options.get("axis") == 1 or "IoU" in case.metric:
        return None
    rng = np.random.default_rng([8, *(ord(letter) for letter in case.name)])
    return rng.uniform(0.2, 2.0, case.shape[:2]).astype("float32")
