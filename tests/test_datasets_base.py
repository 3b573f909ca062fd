"""Data in memory: shapes, classes, fingerprint, every refusal of `check`, text labels, the profile."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from seqnet.datasets import lazy
from seqnet.datasets.base import Data, Dataset, Split
from seqnet.datasets.labels import class_labels
from seqnet.datasets.profile import describe
from seqnet.errors import DataError

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 1, 2, 0, 1, 2])


def data(x=X, y=Y, **more) -> Data:
    weight = more.pop("sample_weight", None)
    return Data("toy", Split(x, y, weight), **more)


def with_value(array, index, value):
    changed = array.copy()
    changed[index] = value
    return changed


def test_shapes_and_lengths():
    images = data(np.zeros((6, 28, 28), np.uint8))
    assert images.input_shape == (28, 28)
    assert len(images.train) == 6
    assert list(images.splits) == ["train"]
    three = replace(images, test=Split(X), validation=Split(X))
    assert list(three.splits) == ["train", "validation", "test"]


def test_take_keeps_what_belongs_together():
    part = Split(X, Y, np.arange(6.0)).take(np.array([4, 1]))
    assert part.x.tolist() == [[8, 9], [2, 3]]
    assert part.y.tolist() == [1, 1] and part.sample_weight.tolist() == [4, 1]
    assert Split(X).take(np.array([0])).y is None


# y, task, classes
CLASSES = [
    (Y, None, 3),
    (Y[:, None], None, 3),
    (Y.astype(np.uint8), None, 3),
    (Y == 1, None, 2),
    (Y.astype(np.float32), None, None),  # real numbers unless the task says otherwise
    (Y.astype(np.float32), "classification", 3),
    (Y + 0.5, "classification", None),
    (Y, "regression", None),
    (np.eye(3)[Y], None, 3),
    (np.eye(3, dtype=np.uint8)[Y], None, 3),
    (np.array([[1, 0, 1], [0, 0, 0]]), None, 3),  # multi-hot
    (np.full((2, 4), 0.25), "classification", 4),  # probabilities
    (np.full((2, 4), 0.25), None, None),
    (np.array([[0, 4], [1, 2]]), None, 5),  # a label for each step
    (None, None, None),
    (np.array(["a", "b"]), None, None),
]


@pytest.mark.parametrize("y, task, classes", CLASSES)
def test_num_classes(y, task, classes):
    assert data(y=y, task=task).num_classes == classes


def test_num_classes_looks_at_every_split_and_at_the_names():
    assert data(test=Split(X, Y + 4)).num_classes == 7
    assert data(class_names=("a", "b", "c", "d")).num_classes == 4


def test_class_labels_forms():
    for form in (Y, Y[:, None], np.eye(3)[Y], Y.astype(np.uint8)):
        labels = class_labels(form)
        assert labels.tolist() == Y.tolist() and labels.dtype == np.int64
    assert class_labels(np.array([[1, 1], [0, 0]])) is None
    assert class_labels(Y.astype(np.float32)) is None
    assert class_labels(Y, "regression") is None
    assert class_labels(np.array(["a", "b"])) is None
    assert class_labels(np.array([[0, 4], [1, 2]])) is None  # a label for each step, not for each row
    assert class_labels(Y.astype(np.float32), "classification").tolist() == Y.tolist()


def test_fingerprint_is_sha256_over_names_dtypes_shapes_and_bytes():
    digest = hashlib.sha256()
    for name, array in (("train/x", X), ("train/y", Y)):
        digest.update(f"{name}/{array.dtype.str}/{array.shape}\n".encode() + array.tobytes())
    assert data().fingerprint() == digest.hexdigest()


def test_fingerprint_sees_every_difference_and_no_memory_layout():
    base = data().fingerprint()
    assert data(np.asfortranarray(X)).fingerprint() == base
    assert data(np.repeat(X, 2, axis=0)[::2]).fingerprint() == base
    others = [
        data(with_value(X, (5, 1), 11.5)),
        data(X.astype(np.float64)),
        data(X.reshape(6, 2, 1)),
        data(y=with_value(Y, 0, 1)),
        data(y=None),
        data(sample_weight=np.ones(6)),
        data(test=Split(X, Y)),
        data(validation=Split(X, Y)),
    ]
    assert len({base, *(other.fingerprint() for other in others)}) == 1 + len(others)
    with pytest.raises(DataError, match="Python objects"):
        data(np.array([1, None], dtype=object)).fingerprint()


GOOD = [
    data(),
    data(y=None),
    data(X[:, 0]),
    data(X.astype(np.uint8), Y.astype(np.uint8), task="classification"),
    data(y=Y.astype(np.float32), task="classification"),
    data(y=np.eye(3)[Y], task="classification"),
    data(y=np.eye(3)[Y] * 0.9 + 0.03, task="classification"),
    data(y=Y - 1),  # -1, 0, 1 are fine where nothing says that they are classes
    data(y=Y - 0.5, task="regression"),
    data(y=Y == 1, task="classification", sample_weight=np.ones(6, np.float32)),
    data(np.array([["red", "1"]] * 6)),
    data(np.array([["red", "1"]] * 6, dtype=object)),
    data(X > 3, Y, test=Split(X[:2], Y[:2]), class_names=("a", "b", "c"), task="classification"),
]


@pytest.mark.parametrize("good", GOOD)
def test_check_accepts(good):
    good.check()


NAN = with_value(X, (2, 1), np.nan)
MANY = with_value(with_value(NAN, (4, 0), np.inf), (5, 0), -np.inf)
RAGGED = np.array([[1, 2], [3]], dtype=object)

# name of the case, data, words of the message
BAD = [
    ("NaN", data(NAN), ["toy: x_train has 1 NaN (missing) value among 12", "row 2, column 1 (counted"]),
    ("NaN, named", data(NAN, feature_names=("age", "height")), ["row 2, column 1 (height)"]),
    ("both kinds", data(MANY), ["1 NaN (missing) and 2 infinite values", "the first is at row 2"]),
    (
        "beyond float32",
        data(with_value(X.astype(np.float64), (1, 0), -1e300)),
        ["1 too large (beyond 3.4e38) value among", "row 1, column 0", "divide these"],
    ),
    ("infinity", data(with_value(X, (0, 0), np.inf)), ["1 infinite value", "row 0, column 0"]),
    ("NaN in an image", data(np.full((6, 4, 4), np.nan)), ["96 NaN", "row 0, position [0, 0]"]),
    ("NaN in y", data(y=with_value(Y * 1.0, 3, np.nan)), ["y_train has 1 NaN", "row 3 (counted from 0)"]),
    ("NaN in the test part", data(test=Split(NAN, Y)), ["toy: x_test has 1 NaN"]),
    ("NaN in the validation part", data(validation=Split(NAN, Y)), ["toy: x_val has 1 NaN"]),
    ("lengths", data(y=Y[:5]), ["toy: x_train has 6 rows but toy: y_train has 5"]),
    ("lengths of weights", data(sample_weight=np.ones(7)), ["6 rows", "sample_weight_train has 7"]),
    ("NaN weight", data(sample_weight=np.full(6, np.nan)), ["sample_weight_train has 6 NaN"]),
    ("no rows", data(X[:0], Y[:0]), ["x_train has no rows (shape (0, 2))"]),
    ("no columns", data(X[:, :0]), ["rows without content"]),
    ("a single number", data(np.float32(3)[()] + np.zeros(())), ["single value", "shape (rows, …)"]),
    ("objects", data(RAGGED), ["Python objects", "list", "np.array(rows, dtype='float32')"]),
    ("text in a part of x", data(test=Split(np.array([["red", "1"]]), Y[:1])), ["x_test and x_train must be alike"]),
    ("text among objects", data(np.array([["red", 1]] * 6, dtype=object)), ["Python objects", "the first is a str"]),
    ("text in y", data(y=np.array(list("abcabc"))), ["y_train holds text ('a')"]),
    ("text objects in y", data(y=np.array(list("abcabc"), dtype=object)), ["y_train holds text ('a')"]),
    ("dates", data(np.array(["2024-01-01"] * 6, dtype="datetime64[D]")), ["holds dates"]),
    ("complex", data(X * 1j), ["complex numbers"]),
    ("records", data(np.zeros(6, dtype=[("a", "f4"), ("b", "f4")])), ["has dtype [('a'"]),
    ("rows of another shape", data(test=Split(X[:, :1], Y)), ["x_test has rows of shape (1,)", "x_train", "(2,)"]),
    ("targets of another shape", data(test=Split(X, np.eye(3)[Y])), ["y_test has rows of shape (3,)", "()"]),
    ("negative label", data(y=Y - 1, task="classification"), ["label -1 at row 0", "count from 0"]),
    ("labels -1 and 1", data(y=(Y > 0) * 2 - 1, task="classification"), ["label -1", "(y + 1) // 2"]),
    ("broken label", data(y=Y + 0.5, task="classification"), ["label 0.5 at row 0", "whole numbers", "mse"]),
    (
        "label beyond the names",
        data(class_names=("a", "b"), task="classification"),
        ["label 2 at row 2", "2 class names", "from 0 to 1"],
    ),
]


@pytest.mark.parametrize("bad, words", [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_check_refuses(bad, words):
    with pytest.raises(DataError) as caught:
        bad.check()
    for word in words:
        assert word in str(caught.value)


def test_check_counts_across_chunks(monkeypatch):
    monkeypatch.setattr(lazy, "BLOCK", 4)  # two rows a chunk
    with pytest.raises(
        DataError, match=r"1 NaN \(missing\) and 2 infinite values among 12; the first is at row 2, col"
    ):
        data(MANY).check()


def test_load_data_needs_a_test_part():
    class Untested(Dataset):
        def load(self) -> Data:
            return data()

    with pytest.raises(DataError, match="Untested has no labelled test part"):
        Untested.load_data()


# labels as text in the forms they come in
TEXTS = [
    np.array(["cat", "dog", "ant"] * 2),
    np.array([["cat"], ["dog"], ["ant"]] * 2),
    np.array(["cat", "dog", "ant"] * 2, dtype=object),
    np.array([b"cat", b"dog", b"ant"] * 2),
]


@pytest.mark.parametrize("y", TEXTS)
def test_text_labels_become_numbers(y):
    made = data(y=y, test=Split(X[:2], y[1:3]), validation=Split(X[:1], y[:1])).encoded()
    assert made.class_names == ("ant", "cat", "dog")
    assert made.train.y.tolist() == [1, 2, 0, 1, 2, 0]
    assert made.test.y.tolist() == [2, 0] and made.validation.y.tolist() == [1]
    assert made.train.y.dtype == made.test.y.dtype == np.int64
    assert made.task == "classification" and made.num_classes == 3
    made.check()


def test_text_labels_without_further_targets():
    made = data(y=TEXTS[0], test=Split(X)).encoded()
    assert made.test.y is None and made.train.y is not None
    numbers = data()
    assert numbers.encoded() is numbers


# y_train, y_test, words of the message
BAD_TEXTS = [
    (TEXTS[0], np.array(["cat", "dgo"]), ["y_test has the class 'dgo' (row 1", "did you mean dog?"]),
    (TEXTS[0], np.array(["zebra"]), ["'zebra'", "known: ant, cat, dog"]),
    (TEXTS[0], np.array([1, 2]), ["y_train holds text but y_test holds int64"]),
    (np.array([["a", "b"]] * 6), None, ["array of shape (6, 2)", "one class name a row"]),
    (np.array([b"\xff"] * 6), None, ["no UTF-8 text"]),
]


@pytest.mark.parametrize("train, test, words", BAD_TEXTS)
def test_text_labels_refused(train, test, words):
    with pytest.raises(DataError) as caught:
        data(y=train, test=None if test is None else Split(X[: len(test)], test)).encoded()
    for word in words:
        assert word in str(caught.value)


def test_profile_of_a_classification():
    made = data(
        test=Split(X[:2], Y[:2]), task="classification", class_names=("a", "b", "c"), feature_names=("left", "right")
    )
    assert describe(made) == {
        "name": "toy",
        "task": "classification",
        "rows": {"train": 6, "test": 2},
        "input_shape": [2],
        "dtype": "float32",
        "range": {"min": 0.0, "max": 11.0, "mean": 5.5},
        "vocabulary": None,
        "features": [
            {"name": "left", "min": 0.0, "max": 10.0, "mean": 5.0},
            {"name": "right", "min": 1.0, "max": 11.0, "mean": 6.0},
        ],
        "target": {"shape": [], "dtype": "int64"},
        "classes": [
            {"label": 0, "name": "a", "rows": {"train": 2, "test": 1}},
            {"label": 1, "name": "b", "rows": {"train": 2, "test": 1}},
            {"label": 2, "name": "c", "rows": {"train": 2, "test": 0}},
        ],
        "sample_weight": False,
    }


def test_profile_of_other_forms():
    images = describe(data(np.full((6, 4, 4), 200, np.uint8), np.eye(3)[Y]))
    assert images["range"] == {"min": 200, "max": 200, "mean": 200.0} and images["features"] is None
    assert [entry["rows"]["train"] for entry in images["classes"]] == [2, 2, 2]
    regression = describe(data(y=Y + 0.5, sample_weight=np.ones(6)))
    assert regression["classes"] is None and regression["sample_weight"] is True
    assert regression["target"]["range"] == {"min": 0.5, "max": 2.5, "mean": 1.5}
    assert regression["features"][1]["name"] == "1"
    several = describe(data(X[:2], np.array([[1, 0, 1], [0, 0, 1]])))
    assert [entry["rows"]["train"] for entry in several["classes"]] == [1, 0, 2]
    assert describe(data(y=None))["target"] is None
    prices = describe(data(y=Y * 100000))  # whole numbers, but no classes
    assert prices["classes"] is None and prices["target"]["range"]["max"] == 200000
    assert describe(data(y=Y - 1))["classes"] is None
    for profile in (images, regression, several, prices):
        json.dumps(profile)
