"""What `seqnet data info` says about data: sizes, ranges, classes and how many rows each has."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqnet.datasets.base import Data
from seqnet.datasets.labels import Array, class_labels, has_class_columns, is_text
from seqnet.datasets.lazy import blocks

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
    spread = _spread(_lengths(x) if is_text(x) else x)
    profile: dict[str, Any] = {
        "name": data.name,
        "task": data.task,
        "rows": {name: len(split) for name, split in splits.items()},
        "input_shape": list(data.input_shape),
        "dtype": "text" if is_text(x) else x.dtype.name,
        "range": _whole(spread),
        "vocabulary": None if data.vocabulary is None else len(data.vocabulary),
        "features": None,
        "target": None,
        "classes": _classes(data),
        "sample_weight": data.train.sample_weight is not None,
    }
    if x.ndim == 2 and x.shape[1] <= FEATURES and data.vocabulary is None and not is_text(x):
        names = data.feature_names or [str(column) for column in range(x.shape[1])]
        ranges = [{name: values[column].item() for name, values in spread.items()} for column in range(x.shape[1])]
        profile["features"] = [{"name": name, **values} for name, values in zip(names, ranges, strict=True)]
    if y is not None:
        profile["target"] = {"shape": list(y.shape[1:]), "dtype": y.dtype.name}
        if profile["classes"] is None:
            profile["target"]["range"] = _whole(_spread(y))
    return profile


def _lengths(texts: Array) -> Array:
    return np.fromiter((len(text) for text in texts.flat), np.int64, texts.size)


def _spread(array: Array) -> dict[str, Array]:
    """min, max and mean of each number of a row, block by block, since the rows may be more than memory holds."""
    low: Array | None = None
    for _, rows in blocks(array):
        least, most, total = rows.min(axis=0), rows.max(axis=0), rows.sum(axis=0, dtype=np.float64)
        if low is None:
            low, high, sums = least, most, total
        else:
            low, high, sums = np.minimum(low, least), np.maximum(high, most), sums + total
    assert low is not None, "checked data have rows"
    return {"min": np.asarray(low), "max": np.asarray(high), "mean": np.asarray(sums / len(array))}


def _whole(spread: dict[str, Array]) -> dict[str, float]:
    return {
        "min": spread["min"].min().item(),
        "max": spread["max"].max().item(),
        "mean": float(spread["mean"].mean()),
    }


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
