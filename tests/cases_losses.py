"""Every loss with the options, labels and predictions it is tried on; read by the tests and by the reference script.

`true` and `pred` name a generator in GENERATORS; `shape` is that of the predictions. Weights are one a value, (N,) or
(N, T); a mask is tried where values are (N, T). Probabilities stay off the clips, values off kinks and ties.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    name: str
    loss: str
    options: dict[str, Any]
    true: str
    pred: str
    shape: tuple[int, ...]


CASES = [
    Case("mse", "MeanSquaredError", {}, "normal", "normal", (6, 3)),
    Case("mse_column", "MeanSquaredError", {}, "column", "normal", (6, 1)),
    Case("mse_steps", "MeanSquaredError", {}, "normal", "normal", (4, 5, 2)),
    Case("mae", "MeanAbsoluteError", {}, "normal", "normal", (6, 3)),
    Case("mape", "MeanAbsolutePercentageError", {}, "normal", "normal", (6, 3)),
    Case("msle", "MeanSquaredLogarithmicError", {}, "positive", "positive", (6, 3)),
    Case("msle_cut", "MeanSquaredLogarithmicError", {}, "positive", "normal", (6, 3)),
    Case("huber", "Huber", {}, "normal", "normal", (6, 3)),
    Case("huber_delta", "Huber", {"delta": 0.3}, "normal", "normal", (4, 5, 2)),
    Case("log_cosh", "LogCosh", {}, "normal", "wide", (6, 3)),
    Case("cosine", "CosineSimilarity", {}, "normal", "normal", (6, 3)),
    Case("cosine_axis", "CosineSimilarity", {"axis": 1}, "normal", "normal", (4, 5, 2)),
    Case("poisson", "Poisson", {}, "counts", "positive", (6, 3)),
    Case("kl", "KLDivergence", {}, "softmax", "softmax", (6, 4)),
    Case("kl_one_hot", "KLDivergence", {}, "one_hot", "softmax", (6, 4)),
    Case("binary", "BinaryCrossentropy", {}, "binary", "unit", (6, 1)),
    Case("binary_column", "BinaryCrossentropy", {}, "binary_column", "unit", (6, 1)),
    Case("binary_smooth", "BinaryCrossentropy", {"label_smoothing": 0.2}, "binary", "unit", (6, 3)),
    Case("binary_logits", "BinaryCrossentropy", {"from_logits": True}, "binary", "wide", (6, 3)),
    Case(
        "binary_logits_smooth",
        "BinaryCrossentropy",
        {"from_logits": True, "label_smoothing": 0.1},
        "binary",
        "wide",
        (6, 3),
    ),
    Case("binary_axis", "BinaryCrossentropy", {"axis": 1}, "binary", "unit", (4, 5, 2)),
    Case("categorical", "CategoricalCrossentropy", {}, "one_hot", "softmax", (6, 4)),
    Case("categorical_unscaled", "CategoricalCrossentropy", {}, "one_hot", "unit", (6, 4)),
    Case("categorical_smooth", "CategoricalCrossentropy", {"label_smoothing": 0.2}, "one_hot", "softmax", (6, 4)),
    Case("categorical_soft", "CategoricalCrossentropy", {"from_logits": True}, "softmax", "wide", (6, 4)),
    Case("categorical_shares", "CategoricalCrossentropy", {"from_logits": True}, "binary", "wide", (6, 4)),
    Case(
        "categorical_steps",
        "CategoricalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.1},
        "one_hot",
        "wide",
        (4, 5, 3),
    ),
    Case("categorical_axis", "CategoricalCrossentropy", {"from_logits": True, "axis": 1}, "one_hot", "wide", (4, 5, 3)),
    Case("sparse", "SparseCategoricalCrossentropy", {}, "integer", "softmax", (6, 4)),
    Case("sparse_unscaled", "SparseCategoricalCrossentropy", {}, "integer", "unit", (6, 4)),
    Case("sparse_column", "SparseCategoricalCrossentropy", {}, "integer_column", "softmax", (6, 4)),
    Case("sparse_logits", "SparseCategoricalCrossentropy", {"from_logits": True}, "integer", "wide", (6, 4)),
    Case("sparse_wide", "SparseCategoricalCrossentropy", {"from_logits": True}, "integer", "wide", (5, 40)),
    Case("sparse_steps", "SparseCategoricalCrossentropy", {"from_logits": True}, "integer", "wide", (4, 5, 3)),
    Case("sparse_ignore", "SparseCategoricalCrossentropy", {"ignore_class": 1}, "integer", "softmax", (8, 3)),
    Case(
        "sparse_ignore_logits",
        "SparseCategoricalCrossentropy",
        {"from_logits": True, "ignore_class": 2},
        "integer",
        "wide",
        (4, 5, 3),
    ),
    Case("binary_focal", "BinaryFocalCrossentropy", {}, "binary", "unit", (6, 3)),
    Case(
        "binary_focal_balanced",
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1},
        "binary",
        "unit",
        (6, 3),
    ),
    Case(
        "binary_focal_logits",
        "BinaryFocalCrossentropy",
        {"from_logits": True, "gamma": 0.5},
        "binary",
        "normal",
        (4, 5, 2),
    ),
    Case("binary_focal_plain", "BinaryFocalCrossentropy", {"gamma": 0.0}, "binary", "unit", (6, 3)),
    Case("categorical_focal", "CategoricalFocalCrossentropy", {}, "one_hot", "softmax", (6, 4)),
    Case(
        "categorical_focal_logits",
        "CategoricalFocalCrossentropy",
        {"from_logits": True, "alpha": 0.5, "gamma": 1.0, "label_smoothing": 0.1},
        "one_hot",
        "normal",
        (6, 4),
    ),
    Case(
        "categorical_focal_weights",
        "CategoricalFocalCrossentropy",
        {"alpha": [0.1, 0.5, 0.4]},
        "one_hot",
        "unit",
        (4, 5, 3),
    ),
    Case(
        "categorical_focal_axis",
        "CategoricalFocalCrossentropy",
        {"axis": 1, "from_logits": True},
        "one_hot",
        "normal",
        (4, 5, 3),
    ),
    Case("generalized", "CategoricalGeneralizedCrossEntropy", {}, "integer", "softmax", (6, 4)),
    Case("generalized_q", "CategoricalGeneralizedCrossEntropy", {"q": 0.9}, "integer", "softmax", (4, 5, 3)),
    Case("hinge", "Hinge", {}, "sign", "normal", (6, 3)),
    Case("hinge_binary", "Hinge", {}, "binary", "normal", (6, 3)),
    Case("squared_hinge", "SquaredHinge", {}, "sign", "normal", (6, 3)),
    Case("squared_hinge_binary", "SquaredHinge", {}, "binary", "normal", (4, 5, 2)),
    Case("categorical_hinge", "CategoricalHinge", {}, "one_hot", "normal", (6, 4)),
    Case("dice", "Dice", {}, "binary", "unit", (4, 5, 2)),
    Case("dice_rows", "Dice", {"axis": [1, 2]}, "binary", "unit", (4, 5, 2)),
    Case("dice_axis", "Dice", {"axis": -1}, "binary", "unit", (4, 5, 2)),
    Case("tversky", "Tversky", {}, "binary", "unit", (4, 5, 2)),
    Case("tversky_rows", "Tversky", {"alpha": 0.3, "beta": 0.7, "axis": [1, 2]}, "binary", "unit", (4, 5, 2)),
    Case("circle", "Circle", {}, "integer3", "sphere", (10, 5)),
    Case(
        "circle_mild", "Circle", {"gamma": 8.0, "margin": 0.25, "remove_diagonal": False}, "integer3", "ball", (10, 5)
    ),
    Case("circle_alone", "Circle", {"gamma": 10.0}, "singles", "sphere", (7, 5)),
    Case("ctc", "CTC", {}, "sequence", "normal", (4, 9, 5)),
    Case("ctc_long", "CTC", {}, "sequence", "wide", (3, 30, 4)),
    Case("auto_binary", "crossentropy", {}, "binary", "unit", (6, 1)),
    Case("auto_sparse", "crossentropy", {"from_logits": True}, "integer", "wide", (6, 4)),
    Case("auto_categorical", "crossentropy", {}, "one_hot", "softmax", (6, 4)),
]

# What Keras resolves `crossentropy` to for the labels of these cases; the reference script has no such class.
AUTOMATIC = {
    "auto_binary": "BinaryCrossentropy",
    "auto_sparse": "SparseCategoricalCrossentropy",
    "auto_categorical": "CategoricalCrossentropy",
}

NUMBERS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"]
REDUCTIONS = [*NUMBERS, "none"]


def make(case: Case, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    """(y_true, y_pred) of a case, the same numbers each time."""
    rng = np.random.default_rng([ord(letter) for letter in case.name])
    axis = case.options.get("axis", -1)
    axis = axis if isinstance(axis, int) and case.true in ("one_hot", "softmax") else -1
    y_true = labels(case.true, case.shape, axis, rng)
    y_pred = predictions(case.pred, case.shape, rng)
    if y_true.dtype.kind == "f":
        y_true = y_true.astype(dtype)
    return y_true, y_pred.astype(dtype)


def weights_for(case: Case, shape: tuple[int, ...]) -> np.ndarray:
    """One weight a value; for values without axes, one a row."""
    rng = np.random.default_rng([7, *(ord(letter) for letter in case.name)])
    return rng.uniform(0.2, 2.0, shape or case.shape[:1]).astype("float32")


def mask_for(case: Case) -> np.ndarray:
    """(N, T), with valid and masked entries in every row, one row wholly valid."""
    rng = np.random.default_rng([8, *(ord(letter) for letter in case.name)])
    mask = rng.random(case.shape[:2]) < 0.6
    mask[0] = True
    mask[:, 0] = True
    mask[1:, 1] = False
    return mask


def predictions(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    x = rng.normal(size=shape)
    if kind == "wide":
        return 4 * x
    if kind == "positive":
        return np.exp(0.7 * x)
    if kind == "unit":
        return rng.uniform(0.03, 0.97, shape)
    if kind == "softmax":
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    if kind in ("sphere", "ball"):
        return (1.0 if kind == "sphere" else 0.9) * x / np.linalg.norm(x, axis=-1, keepdims=True)
    assert kind == "normal", kind
    return x


def labels(kind: str, shape: tuple[int, ...], axis: int, rng: np.random.Generator) -> np.ndarray:
    if kind == "column":
        return rng.normal(size=shape[:-1])
    if kind in ("binary", "binary_column", "sign"):
        y = (rng.random(shape) < 0.5).astype(float)
        y = 2 * y - 1 if kind == "sign" else y
        return y[..., 0] if kind == "binary_column" else y
    if kind == "counts":
        return rng.poisson(3.0, shape).astype(float)
    if kind in ("integer", "integer_column"):
        y = rng.integers(0, shape[-1], shape[:-1])
        return y[..., None] if kind == "integer_column" else y
    if kind == "integer3":
        return rng.integers(0, 3, shape[:1])
    if kind == "singles":  # two rows of one class, every other row alone in its own
        return np.arange(shape[0]) - (np.arange(shape[0]) == 1)
    if kind == "one_hot":
        moved = np.moveaxis(np.zeros(shape), axis, -1).shape
        rows = np.eye(moved[-1])[rng.integers(0, moved[-1], moved[:-1])]
        return np.moveaxis(rows, -1, axis)
    if kind == "sequence":  # as long as the steps can hold, with neighbours that repeat, and an empty one
        width = shape[1] // 2
        y = np.zeros((shape[0], width), int)
        for row in range(shape[0] - 1):
            y[row, : width - row] = rng.integers(1, shape[2], width - row)
        y[0, :2] = 1
        return y
    return predictions(kind, shape, rng)
