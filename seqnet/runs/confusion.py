"""What a classifier takes for what: predictions over rows, counted class by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets.base import Split
from seqnet.datasets.labels import class_labels, has_class_columns
from seqnet.models.sequential import Sequential
from seqnet.runs.opening import chosen_classes, is_classifier


@dataclass(frozen=True)
class Confusion:
    """matrix[i, j], (K, K) int64: how many rows of class i were taken for class j. classes: the K names."""

    classes: tuple[str, ...]
    matrix: Array

    def per_class(self) -> list[dict[str, Any]]:
        """class, precision = TP / (TP + FP), recall = TP / (TP + FN), f1 = 2 TP / (2 TP + FP + FN), and support, the
        rows of the class; 0 where nothing is there to divide by."""
        hits, taken, there = np.diag(self.matrix), self.matrix.sum(axis=0), self.matrix.sum(axis=1)
        return [_scores(*counts) for counts in zip(self.classes, hits, taken, there, strict=True)]


def _scores(name: str, hit: int, taken: int, there: int) -> dict[str, Any]:
    """Of a class: rows rightly taken for it, rows taken for it, and rows that are of it."""
    return {
        "class": name,
        "precision": int(hit) / int(taken) if taken else 0.0,
        "recall": int(hit) / int(there) if there else 0.0,
        "f1": 2 * int(hit) / int(taken + there) if taken + there else 0.0,
        "support": int(there),
    }


def confusion_matrix(labels: Array, chosen: Array, classes: int) -> Array:
    """matrix[i, j], (classes, classes): the rows whose label is i and whose chosen class is j; both (N,), from 0."""
    pairs = labels.astype(np.int64) * classes + chosen
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def true_classes(y: Array | None) -> Array | None:
    """The class of each row, (N,) from 0; -1 and 1, as hinge losses have them, are 0 and 1. None without classes."""
    labels = None if y is None else class_labels(y, "classification")
    if labels is None or not labels.size or labels.min() >= 0:
        return labels
    return (labels + 1) // 2 if bool(np.all(abs(labels) == 1)) else None


def confuse(
    model: Sequential,
    rows: Split,
    *,
    names: Sequence[str] | None = None,
    batch_size: int = 256,
    outputs: Array | None = None,
) -> Confusion | None:
    """Predict the rows, in inference mode, and count; None where rows or model know no classes, one a row.

    names: of the classes; numbers stand for them where they are not as many as the model's classes. outputs: the
    model's for these rows, where they are known already.
    """
    labels = true_classes(rows.y)
    if labels is None:
        return None
    outputs = model.predict(rows.x, batch_size, 0) if outputs is None else outputs
    if not is_classifier(model.loss, outputs):
        return None
    classes = max(2, outputs.shape[1])
    known = tuple(names) if names and len(names) == classes else tuple(str(i) for i in range(classes))
    return Confusion(known, confusion_matrix(labels, chosen_classes(model.loss, outputs), classes))


def per_label(
    model: Sequential,
    rows: Split,
    *,
    names: Sequence[str] | None = None,
    batch_size: int = 256,
    outputs: Array | None = None,
) -> list[dict[str, Any]] | None:
    """Where a row may have several labels at once, y (N, K) of 0 and 1: the numbers of Confusion.per_class for each.

    A label is taken where its output is above 1/2, or above 0 for a loss on logits. None for other rows or models.
    """
    loss, y = model.loss, rows.y
    if y is None or loss is None or not has_class_columns(y):
        return None
    binary = loss.labels == "binary" or (loss.spec_name == "crossentropy" and bool(np.any(y.sum(axis=1) != 1)))
    if not binary:
        return None
    outputs = model.predict(rows.x, batch_size, 0) if outputs is None else outputs
    if outputs.shape != y.shape:
        return None
    taken = outputs > (0.0 if loss.expects in ("logits", "margins") else 0.5)
    there = y.astype(bool)
    known = names if names and len(names) == y.shape[1] else [str(i) for i in range(y.shape[1])]
    counts = zip(known, (taken & there).sum(axis=0), taken.sum(axis=0), there.sum(axis=0), strict=True)
    return [_scores(*one) for one in counts]
