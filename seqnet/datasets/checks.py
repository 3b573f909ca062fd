"""Finds what would make training fail or, worse, succeed on nonsense: gaps, infinities, text, labels out of range.

Every message names the array, how much is wrong, the first place, and what to do. Rows and columns count from 0.
"""

from __future__ import annotations

import numpy as np

from seqnet.datasets.labels import Array, is_text, is_whole
from seqnet.datasets.lazy import LazyRows, RowView, blocks
from seqnet.errors import DataError


def check_numeric(array: Array, where: str) -> None:
    """Raise DataError unless `array` is a rectangular array of real numbers or booleans with at least one row."""
    if array.ndim == 0:
        raise DataError(f"{where} is a single value ({array}); it needs rows: an array of shape (rows, …)")
    if len(array) == 0:
        raise DataError(f"{where} has no rows (shape {array.shape})")
    if 0 in array.shape:
        raise DataError(f"{where} has rows without content (shape {array.shape})")
    if is_text(array):
        raise DataError(
            f"{where} holds text ({str(array.flat[0])!r}); networks take numbers: turn each text into numbers first "
            f"(a class label into 0, 1, 2, …; a category into one column a value)"
        )
    if array.dtype.kind == "O":
        raise DataError(
            f"{where} is an array of Python objects (the first is a {type(array.flat[0]).__name__}), as NumPy makes it "
            f"from rows of different length or from gaps; give every row the same length and make it numbers: "
            f"np.array(rows, dtype='float32')"
        )
    if array.dtype.kind == "M":
        raise DataError(f"{where} holds dates; turn them into numbers first (a year, a count of days, …)")
    if array.dtype.kind == "c":
        raise DataError(f"{where} holds complex numbers; give the real and the imaginary part as two features")
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where} has dtype {array.dtype}; numbers are needed, such as float32, uint8 or int64")


def check_inputs(array: Array, where: str) -> None:
    """Raise DataError unless `array` holds numbers as check_numeric wants them, or texts, in one row at least."""
    if array.ndim and array.size and is_text(array):
        return
    check_numeric(array, where)


def check_finite(array: Array, where: str, columns: tuple[str, ...] | None = None) -> None:
    """Raise DataError when a float array holds NaN, infinity, or what is infinite as float32, the networks' precision.

    `columns` are names for the last axis.
    """
    if array.dtype.kind != "f" or (isinstance(array, LazyRows) and array.finite):
        return
    limit = float(np.finfo(np.float32).max) if array.dtype.itemsize > 4 else np.inf
    nans = infinities = large = 0
    first: tuple[int, ...] | None = None
    for start, rows in blocks(array):
        if np.isfinite(rows).all() and (limit == np.inf or (rows.min() >= -limit and rows.max() <= limit)):
            continue
        bad = ~(np.abs(rows) <= limit) | np.isinf(rows)
        if first is None:
            place = np.argwhere(bad)[0]
            first = (start + int(place[0]), *(int(i) for i in place[1:]))
        nans += int(np.isnan(rows).sum())
        infinities += int(np.isinf(rows).sum())
        large += int((bad & np.isfinite(rows)).sum())
    if first is None:
        if isinstance(array, LazyRows) and not isinstance(array, RowView):
            array.finite = True  # a look at a large file takes a while
        return
    kinds = {"NaN (missing)": nans, "infinite": infinities, "too large (beyond 3.4e38)": large}
    found = [f"{count} {kind}" for kind, count in kinds.items() if count]
    number = nans + infinities + large
    advice = "leave such rows out or fill the gaps, for instance with the column's mean"
    if large == number:
        advice = "numbers are float32 here, so divide these, or take their logarithm"
    raise DataError(
        f"{where} has {' and '.join(found)} {'value' if number == 1 else 'values'} among {array.size}; the first is at "
        f"{_place(first, columns)}; {advice}"
    )


def check_lengths(x: Array, other: Array, where_x: str, where_other: str) -> None:
    """Raise DataError when two arrays that belong together have different numbers of rows."""
    if len(x) != len(other):
        raise DataError(f"{where_x} has {len(x)} rows but {where_other} has {len(other)}; each row needs exactly one")


def check_labels(y: Array, where: str, class_names: tuple[str, ...] | None) -> None:
    """Raise DataError when the targets of a classification are no class labels: negative, broken, beyond the names."""
    if y.dtype.kind in "if" and y.min() < 0:
        row = tuple(int(i) for i in np.argwhere(y < 0)[0])
        hint = "; turn -1 and 1 into 0 and 1 with (y + 1) // 2" if set(np.unique(y)) == {-1, 1} else ""
        raise DataError(f"{where} has the label {y[row]} at {_place(row)}; class labels count from 0: 0, 1, 2, …{hint}")
    if y.ndim == 1 or y.shape[1:] == (1,):
        if not is_whole(y):
            row = tuple(int(i) for i in np.argwhere(y != np.floor(y))[0])
            raise DataError(
                f"{where} has the label {y[row]} at {_place(row)}; class labels are whole numbers: 0, 1, 2, … "
                f"(for real-valued targets choose a regression loss such as mse)"
            )
        if class_names is not None and y.max() >= len(class_names):
            row = tuple(int(i) for i in np.argwhere(y >= len(class_names))[0])
            raise DataError(
                f"{where} has the label {y[row]} at {_place(row)}, but there are {len(class_names)} class names: "
                f"labels go from 0 to {len(class_names) - 1}"
            )


def _place(index: tuple[int, ...], columns: tuple[str, ...] | None = None) -> str:
    if len(index) == 1:
        return f"row {index[0]} (counted from 0)"
    if len(index) == 2:
        name = f" ({columns[index[1]]})" if columns is not None and index[1] < len(columns) else ""
        return f"row {index[0]}, column {index[1]}{name} (counted from 0)"
    return f"row {index[0]}, position {list(index[1:])} (counted from 0)"
