"""What can be wrong with labels for a loss, said in plain words with the fix: for `seqnet check` and fit.

Every function returns a sentence, or None when the labels are fine. N stands for the number of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.registry import snake_case

if TYPE_CHECKING:
    from seqnet.losses.base import Loss


def label_problem(loss: Loss, y: Array, out: Shape, num_classes: int | None) -> str | None:
    """The first problem with labels y (N, ...) for predictions of shape `out` (without N)."""
    name = snake_case(type(loss).__name__)
    axis = getattr(loss, "axis", -1)
    broken = _not_numbers(name, y) or (_no_such_axis(name, axis, out) if isinstance(axis, int) else None)
    if broken is not None or not len(y):
        return broken
    if loss.labels == "integer":
        return _integer(name, y, out, num_classes, getattr(loss, "ignore_class", None), axis)
    if loss.labels == "one_hot":
        return _one_hot(name, y, out, num_classes, loss.integer_form)
    if loss.labels == "binary":
        return _binary(name, y, out, num_classes, margins=loss.scores == "margins")
    least = loss.least_label
    if least is not None and y.min() < least:
        return f"the smallest label is {y.min():g}, but {name} takes no label below {least:g}; use mean_squared_error"
    return _same_shape(name, y, out)


def embedding_problem(name: str, y: Array, out: Shape) -> str | None:
    """Problems with class labels (N,) of embeddings (D,)."""
    if len(out) != 1:
        return f"{name} needs one vector a row as predictions, but the last layer gives {batch(out)}; add Flatten"
    broken = _not_numbers(name, y)
    if broken is None and y.shape[1:] not in ((), (1,)):
        broken = f"the labels have shape {rows(y)}, but {name} expects one integer a row, (N,) (data.one_hot: false)"
    return broken or _not_whole(name, y)


def sequence_problem(name: str, y: Array, out: Shape) -> str | None:
    """Problems with label sequences (N, L) for predictions (T, K), class 0 being the blank."""
    if len(out) != 2:
        return f"{name} needs scores of shape (N, T, classes), but the last layer gives {batch(out)}"
    broken = _not_numbers(name, y)
    if broken is not None or not y.size:
        return broken
    if y.ndim != 2:
        return f"the labels have shape {rows(y)}, but {name} expects one sequence of integers a row, (N, L)"
    broken = _not_whole(name, y)
    if broken is not None:
        return broken
    steps, classes = out
    if y.min() < 0 or (classes is not None and y.max() >= classes):
        return (
            f"the labels run from {int(y.min())} to {int(y.max())}, but {name} with {_count(classes)} takes 1 to"
            f" {'…' if classes is None else classes - 1}, and 0 only to fill up the end: Dense units must be at least"
            f" {max(int(y.max()) + 1, 2)}, and labels may not be negative"
        )
    real = y != 0
    if (real[:, 1:] & ~real[:, :-1]).any():
        row = int(np.argwhere(real[:, 1:] & ~real[:, :-1])[0][0])
        return f"label row {row} has a 0 before its end, but for {name} 0 is the blank; number the classes from 1"
    needed = real.sum(axis=1) + (real[:, 1:] & (y[:, 1:] == y[:, :-1])).sum(axis=1)
    if steps is not None and needed.max() > steps:
        return (
            f"label row {int(needed.argmax())} needs {int(needed.max())} time steps, but the model has {steps};"
            " shorten the label or pool less over time"
        )
    return None


def _no_such_axis(name: str, axis: int, out: Shape) -> str | None:
    """axis counts the rows of the batch in, as Keras does; the rows themselves are no axis to take values along."""
    rank = max(len(out), 1) + 1  # of the predictions of a batch, single numbers standing in columns
    if -rank < axis < rank and axis != 0:
        return None
    choices = " or ".join(f"{i}" for i in (-1, *range(1, rank)))
    return f"{name} is told axis {axis}, but the last layer gives {batch(out)}: axis must be {choices}"


def _integer(name: str, y: Array, out: Shape, num_classes: int | None, ignored: int | None, axis: int) -> str | None:
    place = axis - 1 if axis > 0 else axis  # in a row
    width = out[place] if out else None
    if width is None:
        return f"{name} needs class scores as predictions, one for each class, but the last layer gives {shape_of(out)}"
    expected = tuple(n for i, n in enumerate(out) if i != place % len(out))
    if width == 1:
        wanted = max(num_classes or 0, _top(y) + 1, 2)
        way = "use binary_crossentropy with a sigmoid, or" if wanted == 2 else "set"
        return f"{name} needs one output for each class, but the model has 1 output; {way} Dense units: {wanted}"
    if y.ndim == len(out) + 1 and y.shape[1:] == tuple(out):
        way = "use categorical_crossentropy, or integer labels (data.one_hot: false)"
        return f"the labels are one-hot rows of {width}, shape {rows(y)}, but {name} expects integers; {way}"
    if not _fits(y.shape[1:], expected) and not _fits(y.shape[1:], (*expected, 1)):
        return f"the labels have shape {rows(y)}, but {name} expects one integer for each prediction, {batch(expected)}"
    whole = _not_whole(name, y)
    if whole is not None:
        return whole
    kept = y if ignored is None else y[y != ignored]
    if not kept.size:
        return f"every label is {ignored}, which ignore_class leaves out: there is nothing to learn"
    if kept.min() < 0:
        return (
            f"the smallest label is {int(kept.min())}, but labels run from 0 to {width - 1}; number the classes from 0"
        )
    if kept.max() >= width:
        top = int(kept.max())
        return (
            f"{name} has {width} outputs but the largest label is {top}: Dense units must be at least {top + 1},"
            " one for each class (labels run from 0)"
        )
    if num_classes is not None and num_classes > width:
        return f"{name} has {width} outputs but the data have {num_classes} classes: Dense units must be {num_classes}"
    return None


def _one_hot(name: str, y: Array, out: Shape, num_classes: int | None, integer_form: str) -> str | None:
    width = out[-1] if out else None
    top = _top(y)
    if width is None or width == 1:
        wanted = max(num_classes or 0, top + 1 if y.ndim == 1 else y.shape[-1], 2)
        way = "use binary_crossentropy with a sigmoid, or" if wanted == 2 else "set"
        return f"{name} needs one output for each class, but the model has 1 output; {way} Dense units: {wanted}"
    if _fits(y.shape[1:], out[:-1]) or _fits(y.shape[1:], (*out[:-1], 1)):
        low = int(y.min()) if y.dtype.kind in "iub" else float(y.min())
        way = f"use {integer_form}, or" if integer_form else "set"
        return (
            f"the labels are integers {low}..{top}, shape {rows(y)}, but {name} expects one-hot rows of {width};"
            f" {way} data.one_hot: true"
        )
    if not _fits(y.shape[1:], out):
        if y.ndim == len(out) + 1 and y.shape[1:-1] == tuple(out[:-1]):
            return f"the labels are rows of {y.shape[-1]}, but the model has {width} outputs: set units: {y.shape[-1]}"
        return f"the labels have shape {rows(y)}, but the model gives {batch(out)} and {name} needs both alike"
    if y.min() < 0 or y.max() > 1:
        return f"the labels run from {y.min():g} to {y.max():g}, but {name} expects rows of 0 and 1, or of shares"
    sums = y.sum(axis=-1, dtype=np.float64)
    if sums.max() > 1.001:
        place = tuple(int(i) for i in np.argwhere(sums > 1.001)[0])
        return (
            f"label row {place[0]} adds up to {sums[place]:g}, but {name} expects one class a row;"
            " for several classes a row use binary_crossentropy with a sigmoid"
        )
    return None


def _binary(name: str, y: Array, out: Shape, num_classes: int | None, *, margins: bool) -> str | None:
    width = out[-1] if out else 1
    expects = "-1 or 1 (or 0 or 1)" if margins else "0 or 1"
    many = "categorical_hinge with one-hot labels" if margins else "sparse_categorical_crossentropy with a softmax"
    top = _top(y)
    if width is not None and width > 1 and (_fits(y.shape[1:], out[:-1]) or _fits(y.shape[1:], (*out[:-1], 1))):
        return (
            f"the labels have shape {rows(y)}, but {name} compares each of the {width} outputs with a label of its own;"
            f" use {many}, or one-hot labels (data.one_hot: true)"
        )
    problem = _same_shape(name, y, out)
    if problem is not None:
        return problem
    low, high = float(y.min()), float(y.max())
    if high > 1 and low >= 0 and not np.any(np.trunc(y) != y):
        return f"the labels run from 0 to {top}, but {name} expects {expects}; use {many} and Dense units: {top + 1}"
    if not margins and -1 <= low < 0:
        return f"the smallest label is {low:g}, but {name} expects {expects}; write 0 for it, or use hinge"
    if high > 1 or low < -1:
        way = "for real values use mean_squared_error"
        return f"the labels run from {low:g} to {high:g}, but {name} expects {expects}; {way}"
    if num_classes is not None and num_classes > 2 and width == 1:
        return f"the data have {num_classes} classes, but {name} on 1 output tells 2 apart; use {many}"
    return None


def _same_shape(name: str, y: Array, out: Shape) -> str | None:
    """Labels and predictions alike, up to a last axis of 1."""
    given = y.shape[1:]
    if _fits(given, out) or _fits((*given, 1), out) or (given and given[-1] == 1 and _fits(given[:-1], out)):
        return None
    if len(given) == len(out) and given[:-1] == tuple(out[:-1]):
        return (
            f"the labels are {_wide(given[-1])}, but the model has {_count(out[-1])}: Dense units must be {given[-1]}"
        )
    if not given:
        way = "end in Dense units: 1"
        if y.dtype.kind in "iu":
            way += ", or for classes use sparse_categorical_crossentropy"
        return f"the labels are one number a row, but the model gives {batch(out)}; {way}"
    return f"the labels have shape {rows(y)}, but the model gives {batch(out)}; {name} compares them one by one"


def _not_numbers(name: str, y: Array) -> str | None:
    if y.dtype.kind not in "biuf":
        shown = ", ".join(repr(str(value)) for value in y.ravel()[:3])
        return f"the labels are not numbers ({shown}, …), but {name} needs numbers; give each class a number from 0"
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        place = np.argwhere(~np.isfinite(y))[0]
        return f"the label in row {place[0]} is {y[tuple(place)]}; drop or repair such rows"
    return None


def _not_whole(name: str, y: Array) -> str | None:
    if y.dtype.kind != "f":
        return None
    broken = np.argwhere(np.trunc(y) != y)
    if not len(broken):
        return None
    value = y[tuple(broken[0])]
    return (
        f"the label in row {broken[0][0]} is {value:g}, but {name} expects whole numbers (classes);"
        " for real values use mean_squared_error"
    )


def _top(y: Array) -> int:
    return int(y.max())


def _fits(given: tuple[int, ...], expected: Shape) -> bool:
    return len(given) == len(expected) and all(e is None or g == e for g, e in zip(given, expected, strict=True))


def _wide(width: int) -> str:
    return "single numbers" if width == 1 else f"rows of {width}"


def _count(outputs: int | None) -> str:
    return f"{outputs} output" + ("" if outputs == 1 else "s")


def rows(y: Array) -> str:
    """The shape of labels with N for the rows."""
    return batch(y.shape[1:])


def batch(shape: Shape) -> str:
    """A shape without its batch axis, written with N."""
    inner = ", ".join("?" if n is None else str(n) for n in shape)
    return f"(N, {inner})" if inner else "(N,)"


def shape_of(shape: Shape) -> str:
    """The words for one row of this shape."""
    return "one number a row" if not shape else f"{batch(shape)}"
