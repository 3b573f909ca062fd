"""The arguments of compile and fit: brought into one form, or refused with what is expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import Checker
from seqnet.datasets.labels import class_labels
from seqnet.datasets.lazy import LazyRows, as_rows
from seqnet.datasets.splits import split_rows, tail_rows
from seqnet.declare import get
from seqnet.errors import DataError, Problem, ShapeError, UsageError
from seqnet.network.network import Network
from seqnet.training.compiled import check_rows
from seqnet.training.feed import Batch, Feed, Rows
from seqnet.training.mixing import Mixer
from seqnet.training.weighting import CLASS_WEIGHT, class_weights, sampling_weights


def check_pair(network: Network, x: Any, y: Any) -> tuple[Array, Array]:
    """Inputs (N, ...) and targets (N, ...) that go together. Raises ShapeError, DataError."""
    rows = check_rows(network, x)
    targets = as_rows(y) if isinstance(y, LazyRows) else np.asarray(y)
    if targets.dtype == object or targets.dtype.kind not in "biuf":
        raise DataError(f"y must hold numbers, got an array of dtype {targets.dtype}")
    if len(targets) != len(rows):
        raise ShapeError(f"x has {len(rows)} rows, but y has {len(targets)}")
    return rows, targets


def check_weight(sample_weight: Any, class_weight: Any, y: Array) -> Array | None:
    """One weight a row from what was given, None where all count alike. Raises UsageError, ShapeError, DataError."""
    if class_weight is not None:
        if sample_weight is not None:
            raise UsageError("give class_weight or sample_weight, not both")
        return class_weights(_checked(CLASS_WEIGHT, class_weight, "class_weight"), y)
    return None if sample_weight is None else _row_weights(sample_weight, "sample_weight", len(y))


def mixers(augment: Any) -> tuple[Mixer, ...]:
    """What mixes batches: one mixer or several, by name, {name: options} or instance. Raises SpecError."""
    given = augment if isinstance(augment, (list, tuple)) else [augment]
    return tuple(get(Mixer, one) for one in given)


def weigh_rows(source: Rows | Feed[Batch], weighted_sampling: Any, shuffle: Any) -> Rows | Feed[Batch]:
    """The rows with the weight that weighted_sampling gives each, if any. Raises UsageError, ShapeError, DataError."""
    if weighted_sampling is None:
        return source
    if isinstance(source, Feed):
        raise UsageError(f"weighted_sampling needs arrays, and x is a {type(source.source).__name__}")
    if shuffle is not True:
        raise UsageError("weighted_sampling draws the rows at random, which is no order to keep; leave shuffle out")
    if isinstance(weighted_sampling, (str, Mapping)):
        return source
    weights = _row_weights(weighted_sampling, "weighted_sampling", len(source))
    return replace(source, sampling=sampling_weights(weights))


def weigh_classes(source: Rows | Feed[Batch], class_weight: Any, weighted_sampling: Any) -> Rows | Feed[Batch]:
    """The training rows with weights by class, in the loss or for the sampling. Raises UsageError, DataError."""
    if isinstance(source, Feed):  # whose batches are weighed when they come
        return source
    if class_weight is not None and weighted_sampling is not None:
        raise UsageError("class_weight and weighted_sampling would make up for rare classes twice; keep one of them")
    if class_weight is not None:
        return replace(source, weight=check_weight(source.weight, class_weight, source.y))
    if not isinstance(weighted_sampling, (str, Mapping)):
        return source
    weights = _checked(CLASS_WEIGHT, weighted_sampling, "weighted_sampling")
    return replace(source, sampling=sampling_weights(class_weights(weights, source.y, "weighted_sampling")))


def _row_weights(weights: Any, name: str, rows: int) -> Array:
    found = np.asarray(weights)
    if found.dtype.kind not in "biuf":
        raise DataError(f"{name} must hold numbers, got {weights!r:.60}")
    if not found.ndim or len(found) != rows:
        got = f"{len(found)} rows" if found.ndim else "a single number"
        raise ShapeError(f"{name} has {got}, but y has {rows}")
    if not np.isfinite(found).all():
        raise DataError(f"{name} must hold finite numbers, but that of row {_first_bad(found)} is not")
    return found.astype(np.float32)


def _first_bad(weights: Array) -> int:
    return int(np.argwhere(~np.isfinite(weights))[0][0])


def _checked(checker: Checker, value: Any, name: str) -> Any:
    problems: list[Problem] = []
    checked = checker.check(value, (name,), problems)
    if problems:
        raise UsageError("; ".join(str(problem) for problem in problems))
    return checked


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


def split_validation(
    rows: Rows | Feed[Batch], fraction: float, stream: np.random.SeedSequence | None
) -> tuple[Rows, Rows]:
    """(training rows, validation rows): the last ones, from floor(n (1 - fraction)) on, as Keras takes them.

    stream: chooses them at random instead, from each class its share where the labels are classes.
    Raises UsageError, DataError.
    """
    if isinstance(rows, Feed):
        raise UsageError(
            f"validation_split needs arrays, and x is a {type(rows.source).__name__}; give validation_data instead"
        )
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float, np.number)) or not 0 < fraction < 1:
        raise UsageError(f"validation_split must be a number > 0 and < 1, got {fraction!r}")
    if stream is None:
        at = len(tail_rows(len(rows), float(fraction))[0])
        return _taken(rows, slice(at)), _taken(rows, slice(at, None))
    stays, held = split_rows(len(rows), float(fraction), np.random.default_rng(stream), class_labels(rows.y))
    return _taken(rows, stays), _taken(rows, held)


def _taken(rows: Rows, which: slice | Array) -> Rows:
    """Some of the rows; a slice shares their memory."""
    parts = (rows.x, rows.y, rows.weight, rows.sampling)
    return Rows(*(None if part is None else part[which] for part in parts))  # type: ignore[arg-type]


def batch_size_of(given: int | None, source: Rows | Feed[Batch] | None, steps: int | None) -> int:
    """Rows a batch: those given, else such that so many steps take all rows, else 32; Keras's rule."""
    if given is not None:
        return given
    return math.ceil(len(source) / steps) if steps and isinstance(source, Rows) and len(source) else 32


def frequency(value: Any) -> int | tuple[int, ...]:
    """validation_freq: every so many epochs, or the epochs (from 1) that end with a validation. Raises UsageError."""
    if isinstance(value, (list, tuple, set, frozenset, range, np.ndarray)) and len(value):
        return tuple(positive(one, "an epoch of validation_freq") for one in value)
    return positive(value, "validation_freq")


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
