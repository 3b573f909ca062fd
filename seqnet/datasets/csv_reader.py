"""Reads the cells of csv files into columns, in blocks: numbers as floats, anything else as coded words.

A block of plain rows is cut and converted by NumPy (csv_bytes.py), others go through the csv module. Which columns
hold numbers shows as they are read: where a later block has words in what were numbers so far, the file is read again
with that column as words, so that no cell is ever half of one and half of the other.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from seqnet.datasets import csv_bytes, csv_format
from seqnet.datasets.csv_bytes import ByteCells
from seqnet.datasets.csv_format import (
    NAMES,
    Format,
    broken,
    decimal_mark,
    found_out,
    is_number,
    open_bytes,
    place_of,
    plain_number,
    sample_lines,
    split_header,
    text_lines,
    utf8_blocks,
)
from seqnet.datasets.labels import Array
from seqnet.datasets.table import Coded, Column, Table
from seqnet.errors import DataError, suggestion

# What stands for no value, as pandas reads it, and the question mark of older sets.
MISSING = ("", "NA", "N/A", "#N/A", "<NA>", "n/a", "NaN", "nan", "NULL", "null", "None", "?")
SAMPLE = 1 << 16  # bytes that tell how a file is written
T = TypeVar("T")
PARQUET = (".parquet", ".pq")
# What is said where everything was stated before: to people who predict.
OF_TRAINING = "mend them or leave them empty; to the training this was a column of numbers"


class _Words(Exception):
    """A column that was taken for numbers has words."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


@dataclass
class ListCells:
    """The cells of rows by column. lines: the line that each row ends in, (N,); last: that of the text's end."""

    columns: list[list[bytes]]
    lines: Array
    last: int

    def texts(self, column: int) -> list[bytes]:
        return self.columns[column]

    def numbers(
        self, columns: Sequence[int], point: str, read: Callable[[list[bytes]], Array | None]
    ) -> list[Array | None]:
        return [read(self.columns[column]) for column in columns]

    def coded(self, column: int) -> tuple[Array, list[bytes]]:
        return csv_bytes.coded(self.columns[column])


@dataclass
class CsvFile:
    """A csv file, opened as far as its header. missing: cells that stand for no value."""

    path: Path
    form: Format
    missing: tuple[str, ...]
    names: tuple[str, ...] = ()
    words: set[str] = field(default_factory=set)  # columns whose cells stay words
    _gaps: frozenset[bytes] = frozenset()  # the cells that `missing` names
    numbers_missing: list[float] = field(default_factory=list)  # those of `missing` that are numbers
    skipped: int = 0  # bytes of the header
    lines: int = 0  # of the header
    large: bool = False  # whether a second thread is worth its while

    @classmethod
    def open(cls, path: Path, form: Format, missing: Sequence[str] = MISSING) -> CsvFile:
        """Find out how the file is written, and the names of its columns. Raises DataError."""
        file = cls(path, form, tuple(dict.fromkeys(["", *missing])))
        file._gaps = frozenset(text.encode() for text in file.missing)
        file.numbers_missing = [float(text) for text in missing if is_number(text)]
        with open_bytes(path) as raw:
            first = b""
            for block in utf8_blocks(raw, path, form):
                first += block
                if len(first) >= SAMPLE:
                    break
        if not first.strip():
            raise DataError(f"{path} is empty")
        file.large = 2 * len(first) > csv_format.BLOCK
        file.form = found_out(form, first, path)
        file.names, file.skipped, file.lines = split_header(file.form, first, path)
        rows: list[list[str]] = []
        with suppress(csv.Error):  # which is told with its line when the row is read
            for row in file.form.reader(sample_lines(first)[file.lines :]):
                rows += [row] if len(row) == len(file.names) else []
        file.form = replace(file.form, decimal=decimal_mark(file.form, list(zip(*rows, strict=False))))
        return file

    def read(self, wanted: Collection[str] | None = None) -> Table:
        """All rows. wanted: the columns to keep; None: all. Raises DataError."""
        while True:
            try:
                return _joined(list(self._tables(wanted)), self.names, wanted)
            except _Words as late:
                self.words.add(late.column)

    def blocks(self, wanted: Collection[str], rows: int, numbers: Collection[str] = ()) -> Iterator[Table]:
        """The rows in tables of at most `rows`; a column may be of numbers in one, of words in the next.

        numbers: columns that must hold nothing else. Raises DataError.
        """
        for table in self._tables(wanted, numbers):
            for start in range(0, len(table), rows):
                yield table[slice(start, start + rows)]

    def mixed(self) -> Iterator[Table]:
        """The rows in tables whose columns hold numbers or words as their own cells do. Raises DataError."""
        return self._tables(None, strict=())

    def _tables(self, wanted: Collection[str] | None, strict: Collection[str] | None = None) -> Iterator[Table]:
        """Blocks of the file as tables. strict: columns in which a word is an error of the cell; None: in none, but
        words after numbers make the whole column one of words."""
        kept = [(i, name) for i, name in enumerate(self.names) if wanted is None or name in wanted]
        numeric: set[str] = set()
        with closing(_one_ahead(self._cells()) if self.large else self._cells()) as parts:
            for cells in parts:
                asked = [index for index, name in kept if name not in self.words]
                found = dict(zip(asked, cells.numbers(asked, self.form.decimal or ".", self.numbers), strict=True))
                table: dict[str, Column] = {}
                for index, name in kept:
                    values = found.get(index)
                    if values is not None:
                        table[name] = self._without_gaps(values)
                        numeric.add(name)
                        continue
                    if strict is None and name in numeric:
                        raise _Words(name)
                    if name in (strict or ()):
                        raise self._bad_cells(name, cells.texts(index), cells.lines)
                    table[name] = self.coded(*cells.coded(index))
                    if strict is None:
                        self.words.add(name)
                yield Table(table, cells.lines)

    # -- cells ------------------------------------------------------------------------------------------------------

    def _cells(self) -> Generator[ByteCells | ListCells]:
        """The cells of each block of the file. Raises DataError."""
        line, skipped = self.lines, self.skipped
        with open_bytes(self.path) as raw:
            for block in utf8_blocks(raw, self.path, self.form):
                text, skipped = block[skipped:], max(0, skipped - len(block))
                if not text.lstrip(b"\r\n"):
                    line += text.count(b"\n")
                    continue
                cells = csv_bytes.split(text, self.form, len(self.names), line) or self._quoted(text, line)
                line = cells.last
                yield cells

    def _quoted(self, text: bytes, line: int) -> ListCells:
        """The cells of whole lines by the csv module: quotes, empty lines, and rows that are too long or too short."""
        reader = self.form.reader(text_lines(text))
        width, rows, lines, ended = len(self.names), [], [], 0
        try:
            for row in reader:
                ended = reader.line_num
                if not row or (len(row) == 1 and width > 1 and not row[0].strip()):
                    continue
                if len(row) != width:
                    raise self._wrong_width(row, line + reader.line_num)
                rows.append(row)
                lines.append(line + reader.line_num)
        except csv.Error as error:
            at = line + place_of(error, ended + 1, reader.line_num)
            raise DataError(f"{self.path}, line {at}: {broken(error)}") from None
        columns = [[cell.encode("utf-8", "surrogatepass") for cell in column] for column in zip(*rows, strict=True)]
        return ListCells(columns or [[] for _ in range(width)], np.array(lines, np.int64), line + reader.line_num)

    def _wrong_width(self, row: list[str], line: int) -> DataError:
        mark = self.form.delimiter or ","
        told = "cell" if len(row) == 1 else "cells"
        advice = "a cell that holds the delimiter needs quotes around it"
        if len(row) == 1 and (other := next((m for m in NAMES if m != mark and m in row[0]), None)):
            advice = f"cells are parted by {NAMES.get(mark, repr(mark))} here, not by {NAMES[other]}"
        return DataError(
            f"{self.path}, line {line}: {len(row)} {told}, but the first row has {len(self.names)} "
            f"({', '.join(self.names[:4])}{', …' if len(self.names) > 4 else ''}); {advice}"
        )

    def numbers(self, cells: list[bytes]) -> Array | None:
        """Cells as floats, NaN where there is none; None where one is no number."""
        decimal, thousands, missing = self.form.decimal, self.form.thousands, self._gaps
        if b"_" in b"".join(cells):  # which Python reads in numbers and no one else
            cells = [b"nan" if cell.strip() in missing else cell for cell in cells]
            if b"_" in b"".join(cells):
                return None
        plain = not thousands and decimal != ","
        found = _floats(cells) if plain else None
        if found is None:
            cells = [b"nan" if cell.strip() in missing else cell for cell in cells]
            if not plain:
                cells = [plain_number(cell, decimal or ".", thousands) for cell in cells]
            found = _floats(cells)
        return found

    def _without_gaps(self, values: Array) -> Array:
        """Numbers, NaN for those that stand for no value."""
        if self.numbers_missing:
            values[np.isin(values, self.numbers_missing)] = np.nan
        return values

    def coded(self, codes: Array, cells: Sequence[bytes]) -> Coded:
        """A column of words, without the blanks around them, from codes (N,) that say which of the cells each is."""
        texts = [cell.decode("utf-8", "surrogatepass").strip() for cell in cells]
        missing = set(self.missing)
        words = {text: place for place, text in enumerate(dict.fromkeys(t for t in texts if t not in missing))}
        places = np.array([words.get(text, -1) for text in texts] or [-1], np.int32)
        return Coded(places[codes], tuple(words))

    def _bad_cells(self, name: str, cells: list[bytes], lines: Array) -> DataError:
        bad = [
            (int(at), cell.decode("utf-8", "replace"))
            for at, cell in zip(lines, cells, strict=True)
            if self.numbers([cell]) is None
        ]
        return bad_cells(self.path, name, bad, fix=OF_TRAINING)


def _one_ahead(items: Generator[T]) -> Generator[T]:
    """The items, each made by a thread while the one before it is used: NumPy works in two threads at once."""
    try:
        with ThreadPoolExecutor(1, "seqnet-csv") as pool:
            coming = pool.submit(next, items, None)
            while (item := coming.result()) is not None:
                coming = pool.submit(next, items, None)
                yield item
    finally:
        items.close()


def _floats(cells: list[bytes]) -> Array | None:
    """Cells as Python reads numbers, or None where one is no number."""
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None


def bad_cells(
    path: Path, name: str, bad: Sequence[tuple[int, str]], where: str = "line", *, fix: str | None = None
) -> DataError:
    """What is said of cells that are no numbers where the others of their column are: (line, cell) of each.

    fix: what to do about them; None: what can be done of a feature before the training.
    """
    shown = ", ".join(f"{_short(cell)} ({where} {line})" for line, cell in bad[:3])
    more = f" and {len(bad) - 3:,} more" if len(bad) > 3 else ""
    fix = fix or f"mend them, or add them to missing_values, or write columns: {{{name}: categorical}}"
    return DataError(f"{path}: column {name!r} holds numbers but for {shown}{more}; {fix}")


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:39] + "…")


def _joined(tables: list[Table], names: Sequence[str], wanted: Collection[str] | None) -> Table:
    """The rows of all tables."""
    kept = [name for name in names if wanted is None or name in wanted]
    if not tables:
        return Table({name: np.empty(0) for name in kept}, np.empty(0, np.int64))
    lines = np.concatenate([table.lines for table in tables if table.lines is not None])
    return Table({name: _stacked([table.columns[name] for table in tables]) for name in kept}, lines)


def _stacked(parts: list[Column]) -> Column:
    if not isinstance(parts[0], Coded):
        return np.concatenate([part for part in parts if not isinstance(part, Coded)])
    words: dict[str, int] = {}
    codes = []
    for part in parts:
        assert isinstance(part, Coded)
        places = np.array([words.setdefault(word, len(words)) for word in part.words] + [-1], np.int32)
        codes.append(places[part.codes])
    return Coded(np.concatenate(codes), tuple(words))


def require_columns(wanted: Mapping[str, str], names: Sequence[str], path: Path) -> None:
    """Raise DataError for columns that the file lacks. wanted: what each is wanted for, by column."""
    lacking = [name for name in wanted if name not in names]
    if not lacking:
        return
    name = lacking[0]
    also = f" (nor {', '.join(repr(one) for one in lacking[1:4])}{', …' if len(lacking) > 4 else ''})"
    raise DataError(
        f"{path} has no column {name!r}{also if lacking[1:] else ''}, which {wanted[name]}; {suggestion(name, names)}"
    )


def read_parquet(path: Path, wanted: Collection[str] | None, missing: Sequence[str]) -> Table:
    """The columns of a parquet file, by pyarrow. Raises DataError."""
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError(f"{path}: parquet files need pyarrow: pip install 'seqnet[parquet]'") from None
    try:
        found = parquet.read_table(path, columns=None if wanted is None else list(wanted))
    except (OSError, arrow.ArrowException) as error:
        raise DataError(f"{path} can't be read as parquet: {error}") from None
    names = found.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path} has two columns named {twice[0]!r}; every column needs a name of its own")
    columns: dict[str, Column] = {}
    for name, column in zip(names, found.columns, strict=True):
        try:
            columns[name] = _arrow_column(column, name, path, missing)
        except (arrow.ArrowException, ValueError, OverflowError) as error:
            raise DataError(f"{path}: column {name!r} can't be read: {error}") from None
    return Table(columns, None)


def _arrow_column(column: Any, name: str, path: Path, missing: Sequence[str]) -> Column:
    """A column of pyarrow's as one of a table."""
    import pyarrow as arrow

    types, kind = arrow.types, column.type
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if types.is_null(kind):
        return np.full(len(column), np.nan)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return np.asarray(column.cast(arrow.float64(), safe=False).to_numpy(), np.float64)
    if types.is_boolean(kind):
        texts = ["" if value is None else str(value).lower() for value in column.to_pylist()]
    elif types.is_string(kind) or types.is_large_string(kind):
        texts = ["" if value is None else value.strip() for value in column.to_pylist()]
    elif types.is_timestamp(kind) or types.is_date(kind):
        if types.is_timestamp(kind):  # Python's times know no nanoseconds
            column = column.cast(arrow.timestamp("us", kind.tz), safe=False)
        texts = ["" if value is None else value.isoformat() for value in column.to_pylist()]
    else:
        raise DataError(f"{path}: column {name!r} holds {kind}, which is no number, text or date; leave it out")
    return _from_texts(texts, missing)


def _from_texts(texts: Sequence[str], missing: Sequence[str]) -> Coded:
    without = {"", *missing}
    words = {text: place for place, text in enumerate(dict.fromkeys(t for t in texts if t not in without))}
    return Coded(np.array([words.get(text, -1) for text in texts], np.int32), tuple(words))
