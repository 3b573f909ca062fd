"""Labels for metrics of classes, which take integers and one-hot rows alike."""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array
from seqnet.errors import ShapeError
from seqnet.losses.shapes import class_labels, one_hot


def class_indices(name: str, y_true: Array, y_pred: Array) -> Array:
    """The class of each row of scores.

    y_true: (...,) or (..., 1) integers or (..., K) rows, y_pred: (..., K) -> (...,).
    """
    shape = y_pred.shape
    if y_true.shape == shape[:-1] and shape:
        return y_true
    if y_true.shape == (*shape[:-1], 1):
        return y_true[..., 0]
    if y_true.shape == shape:
        largest: Array = y_true.argmax(axis=-1)
        return largest
    raise ShapeError(
        f"{name}: labels of shape {y_true.shape} do not fit predictions of shape {shape}; give one integer for each row"
        f" of {shape[-1] if shape else 1} scores, or one-hot rows"
    )


def is_integer_labels(y_true: Array, y_pred: Array) -> bool:
    """Whether labels are class numbers for rows of several scores."""
    shape = y_pred.shape
    return bool(shape) and shape[-1] > 1 and y_true.shape in (shape[:-1], (*shape[:-1], 1))


def class_rows(name: str, y_true: Array, y_pred: Array) -> Array:
    """Labels as rows like y_pred's: integers become one-hot, anything else is left as it is."""
    if not is_integer_labels(y_true, y_pred):
        return y_true
    labels = y_true[..., 0] if y_true.ndim == y_pred.ndim else y_true
    return one_hot(class_labels(name, labels, y_pred.shape[-1]), y_pred.shape[-1], np.float32)
