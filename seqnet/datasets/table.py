"""Columns of equal length by name: the rows of a table before they are turned into numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.errors import DataError, suggestion


class Coded:
    """A column of text: codes (N,) int32 say which of `words` a row has; -1: it has none."""

    def __init__(self, codes: Array, words: Sequence[str]) -> None:
        self.codes = codes
        self.words = tuple(words)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice | Array) -> Coded:
        return Coded(self.codes[rows], self.words)

    def used(self) -> Coded:
        """The same rows, without words that none of them has."""
        there = np.bincount(self.codes[self.codes >= 0], minlength=len(self.words)) > 0
        if there.all():
            return self
        places = np.append(np.where(there, np.cumsum(there) - 1, -1), -1).astype(np.int32)
        words = [word for word, has in zip(self.words, there.tolist(), strict=True) if has]
        return Coded(places[self.codes], words)

    def texts(self) -> Array:
        """The words themselves, (N,); empty where there is none."""
        found: Array = np.array([*self.words, ""], dtype=str)[self.codes]
        return found


Column: TypeAlias = "Array | Coded"


class Table:
    """Named columns, (N,) each, of any dtype. Rows are taken as from an array: table[10:20], table[row_numbers].

    lines: the line of the file that each row ends in, (N,), where there are lines.
    """

    def __init__(self, columns: Mapping[str, Column], lines: Array | None = None) -> None:
        self.columns = dict(columns)
        self.lines = lines

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, rows: slice | Array) -> Table:
        lines = None if self.lines is None else self.lines[rows]
        return Table({name: column[rows] for name, column in self.columns.items()}, lines)

    def column(self, name: str) -> Array:
        """The column of a name, text as text. Raises DataError with the nearest name."""
        if name not in self.columns:
            known = [one for one in self.columns if not one.startswith("\0")]  # which no file has
            raise DataError(f"there is no column {name!r}; {suggestion(name, known)}")
        column = self.columns[name]
        return column.texts() if isinstance(column, Coded) else column

    def places(self, rows: Array, most: int = 3) -> str:
        """Where these rows stand, in words: "line 5", "lines 5, 9, 12 and 40 more", "row 0 (counted from 0)"."""
        shown = rows[:most].tolist() if self.lines is None else self.lines[rows[:most]].tolist()
        what = "row" if self.lines is None else "line"
        more = f" and {len(rows) - most:,} more" if len(rows) > most else ""
        told = f"{what}{'s' if len(rows) > 1 else ''} {', '.join(map(str, shown))}{more}"
        return told if self.lines is not None else f"{told} (counted from 0)"


def listed(names: str | Sequence[str] | None) -> list[str]:
    """The names of columns, of which a file may write a single one without brackets."""
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def gaps_of(column: Column) -> Array:
    """Where a column has no value, (N,) bool."""
    found: Array = column.codes < 0 if isinstance(column, Coded) else np.isnan(column)
    return found
