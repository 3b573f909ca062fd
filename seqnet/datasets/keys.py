"""What a column says of rows that are to be divided: their groups, their order in time, the split they belong to.

Every function takes one value a row and names the column and the first bad row, counted from 0, in what it raises.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

import numpy as np

from seqnet.checkers import show
from seqnet.datasets.labels import Array
from seqnet.errors import DataError, suggestion

# What a split column may call a split, in any capitals.
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_YEAR_FIRST = re.compile(r"(\d{4})/(\d{2})/(\d{2})(.*)", re.S)
_MONTH = re.compile(r"\d{4}-\d{2}")


def group_codes(column: Array, name: str) -> Array:
    """A number for each row, 0 … G-1, the same for rows of one group. Raises DataError: a row without a group."""
    _, codes = np.unique(_complete(column, name, "its group"), return_inverse=True)
    return codes.reshape(-1)


def time_codes(column: Array, name: str) -> Array:
    """The place of each row in time, 0 … T-1, the same for rows of one moment.

    Numbers count as they are; text as numbers where all of it is, else as dates and times in ISO 8601 form
    (2024-03-01, 2024-03, 2024-03-01T12:30:00Z, 2024/03/01). Raises DataError: a row without a value, or with another.
    """
    values = _complete(column, name, "its place in time")
    if values.dtype.kind in "US":
        texts, codes = np.unique(values, return_inverse=True)
        ranks = _ranks([str(text).strip() for text in texts], codes.reshape(-1), name)
        return ranks[codes.reshape(-1)]
    if values.dtype.kind not in "biufMm":
        raise DataError(f"the column {name!r} has dtype {values.dtype}, which has no order; use numbers or dates")
    return np.unique(values, return_inverse=True)[1].reshape(-1)


def named_rows(column: Array, name: str) -> dict[str, Array]:
    """The row numbers of each split, by the words of a column: train, validation (val, valid, dev) and test.

    Only splits that have rows are there. Raises DataError: another word, a row without one, no training row.
    """
    values = _complete(column, name, "train, validation or test")
    words, codes = np.unique(values, return_inverse=True)
    codes = codes.reshape(-1)
    splits = [SPLIT_WORDS.get(str(word).strip().lower()) for word in words]
    for place, split in enumerate(splits):
        if split is None:
            row = int(np.flatnonzero(codes == place)[0])
            word = _plain(words[place])
            hint = suggestion(word, ("train", "validation", "test")) if isinstance(word, str) else ""
            advice = hint if hint.startswith("did") else "write train, validation or test"
            raise DataError(f"the column {name!r} says {show(word)} in row {row} (counted from 0); {advice}")
    found = {
        split: np.flatnonzero(np.isin(codes, [i for i, one in enumerate(splits) if one == split]))
        for split in ("train", "validation", "test")
    }
    if not len(found["train"]):
        raise DataError(f"the column {name!r} names no training row; write train in the rows to train on")
    return {split: rows for split, rows in found.items() if len(rows)}


def _complete(column: Array, name: str, needs: str) -> Array:
    """The column as (N,), text or numbers; without gaps, or DataError."""
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        raise DataError(
            f"the column {name!r} has shape {column.shape}; one value a row is needed, shape ({len(column)},)"
        )
    if column.dtype.kind == "S":
        try:
            column = np.char.decode(column, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"the column {name!r} holds bytes that are no UTF-8 text ({error.reason})") from None
    missing = _missing(column)
    if missing.any():
        count, row = int(missing.sum()), int(np.flatnonzero(missing)[0])
        others = f" and in {count - 1} more" if count > 1 else ""
        raise DataError(
            f"the column {name!r} has no value in row {row} (counted from 0){others}; every row needs {needs}: fill "
            f"it in, or leave such rows out"
        )
    if column.dtype.kind == "O":
        return np.array([str(value) for value in column])
    return column


def _missing(column: Array) -> Array:
    if column.dtype.kind == "f":
        return np.isnan(column)
    if column.dtype.kind in "mM":
        return np.isnat(column)
    if column.dtype.kind == "U":
        blank: Array = np.char.strip(column) == ""
        return blank
    if column.dtype.kind == "O":
        return np.array([_is_gap(value) for value in column], dtype=bool)
    return np.zeros(len(column), dtype=bool)


def _is_gap(value: Any) -> bool:
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    return bool(value != value)  # NaN, NaT


def _ranks(texts: list[str], codes: Array, name: str) -> Array:
    """The order of different texts: 0 for the earliest, equal numbers for equal moments."""
    numbers = [_number(text) for text in texts]
    if all(number is not None for number in numbers):
        return np.unique(np.array(numbers, dtype=np.float64), return_inverse=True)[1].reshape(-1)
    moments: list[datetime] = []
    for place, text in enumerate(texts):
        moment = _moment(text)
        other = moments[0] if moments and moment is not None else None
        row = int(np.flatnonzero(codes == place)[0]) if moment is None or other is not None else 0
        if moment is None:
            raise DataError(
                f"the column {name!r} says {show(text)} in row {row} (counted from 0), which is neither a number nor "
                f"a date; write dates as 2024-03-01 or 2024-03-01T12:30:00"
            )
        if other is not None and (moment.tzinfo is None) != (other.tzinfo is None):
            raise DataError(
                f"the column {name!r} says {show(text)} in row {row} (counted from 0), but of {show(texts[0])} and it "
                f"only one has a time zone; write all of them with one, or none"
            )
        moments.append(moment)
    order = {moment: rank for rank, moment in enumerate(sorted(set(moments)))}
    return np.array([order[moment] for moment in moments])


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(text: str) -> datetime | None:
    text = _YEAR_FIRST.sub(r"\1-\2-\3\4", text) if "/" in text else text
    try:
        moment = datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
        return moment if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
