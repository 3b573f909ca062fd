"""Columns of equal length by name: the rows of a table before they are turned into numbers."""

from __future__ import annotations

from collections.abc import Mapping

from seqnet.datasets.labels import Array
from seqnet.errors import DataError, suggestion


class Table:
    """Named columns, (N,) each, of any dtype. Rows are taken as from an array: table[10:20], table[row_numbers]."""

    def __init__(self, columns: Mapping[str, Array]) -> None:
        self.columns = dict(columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, rows: slice | Array) -> Table:
        return Table({name: column[rows] for name, column in self.columns.items()})

    def column(self, name: str) -> Array:
        """The column of a name. Raises DataError with the nearest name."""
        if name not in self.columns:
            raise DataError(f"there is no column {name!r}; {suggestion(name, self.columns)}")
        return self.columns[name]
