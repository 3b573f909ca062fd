"""Rows that count more than others: weights in the loss, by class, and rows that are drawn more often."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Choice, Either, MappingOf, Number
from seqnet.errors import DataError, ShapeError

BALANCED = "balanced"
CLASS_WEIGHTS = MappingOf(Number(whole=True, ge=0), Number(ge=0))
CLASS_WEIGHT = Either((Choice((BALANCED,)), CLASS_WEIGHTS))


def row_classes(y: Array, what: str) -> Array:
    """The class of each row, (N,), from integer labels (N,) or (N, 1) or from one-hot rows (N, K).

    Numbers between the integers are rounded, as Keras does. what: the option that asks, for messages.
    Raises ShapeError where there is more than one class a row, DataError for labels below 0.
    """
    labels = y
    if labels.ndim == 2:
        labels = labels[:, 0] if labels.shape[1] == 1 else np.argmax(labels, axis=1)
    if labels.ndim != 1:
        raise ShapeError(f"{what} needs one class a row, but the labels have shape {y.shape}")
    labels = np.rint(labels).astype(np.int64)
    if labels.size and labels.min() < 0:
        raise DataError(f"{what} needs classes counted from 0, but there is a label {labels.min()}")
    return labels


def class_weights(weights: Mapping[int, float] | str, y: Array, what: str = "class_weight") -> Array:
    """One weight a row from one a class, (N,) float32; classes without a weight count 1.

    "balanced" gives rows / (classes * rows of the class), as scikit-learn does, so that the weights average 1.
    """
    labels = row_classes(y, what)
    if isinstance(weights, str):
        classes, counts = np.unique(labels, return_counts=True)
        weights = {int(c): len(labels) / (len(classes) * int(n)) for c, n in zip(classes, counts, strict=True)}
    table: Array = np.ones(max(int(labels.max(initial=0)), *weights, 0) + 1, np.float32)
    for label, weight in weights.items():
        table[int(label)] = weight
    found: Array = table[labels]
    return found


def sampling_weights(weights: Array, what: str = "weighted_sampling") -> Array:
    """How often each row is drawn, relative to the others: (N,) float64. Raises ShapeError, DataError."""
    found = np.asarray(weights, np.float64)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        raise ShapeError(f"{what} needs one weight a row, got an array of shape {np.shape(weights)}")
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if bad.size:
        raise DataError(f"{what} needs weights >= 0, but that of row {bad[0]} (counted from 0) is {found[bad[0]]:g}")
    if found.size and not found.any():
        raise DataError(f"{what} needs a weight > 0 for some row, but all are 0")
    return found


def draw_rows(weights: Array, rng: np.random.Generator) -> Array:
    """As many rows as there are, drawn with replacement in proportion to their weights: (N,) row numbers.

    The same as PyTorch's WeightedRandomSampler(weights, len(weights)).
    """
    drawn: Array = rng.choice(len(weights), len(weights), p=weights / weights.sum())
    return drawn
