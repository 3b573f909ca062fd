"""What a target array says about classes: which form the labels have, how many classes, text turned into numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from seqnet.errors import DataError, suggestion

Array: TypeAlias = npt.NDArray[Any]
Task: TypeAlias = Literal["classification", "regression"]


def is_text(array: Array) -> bool:
    """Whether every entry is a string; pandas hands strings over as an object array."""
    if array.dtype.kind == "O":
        return array.size > 0 and all(isinstance(item, str) for item in array.flat)
    return array.dtype.kind in "UST"


def is_whole(array: Array) -> bool:
    """Whether every entry is a whole number, whatever the dtype; false for NaN and infinity."""
    if array.dtype.kind in "biu":
        return True
    return array.dtype.kind == "f" and bool(np.all(np.isfinite(array) & (array == np.floor(array))))


def has_class_columns(y: Array) -> bool:
    """Whether y is (N, K) with K > 1 and entries of 0 and 1: one-hot or multi-hot."""
    if y.ndim != 2 or y.shape[1] < 2 or y.shape[0] == 0:
        return False
    return bool(np.all((y == 0) | (y == 1)))


def class_labels(y: Array, task: Task | None = None) -> Array | None:
    """One int64 label a row, (N,), from integer labels (N,) or (N, 1) or from one-hot rows (N, K).

    None where y holds no classes: more than one number a row, or real numbers. Whole numbers stored as floats count
    as labels only where `task` says classification, since regression targets look the same.
    """
    if task == "regression" or y.dtype.kind not in "biuf":
        return None
    if has_class_columns(y):
        return y.argmax(axis=1) if bool(np.all(y.sum(axis=1) == 1)) else None
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        return None
    if y.dtype.kind == "f":
        return y.astype(np.int64) if task == "classification" and is_whole(y) else None
    return y.astype(np.int64)


def count_classes(targets: Sequence[Array], task: Task | None = None) -> int | None:
    """How many classes the target arrays of all splits speak of; None where they hold no classes."""
    if task == "regression" or not targets or any(y.size == 0 or y.dtype.kind not in "biuf" for y in targets):
        return None
    if all(has_class_columns(y) for y in targets):
        return int(targets[0].shape[1])
    if targets[0].ndim == 2 and targets[0].shape[1] > 1 and targets[0].dtype.kind == "f":
        return int(targets[0].shape[1]) if task == "classification" else None  # probabilities for each class
    if all(y.dtype.kind in "biu" or (task == "classification" and is_whole(y)) for y in targets):
        return max(int(y.max()) for y in targets) + 1
    return None


def encode_text(train: Array, others: dict[str, Array], where: str) -> tuple[tuple[str, ...], Array, dict[str, Array]]:
    """Text labels as integers 0 … K-1 in alphabetical order of the class names.

    train: the training labels, (N,) or (N, 1); others: those of further splits by name. Returns the class names and
    the integer labels. Raises DataError for a label that no training row has.
    """
    names, codes = np.unique(_flat_text(train, where), return_inverse=True)
    known = tuple(str(name) for name in names)
    encoded: dict[str, Array] = {}
    for label, array in others.items():
        texts = _flat_text(array, label)
        places = np.minimum(np.searchsorted(names, texts), len(names) - 1)
        strange = np.flatnonzero(names[places] != texts)
        if len(strange):
            first = str(texts[strange[0]])
            raise DataError(
                f"{label} has the class {first!r} (row {strange[0]}, counted from 0) that no training row has; "
                f"{suggestion(first, known)}"
            )
        encoded[label] = places.astype(np.int64)
    return known, codes.astype(np.int64), encoded


def numbered_as(known: Sequence[str], names: Sequence[str], y: Array, where: str, unknown: str) -> Array:
    """Targets whose classes are numbered by `names`, numbered by `known`: other rows may lack some of the classes.

    y: (N,) or (N, 1) integers, or (N, K) one-hot. unknown: what a message says of a class that is not known.
    Raises DataError for such a class.
    """
    if tuple(names) == tuple(known) or y.ndim > 2:
        return y
    strange = [name for name in names if name not in known]
    if strange:
        raise DataError(f"{where} has the class {strange[0]!r}, which {unknown}: {', '.join(known)}")
    numbers = np.array([list(known).index(name) for name in names])
    if y.ndim == 1 or y.shape[1] == 1:
        renumbered: Array = numbers[y.astype(np.int64)]
        return renumbered
    columns = np.zeros((len(y), len(known)), y.dtype)
    columns[:, numbers] = y
    return columns


def _flat_text(array: Array, where: str) -> Array:
    if array.ndim > 2 or (array.ndim == 2 and array.shape[1] != 1):
        raise DataError(
            f"{where} holds text in an array of shape {array.shape}; text labels need one class name a row, shape "
            f"({len(array)},)"
        )
    if array.dtype.kind == "S":
        try:
            return np.char.decode(array.reshape(-1), "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{where} holds bytes that are no UTF-8 text ({error.reason}); save the names as str"
            ) from None
    return array.reshape(-1).astype(str)
