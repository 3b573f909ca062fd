"""How labels, predictions, weights and masks are brought to shapes that fit, as Keras does it but never silently.

Losses and metrics share these rules.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.errors import DataError, ShapeError


def as_floats(y_pred: Array, dtype: str | None = None) -> Array:
    """Predictions as a floating-point array: arrays keep their precision, plain lists become float32."""
    if isinstance(y_pred, np.ndarray) and y_pred.dtype.kind == "f":
        return y_pred if dtype is None else y_pred.astype(dtype, copy=False)
    return np.asarray(y_pred).astype(dtype or "float32")


def align(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """Ranks one apart with a last axis of 1: a vector gets that axis, anything longer loses it (Keras's rule)."""
    true_rank, pred_rank = y_true.ndim, y_pred.ndim
    if true_rank == pred_rank + 1 and y_true.shape[-1] == 1:
        return (y_true, y_pred[:, None]) if pred_rank == 1 else (y_true[..., 0], y_pred)
    if pred_rank == true_rank + 1 and y_pred.shape[-1] == 1:
        return (y_true[:, None], y_pred) if true_rank == 1 else (y_true, y_pred[..., 0])
    return y_true, y_pred


def check_same_shape(name: str, y_true: Array, y_pred: Array, hint: str = "") -> None:
    """Raise ShapeError unless labels and predictions have one shape; nothing is broadcast."""
    if y_true.shape == y_pred.shape:
        return
    if not hint:
        if y_true.ndim and y_pred.ndim and y_true.shape[0] != y_pred.shape[0]:
            hint = "they must have the same number of rows"
        elif y_true.ndim == y_pred.ndim:
            width = y_true.shape[-1]
            wanted = "1 value" if width == 1 else f"{width} values"
            hint = f"the last layer must give {wanted} a row (units: {width}), or the labels have {y_pred.shape[-1]}"
        else:
            hint = f"give labels of shape {y_pred.shape}, or a last layer whose output has shape {y_true.shape}"
    raise ShapeError(f"{name}: labels of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}; {hint}")


def fit_weights(name: str, weights: Array, shape: tuple[int, ...], what: str = "sample_weight") -> Array:
    """Weights that multiply values of `shape` without surprises.

    A scalar, equal ranks with lengths equal or 1, or ranks one apart with a last axis of 1 are fine; anything else is
    a ShapeError, also weights (N,) for values (N, T), which NumPy would spread along time if N equals T.
    """
    if weights.ndim == 0:
        return weights
    fitted = weights
    if weights.ndim == len(shape) + 1 and weights.shape[-1] == 1:
        fitted = weights[..., 0]
    elif len(shape) == weights.ndim + 1 and shape[-1] == 1:
        fitted = weights[..., None]
    if fitted.ndim != len(shape) or any(a not in (1, b) for a, b in zip(fitted.shape, shape, strict=True)):
        hint = f"use shape {shape}"
        if weights.ndim == 1 and len(shape) > 1 and len(weights) == shape[0]:
            hint = f"to weight whole rows use shape {(len(weights),) + (1,) * (len(shape) - 1)}, else {shape}"
        if weights.ndim == len(shape) + 1:
            hint = f"use shape {shape}, or labels and predictions of shape {(*weights.shape, 1)}"
        raise ShapeError(f"{name}: a {what} of shape {weights.shape} does not fit losses of shape {shape}; {hint}")
    return fitted


def class_labels(name: str, y_true: Array, classes: int) -> Array:
    """Integer labels as indices, each checked to be in 0..classes-1. Raises DataError naming label and row."""
    labels = whole_numbers(name, y_true)
    # Seen as unsigned, a negative number is larger than any class: one comparison finds both kinds.
    if labels.size and np.maximum.reduce(labels.view(np.uintp), axis=None) >= classes:
        place = tuple(int(i) for i in np.argwhere((labels < 0) | (labels >= classes))[0])
        raise DataError(
            f"{name}: label {labels[place]} {_where(place)} is out of range: with {classes} classes (the outputs of"
            f" the last layer) labels run from 0 to {classes - 1}"
        )
    return labels


def whole_numbers(name: str, y_true: Array) -> Array:
    """Labels as indices. Raises DataError for a label that is not a whole number."""
    labels = y_true.astype(np.intp, copy=False) if y_true.dtype.kind in "iub" else None
    if labels is None:
        if y_true.dtype.kind != "f":
            raise DataError(f"{name}: labels must be numbers, got {y_true.dtype}; give each class a number from 0")
        broken = np.argwhere(np.trunc(y_true) != y_true)
        if len(broken):
            place = tuple(int(i) for i in broken[0])
            raise DataError(
                f"{name}: label {y_true[place]:g} {_where(place)} is not a whole number; class labels are 0, 1, 2, …"
            )
        labels = y_true.astype(np.intp)
    return labels


def hide_masked(y_true: Array, mask: Array) -> Array:
    """y_true with 0 wherever a mask of its shape, or of its shape without a last axis of 1, is False."""
    if y_true.ndim == mask.ndim + 1 and y_true.shape[-1] == 1:
        mask = mask[..., None]
    if y_true.shape != mask.shape:
        return y_true
    kept: Array = np.where(mask, y_true, np.zeros((), y_true.dtype))
    return kept


def one_hot(labels: Array, classes: int, dtype: np.dtype[np.generic] | type) -> Array:
    """(...,) indices -> (..., classes) rows with a single 1."""
    rows = np.zeros((*labels.shape, classes), dtype)
    np.put_along_axis(rows, labels[..., None], 1, axis=-1)
    return rows


@lru_cache(maxsize=64)
def row_starts(rows: int, width: int) -> Array:
    """Where each row of a (rows, width) array starts when it is flat."""
    starts = np.arange(0, rows * width, width, dtype=np.intp) if width else np.zeros(rows, np.intp)
    starts.flags.writeable = False
    return starts


def _where(place: tuple[int, ...]) -> str:
    if not place:
        return ""
    return f"in row {place[0]}" + (f" at {list(place[1:])}" if len(place) > 1 else "")


def kind_of_labels(y_true_shape: Shape, y_pred_shape: Shape) -> Literal["binary", "sparse", "categorical"]:
    """What `accuracy` and `crossentropy` mean for shapes without the batch axis, by Keras's rule."""
    if not y_pred_shape or y_pred_shape[-1] == 1:
        return "binary"
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return "sparse"
    return "categorical"
