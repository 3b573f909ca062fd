"""What losses say of labels that can't train: a row a mistake, each with the words a person needs."""

from __future__ import annotations

import numpy as np
import pytest

from seqnet import losses
from seqnet.errors import DataError

TEN = np.arange(20) % 10
ROWS = np.eye(10)[TEN]
TWO = TEN % 2
LABELS = [
    ("categorical_crossentropy", TEN, (10,), None, "integers 0..9, shape (N,), but categorical_crossentropy expects"),
    ("categorical_crossentropy", TEN, (10,), None, "use sparse_categorical_crossentropy, or data.one_hot: true"),
    ("categorical_crossentropy", TEN[:, None], (10,), None, "shape (N, 1)"),
    ("categorical_crossentropy", ROWS, (3,), None, "rows of 10, but the model has 3 outputs: set units: 10"),
    ("categorical_crossentropy", TWO, (1,), 2, "use binary_crossentropy with a sigmoid, or Dense units: 2"),
    ("categorical_crossentropy", TEN, (1,), 10, "set Dense units: 10"),
    ("categorical_crossentropy", ROWS + ROWS[::-1], (10,), None, "label row 0 adds up to 2"),
    ("categorical_crossentropy", 2 * ROWS, (10,), None, "run from 0 to 2"),
    ("categorical_crossentropy", ROWS, (10,), 10, None),
    ("categorical_hinge", TEN, (10,), None, "set data.one_hot: true"),
    ("sparse_categorical_crossentropy", ROWS, (10,), None, "one-hot rows of 10, shape (N, 10), but"),
    ("sparse_categorical_crossentropy", TEN + 2, (10,), None, "has 10 outputs but the largest label is 11"),
    ("sparse_categorical_crossentropy", TEN + 2, (10,), None, "Dense units must be at least 12"),
    ("sparse_categorical_crossentropy", TEN - 1, (10,), None, "the smallest label is -1, but labels run from 0 to 9"),
    ("sparse_categorical_crossentropy", TEN, (1,), 10, "set Dense units: 10"),
    ("sparse_categorical_crossentropy", TWO, (1,), 2, "use binary_crossentropy with a sigmoid, or Dense units: 2"),
    ("sparse_categorical_crossentropy", TWO, (2,), 5, "the data have 5 classes: Dense units must be 5"),
    ("sparse_categorical_crossentropy", TEN + 0.5, (10,), None, "the label in row 0 is 0.5, but"),
    ("sparse_categorical_crossentropy", TEN, (), None, "one number a row"),
    (
        "sparse_categorical_crossentropy",
        np.zeros((20, 6), int),
        (7, 10),
        None,
        "one integer for each prediction, (N, 7)",
    ),
    ("sparse_categorical_crossentropy", np.zeros((20, 7), int), (7, 10), None, None),
    ("sparse_categorical_crossentropy", np.zeros((20, 7), int), (None, 10), None, None),
    ("sparse_categorical_crossentropy", np.array(["cat", "dog"]), (10,), None, "not numbers ('cat', 'dog'"),
    ("sparse_categorical_crossentropy", np.array([1, np.nan]), (10,), None, "the label in row 1 is nan"),
    ("sparse_categorical_crossentropy", TEN.astype(float), (10,), 10, None),
    ("binary_crossentropy", TEN, (1,), 10, "run from 0 to 9, but binary_crossentropy expects 0 or 1; use sparse_"),
    ("binary_crossentropy", TEN, (10,), 10, "compares each of the 10 outputs with a label of its own"),
    ("binary_crossentropy", 2 * TWO - 1, (1,), 2, "write 0 for it, or use hinge"),
    ("binary_crossentropy", ROWS, (1,), 10, "Dense units must be 10"),
    ("binary_crossentropy", TEN * 1.5, (1,), None, "for real values use mean_squared_error"),
    ("binary_crossentropy", TWO, (1,), 7, "7 classes, but binary_crossentropy on 1 output tells 2 apart"),
    ("binary_crossentropy", TWO, (1,), 2, None),
    ("binary_crossentropy", ROWS, (10,), 10, None),
    ("hinge", TEN, (1,), None, "expects -1 or 1 (or 0 or 1); use categorical_hinge"),
    ("hinge", 2 * TWO - 1, (1,), 2, None),
    ("mse", TEN, (10,), None, "end in Dense units: 1, or for classes use sparse_categorical_crossentropy"),
    ("mse", ROWS, (1,), None, "rows of 10, but the model has 1 output: Dense units must be 10"),
    ("mse", ROWS[:, :1], (10,), None, "single numbers, but the model has 10 outputs"),
    ("mse", np.zeros((20, 4, 5)), (10,), None, "compares them one by one"),
    ("mse", TEN, (1,), None, None),
    ({"SparseCategoricalCrossentropy": {"axis": 1}}, TEN, (10,), 10, None),
    ({"SparseCategoricalCrossentropy": {"axis": 1}}, TEN, (4,), 3, "has 4 outputs but the largest label is 9"),
    ({"SparseCategoricalCrossentropy": {"axis": 1}}, np.zeros((20, 7), int), (10, 7), None, None),
    ({"SparseCategoricalCrossentropy": {"axis": 2}}, TEN, (10,), 10, "told axis 2, but the last layer gives (N, 10)"),
    ({"SparseCategoricalCrossentropy": {"axis": 0}}, TEN, (10,), 10, "axis must be -1 or 1"),
    ({"CategoricalCrossentropy": {"axis": -2}}, ROWS, (10,), 10, "told axis -2"),
    ({"BinaryCrossentropy": {"axis": 3}}, TWO, (1,), 2, "told axis 3"),
    ({"CosineSimilarity": {"axis": 3}}, np.zeros((20, 4, 5)), (4, 5), None, "axis must be -1 or 1 or 2"),
    ("mse", TEN[:, None], (), None, None),
    ("poisson", TEN - 3, (1,), None, "poisson takes no label below 0"),
    ("circle", ROWS, (32,), None, "expects one integer a row"),
    ("circle", TEN, (4, 32), None, "add Flatten"),
    ("circle", TEN + 100, (32,), None, None),
    ("ctc", TEN, (7, 10), None, "one sequence of integers a row, (N, L)"),
    ("ctc", np.array([[1, 0, 3]]), (7, 10), None, "has a 0 before its end"),
    ("ctc", np.array([[1, 1, 1]]), (4, 10), None, "label row 0 needs 5 time steps, but the model has 4"),
    ("ctc", np.array([[1, 13]]), (9, 10), None, "Dense units must be at least 14"),
    ("ctc", np.array([[1, 9, 9]]), (4, 10), None, None),
    ("dice", np.zeros((20, 8, 8)), (8, 8, 1), None, None),
    ("dice", np.zeros((20, 8, 9)), (8, 8, 1), None, "dice compares them one by one"),
    ("crossentropy", TEN + 3, (10,), None, "sparse_categorical_crossentropy has 10 outputs"),
]


@pytest.mark.parametrize(("name", "y_true", "outputs", "classes", "says"), LABELS)
def test_label_problems(
    name: str, y_true: np.ndarray, outputs: tuple[int, ...], classes: int | None, says: str | None
) -> None:
    loss = losses.get(name)
    problem = loss.label_problem(y_true, outputs, classes)
    if says is None:
        assert problem is None
        loss.check_labels(y_true, outputs, classes)
    else:
        assert problem is not None and says in problem
        with pytest.raises(DataError):
            loss.check_labels(y_true, outputs, classes)


def test_ignored_labels_are_no_problem() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    assert loss.label_problem(TEN - 1, (10,)) is None
    assert "nothing to learn" in loss.label_problem(np.full(4, -1), (10,))


def test_what_losses_expect() -> None:
    expected = {
        "mse": ("values", "real"), "bce": ("probabilities", "binary"), "hinge": ("margins", "binary"),
        "categorical_crossentropy": ("probabilities", "one_hot"), "ctc": ("logits", "integer"),
        "sparse_categorical_crossentropy": ("probabilities", "integer"), "circle": ("values", "integer"),
    }  # fmt: skip
    for name, (scores, labels) in expected.items():
        assert (losses.get(name).expects, losses.get(name).labels) == (scores, labels)
    assert losses.BinaryCrossentropy(from_logits=True).expects == "logits"
