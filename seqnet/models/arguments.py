"""The arguments of compile and fit: brought into one form, or refused with what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.errors import DataError, ShapeError, UsageError
from seqnet.network.network import Network
from seqnet.training.compiled import check_rows, class_weights
from seqnet.training.feed import Batch, Feed, Rows


def check_pair(network: Network, x: Any, y: Any) -> tuple[Array, Array]:
    """Inputs (N, ...) and targets (N, ...) that go together. Raises ShapeError, DataError."""
    rows = check_rows(network, x)
    targets = np.asarray(y)
    if targets.dtype == object or targets.dtype.kind not in "biuf":
        raise DataError(f"y must hold numbers, got an array of dtype {targets.dtype}")
    if len(targets) != len(rows):
        raise ShapeError(f"x has {len(rows)} rows, but y has {len(targets)}")
    return rows, targets


def check_weight(sample_weight: Any, class_weight: Any, y: Array) -> Array | None:
    """One weight a row, from what fit was given; None where all count the same. Raises UsageError, ShapeError."""
    if class_weight is not None:
        if sample_weight is not None:
            raise UsageError("give class_weight or sample_weight, not both")
        if class_weight != "balanced" and not isinstance(class_weight, Mapping):
            raise UsageError(f"class_weight must be a mapping such as {{0: 1.0, 1: 5.0}}, got {class_weight!r}")
        return class_weights(class_weight, y)
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, np.float32)
    if len(weight) != len(y):
        raise ShapeError(f"sample_weight has {len(weight)} rows, but y has {len(y)}")
    return weight


def unpack(batch: Any) -> tuple[Any, Any, Any]:
    """x, y and weight (None) of what a generator gives for a batch. Raises DataError."""
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        got = f"{type(batch).__name__} of {len(batch)}" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise DataError(f"a batch must be (x, y) or (x, y, sample_weight), but the data gave a {got}")
    return batch[0], batch[1], batch[2] if len(batch) == 3 else None


def require_alone(source: Any, class_weight: Any = None, **others: Any) -> None:
    """Raise UsageError for arguments that have no place beside a source of batches."""
    kind = type(source).__name__
    for name, value in others.items():
        if value is not None:
            raise UsageError(f"{name} can't stand beside a {kind}: it belongs into the batches, (x, y, sample_weight)")
    if isinstance(class_weight, str):
        raise UsageError(f"class_weight={class_weight!r} needs all labels at once; with a {kind} give a mapping")


def split_tail(rows: Rows | Feed[Batch], fraction: float) -> tuple[Rows, Rows]:
    """Keras's validation_split: the rows from floor(n (1 - fraction)) on."""
    if isinstance(rows, Feed):
        raise UsageError(
            f"validation_split needs arrays, and x is a {type(rows.source).__name__}; give validation_data instead"
        )
    if not 0 < fraction < 1:
        raise UsageError(f"validation_split must be a number > 0 and < 1, got {fraction}")
    at = int(len(rows) * (1 - fraction))
    if at in (0, len(rows)):
        raise DataError(f"{len(rows)} rows can't be split with validation_split {fraction}: one side would be empty")
    cut = [None if part is None else (part[:at], part[at:]) for part in (rows.x, rows.y, rows.weight)]
    left, right = ([None if c is None else c[side] for c in cut] for side in (0, 1))
    return Rows(*left), Rows(*right)  # type: ignore[arg-type]


def flat(items: Any) -> list[Any]:
    """Metrics as a flat list; a lone one may stand without a list."""
    if items is None:
        return []
    if not isinstance(items, (list, tuple)):
        return [items]
    return [one for item in items for one in (flat(item) if isinstance(item, (list, tuple)) else [item])]


def positive(value: Any, name: str) -> int:
    """A whole number > 0. Raises UsageError."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{name} must be a whole number > 0, got {value!r}")
    return int(value)


def count(value: Any, name: str) -> int | None:
    """A whole number > 0, or None where nothing is said. Raises UsageError."""
    return None if value is None else positive(value, name)


def whole(value: Any, name: str) -> int:
    """A whole number >= 0. Raises UsageError."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 0:
        raise UsageError(f"{name} must be a whole number >= 0, got {value!r}")
    return int(value)
