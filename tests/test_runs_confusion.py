"""Confusion matrices: values of scikit-learn, one-hot and integer labels, one output or several, no classes at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnet import Sequential, layers
from seqnet.datasets.base import Split
from seqnet.runs.confusion import Confusion, confuse, confusion_matrix

# scikit-learn 1.9.1: labels and predictions, confusion_matrix(y, p, labels=range(4)), and
# precision_recall_fscore_support(y, p, labels=range(4), zero_division=0). Class 3 is never there and never predicted.
LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
CHOSEN = np.array([0, 0, 1, 2, 1, 1, 0, 0, 0, 1])
MATRIX = [[2, 1, 1, 0], [1, 2, 0, 0], [2, 1, 0, 0], [0, 0, 0, 0]]
PER_CLASS = [(0.4, 0.5, 4 / 9, 4), (0.5, 2 / 3, 4 / 7, 3), (0.0, 0.0, 0.0, 3), (0.0, 0.0, 0.0, 0)]


def test_the_matrix_and_the_values_are_scikit_learns() -> None:
    matrix = confusion_matrix(LABELS, CHOSEN, 4)
    assert matrix.tolist() == MATRIX
    for row, expected in zip(Confusion(tuple("abcd"), matrix).per_class(), PER_CLASS, strict=True):
        assert [row["precision"], row["recall"], row["f1"], row["support"]] == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_the_matrix_counts_every_pair(pairs: list[tuple[int, int]]) -> None:
    labels, chosen = np.array(pairs, np.uint8).T
    matrix = confusion_matrix(labels, chosen, 5)
    assert all(matrix[i, j] == pairs.count((i, j)) for i in range(5) for j in range(5))


def passing(loss: str, x: Any) -> Sequential:
    """A model whose outputs are its inputs."""
    model = Sequential([layers.Identity(input_shape=x.shape[1:])])
    model.compile(optimizer="sgd", loss=loss)
    return model


ONE_HOT = np.eye(3, dtype=np.float32)
SURE = np.array([[0.1, 0.8, 0.1], [0.7, 0.2, 0.1], [0.2, 0.2, 0.6], [0.4, 0.3, 0.3]], np.float32)  # 1, 0, 2, 0
THREE = [[1, 0, 0], [1, 1, 0], [0, 0, 1]]  # with the labels 1, 0, 2, 1
LOGIT = np.array([[0.2], [-0.2], [0.7], [-3.0]], np.float32)  # 1, 0, 1, 0 as logits; 0, 0, 1, 0 as probabilities
CASES: dict[str, tuple[str, Any, Any, list[list[int]]]] = {
    "integers": ("sparse_categorical_crossentropy", SURE, np.array([1, 0, 2, 1]), THREE),
    "column": ("sparse_categorical_crossentropy", SURE, np.array([[1], [0], [2], [1]]), THREE),
    "one-hot": ("categorical_crossentropy", SURE, ONE_HOT[[1, 0, 2, 1]], THREE),
    "binary": ("binary_crossentropy", np.clip(LOGIT, 0.01, 0.99), np.array([1, 0, 1, 1]), [[1, 0], [2, 1]]),
    "hinge": ("hinge", LOGIT, np.array([1, 0, 1, 1]), [[1, 0], [1, 2]]),
    "hinge of -1 and 1": ("hinge", LOGIT, np.array([1, -1, 1, 1]), [[1, 0], [1, 2]]),
}


@pytest.mark.parametrize("name", CASES)
def test_every_form_of_labels(name: str) -> None:
    loss, x, y, expected = CASES[name]
    found = confuse(passing(loss, x), Split(x, y), batch_size=3)
    assert found is not None
    assert found.matrix.tolist() == expected
    assert found.classes == tuple("012"[: len(expected)])


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("mse", np.array([0, 1, 2, 0])),  # a regression on whole numbers
        ("sparse_categorical_crossentropy", None),
        ("binary_crossentropy", ONE_HOT[[0, 1, 2, 0]]),  # several yes and no a row
        ("sparse_categorical_crossentropy", np.array([0, -1, 2, 0])),  # one row is of no class
        ("categorical_crossentropy", SURE / SURE.sum(axis=1, keepdims=True)),  # soft labels
    ],
)
def test_without_classes_there_is_none(loss: str, y: Any) -> None:
    assert confuse(passing(loss, SURE), Split(SURE, y)) is None


def test_names_count_where_they_are_as_many_as_the_classes() -> None:
    model = passing("sparse_categorical_crossentropy", SURE)
    rows = Split(SURE, np.array([1, 0, 2, 1]))
    for names, expected in [(("a", "b", "c"), ("a", "b", "c")), (["a", "b"], ("0", "1", "2")), (None, ("0", "1", "2"))]:
        found = confuse(model, rows, names=names)
        assert found is not None and found.classes == expected
