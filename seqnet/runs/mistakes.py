"""The rows that a model got most wrong, each with what there is to see of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from seqnet.arrays import Array
from seqnet.console.format import metric
from seqnet.datasets.base import Data
from seqnet.datasets.labels import is_text
from seqnet.report.content import Mistake, Mistakes, Picture, Shown

PICTURES, ROWS = 24, 15  # so many are shown
COLUMNS = 30  # of a table's row
SIDE = 256  # pixels of a picture; larger ones are thinned
LETTERS = 500  # of a text
_TARGETS = 4  # numbers of a target that are written out


def wrong_classes(labels: Array, chosen: Array, chances: Array, names: Sequence[str], x: Array, data: Data) -> Mistakes:
    """Of the rows taken for another class, those of which the model was surest.

    labels, chosen: (N,) integers; chances: (N, K), of each class; x: (N, ...).
    """
    wrong = np.flatnonzero((labels != chosen) & np.isfinite(chances).all(axis=1))
    sure = chances[np.arange(len(chosen)), chosen]
    shares = bool(np.all((chances >= 0) & (chances <= 1))) and bool(np.allclose(chances.sum(axis=1), 1, atol=1e-3))
    show, columns, left_out = showing(x, data)
    order = wrong[np.argsort(-sure[wrong], kind="stable")][: PICTURES if is_picture(x) else ROWS]
    worst = [Mistake(int(i), names[labels[i]], names[chosen[i]], float(sure[i]), show(i)) for i in order]
    return Mistakes(worst, len(wrong), "confidence" if shares else "score", columns, left_out)


def wrong_labels(there: Array, chances: Array, names: Sequence[str], x: Array, data: Data) -> Mistakes:
    """Of the rows with a label too many or too few, those where the model was surest of one of these.

    there, chances: (N, K), whether a row has each label, and how likely the model finds that; x: (N, ...).
    """
    taken = chances > 0.5
    sure = np.where(taken != there, np.abs(chances - 0.5) + 0.5, 0.0).max(axis=1)
    wrong = np.flatnonzero((sure > 0) & np.isfinite(chances).all(axis=1))
    show, columns, left_out = showing(x, data)
    order = wrong[np.argsort(-sure[wrong], kind="stable")][: PICTURES if is_picture(x) else ROWS]
    worst = [Mistake(int(i), _named(there[i], names), _named(taken[i], names), float(sure[i]), show(i)) for i in order]
    return Mistakes(worst, len(wrong), "confidence", columns, left_out)


def largest_errors(true: Array, predicted: Array, x: Array, data: Data) -> Mistakes:
    """The rows whose numbers are farthest from the true ones: largest root mean square of predicted - true.

    true, predicted: (N, K) float64; x: (N, ...).
    """
    finite = np.flatnonzero(np.isfinite(predicted).all(axis=1))
    errors = np.sqrt(np.mean((predicted[finite] - true[finite]) ** 2, axis=1))
    show, columns, left_out = showing(x, data)
    order = np.argsort(-errors, kind="stable")[: PICTURES if is_picture(x) else ROWS]
    worst = [
        Mistake(
            int(finite[i]), _numbers(true[finite[i]]), _numbers(predicted[finite[i]]), float(errors[i]), show(finite[i])
        )
        for i in order
    ]
    return Mistakes(worst, None, "error", columns, left_out)


def showing(x: Array, data: Data) -> tuple[Callable[[int], Shown], tuple[str, ...], int]:
    """How to show a row of x; for numbers, the names of their columns, and how many columns are left out."""
    vocabulary = data.vocabulary
    if is_text(x):
        return (lambda row: _cut(" | ".join(x[row].reshape(-1).tolist()))), (), 0
    if vocabulary is not None and x.ndim == 2:
        return (lambda row: words(x[row], vocabulary)), (), 0
    if is_picture(x):
        low, high = float(x.min()), float(x.max())
        return (lambda row: _picture(x[row], low, high)), (), 0
    if x.ndim > 3:
        return (lambda row: None), (), 0
    width = math.prod(x.shape[1:])
    known = data.feature_names if data.feature_names and len(data.feature_names) == width else range(width)
    names = tuple(str(name) for name in known)
    return (lambda row: x[row].reshape(-1)[:COLUMNS].tolist()), names[:COLUMNS], max(0, width - COLUMNS)


def is_picture(x: Array) -> bool:
    """Whether rows can be drawn: (N, H, W), which may be a sequence too, or (N, H, W, C) with 1, 3 or 4 channels."""
    return (x.ndim == 3 or (x.ndim == 4 and x.shape[3] in (1, 3, 4))) and min(x.shape[1:3]) > 1


def _picture(pixels: Array, low: float, high: float) -> Picture:
    """low … high, of all the rows, become 0 … 255."""
    every = max(1, -(-max(pixels.shape[:2]) // SIDE))
    values = pixels[::every, ::every].astype(np.float64)
    return Picture(np.rint(255 * ((values - low) / ((high - low) or 1.0))).astype(np.uint8))


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def words(numbers: Array, vocabulary: Sequence[str]) -> str:
    """Letters side by side, words with blanks between them; what stands for padding is empty."""
    found = [vocabulary[int(i)] if 0 <= i < len(vocabulary) else f"[{i:g}]" for i in numbers.tolist()]
    between = "" if all(len(token) <= 1 for token in vocabulary) else " "
    return between.join(token for token in found if token)


def _named(labels: Array, names: Sequence[str]) -> str:
    found = [name for name, there in zip(names, labels.tolist(), strict=True) if there]
    shown = ", ".join(found[:_TARGETS])
    return (shown if len(found) <= _TARGETS else f"{shown}, …") or "none"


def _numbers(values: Array) -> str:
    shown = ", ".join(metric(value) for value in values[:_TARGETS].tolist())
    return shown if len(values) <= _TARGETS else f"{shown}, …"
