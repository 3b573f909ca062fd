"""What `seqnet data info` says about data: sizes, ranges, classes and how many rows each has."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqnet.datasets.base import Data
from seqnet.datasets.labels import Array, class_labels, has_class_columns, is_text

FEATURES = 200  # more columns than this are pixels or the like, not worth a line each
CLASSES = 1000  # whole numbers beyond this are quantities rather than labels, unless the task says otherwise


def describe(data: Data) -> dict[str, Any]:
    """A profile of checked data as plain numbers, strings, lists and mappings, fit for JSON.

    name, task, rows (by split), input_shape, dtype, range (min, max, mean of the training inputs; of texts, whose dtype
    is "text", the same of their lengths in characters), vocabulary (how many words or letters the numbers stand for) or
    None, features (the range of each column of a table, with its name), target (shape of a row, dtype, for a regression
    also the range of the training rows), classes (label, name, rows by split) or None, sample_weight (whether there are
    weights).
    """
    splits = data.splits
    x, y = data.train.x, data.train.y
    profile: dict[str, Any] = {
        "name": data.name,
        "task": data.task,
        "rows": {name: len(split) for name, split in splits.items()},
        "input_shape": list(data.input_shape),
        "dtype": "text" if is_text(x) else x.dtype.name,
        "range": _lengths(x) if is_text(x) else _range(x),
        "vocabulary": None if data.vocabulary is None else len(data.vocabulary),
        "features": None,
        "target": None,
        "classes": _classes(data),
        "sample_weight": data.train.sample_weight is not None,
    }
    if x.ndim == 2 and x.shape[1] <= FEATURES and data.vocabulary is None and not is_text(x):
        names = data.feature_names or [str(column) for column in range(x.shape[1])]
        profile["features"] = [{"name": name, **_range(x[:, column])} for column, name in enumerate(names)]
    if y is not None:
        profile["target"] = {"shape": list(y.shape[1:]), "dtype": y.dtype.name}
        if profile["classes"] is None:
            profile["target"]["range"] = _range(y)
    return profile


def _lengths(texts: Array) -> dict[str, float]:
    lengths = np.fromiter((len(text) for text in texts.flat), np.int64, texts.size)
    return _range(lengths)


def _range(array: Array) -> dict[str, float]:
    return {"min": array.min().item(), "max": array.max().item(), "mean": float(array.mean(dtype=np.float64))}


def _classes(data: Data) -> list[dict[str, Any]] | None:
    number = data.num_classes
    if number is None or (data.task is None and number > CLASSES):
        return None
    counts = {
        name: rows
        for name, split in data.splits.items()
        if split.y is not None and (rows := _rows_by_class(split.y, number, data)) is not None
    }
    if "train" not in counts:
        return None
    return [
        {
            "label": label,
            "name": data.class_names[label] if data.class_names else str(label),
            "rows": {name: int(rows[label]) for name, rows in counts.items()},
        }
        for label in range(number)
    ]


def _rows_by_class(y: Array, number: int, data: Data) -> Array | None:
    labels = class_labels(y, data.task)
    if labels is not None:
        return np.bincount(labels, minlength=number) if labels.min() >= 0 else None
    return np.asarray(y.sum(axis=0)) if has_class_columns(y) else None  # multi-hot: a row counts for several classes
