"""A table in a csv, tsv or parquet file: which columns are features, which the target, and how they become numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from seqnet.checkers import TEXT, ComponentOf, Either, MappingOf, Tuple
from seqnet.datasets.base import Data, Source, Split
from seqnet.datasets.columns import ColumnKind, Numeric, Scale, as_words, word_of
from seqnet.datasets.csv_format import Format, is_number
from seqnet.datasets.csv_reader import MISSING, PARQUET, CsvFile, read_parquet, require_columns
from seqnet.datasets.labels import Array
from seqnet.datasets.readers import existing_file
from seqnet.datasets.table import Coded, Column, Table, gaps_of, listed
from seqnet.datasets.table_preparation import (
    TablePreparation,
    mostly_numbers,
    refuse_parted,
    stated_kind,
    words_among_numbers,
)
from seqnet.declare import option
from seqnet.errors import DataError
from seqnet.registry import register

Names = Annotated[Any, Either((TEXT, Tuple(TEXT, minimum=1)))]
NameList = Annotated[tuple[str, ...], Tuple(TEXT)]
Kinds = Annotated[dict[str, ColumnKind], MappingOf(TEXT, ComponentOf(ColumnKind))]


@register(name="csv")
class Csv(Source):
    """A table with a header: csv, tsv, either of them gzipped, or parquet (which needs pyarrow).

    Every column but target, sample_weight and those in `drop` is a feature. Which columns hold numbers, categories,
    booleans or dates is found out and shown; `columns` states it, by name or pattern: {age: numeric, "is_*":
    boolean, city: {categorical: {encode: integer}}, note: text} (seqnet list columns). Means, categories and all
    else are those of the training rows; the run keeps them, and predict takes raw files. x (N, features) float32,
    or integers where every feature is one (for Embedding). A target of words is a classification; of numbers, what
    the loss makes of it; a list of targets of 0 and 1 are labels of which a row may have several.
    """

    targets_hint = "name the column to predict with target: COLUMN"

    path: str = option("the file", example="houses.csv")
    target: Names | None = option("the column to predict, or a list; null: there is none", default=None)
    features: NameList | None = option("the columns to predict from; null: all others", default=None)
    drop: NameList = option("columns that are no features", default=())
    columns: Kinds = option(
        "what columns hold, by name or pattern; the others are found out",
        default={},
        example={"age": "numeric", "city": {"categorical": {"encode": "integer"}}},
    )
    scale: Scale = option("for columns of numbers that `columns` does not name", default="standardize")
    encode: Literal["one_hot", "integer"] = option("for categories that `columns` does not name", default="one_hot")
    task: Literal["classification", "regression"] | None = option(
        "what a target of whole numbers is; null: the loss says", default=None
    )
    sample_weight: str | None = option("column of weights, one a row, that count in the loss", default=None)
    target_missing: Literal["error", "drop"] = option("what is done about rows without a target", default="error")
    missing_values: NameList = option("cells that stand for no value, besides empty ones", default=MISSING[1:])
    delimiter: str | None = option("what parts the cells; null: found out", default=None)
    header: bool | None = option("whether the first line names the columns; null: found out", default=None)
    encoding: str | None = option(
        "how the file writes characters as bytes; null: utf-8 or as its mark says", default=None
    )
    quote: str = option("what stands around cells that hold other signs", default='"')
    decimal: Literal[".", ","] | None = option("what parts whole numbers from fractions; null: found out", default=None)
    thousands: str | None = option("what parts thousands, such as ','; null: nothing", default=None)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        targets = listed(values["target"])
        for name in dict.fromkeys(targets):
            if targets.count(name) > 1:
                yield "target", f"target names {name!r} twice"
            if name in (values["features"] or ()):
                yield "features", f"{name!r} is the target, so it can be no feature"
            if name == values["sample_weight"]:
                yield "sample_weight", f"{name!r} is the target, so it can be no weight"
        for name in values["features"] or ():
            if name in values["drop"]:
                yield "drop", f"{name!r} is in features too; keep one of them"
        single = True
        for name in ("delimiter", "quote", "thousands"):
            if values[name] is not None and len(values[name]) != 1:
                single = False
                yield name, f"{name} must be a single character, got {values[name]!r}"
        for name in ("delimiter", "quote"):
            if values[name] in ("\n", "\r", "\0"):
                single = False
                yield name, f"{name} can't be {values[name]!r}, which ends a line or a text"
        if single and values["quote"] == (values["delimiter"] or ","):
            yield "quote", f"quote and delimiter can't both be {values['quote']!r}"
        if values["thousands"] is not None and (values["thousands"].isalnum() or values["thousands"] in "+-"):
            yield "thousands", f"thousands must be a sign that numbers do not hold, got {values['thousands']!r}"
        if values["thousands"] is not None and values["thousands"] == (values["decimal"] or "."):
            also = '; state decimal: "," too' if values["decimal"] is None else ""
            yield "thousands", f"thousands and decimal can't be the same sign{also}"

    def load(self, base: Path) -> Data:
        """Read the table. Raises DataError with file, line, column and cell."""
        path = existing_file(self.path, base, "csv")
        targets = listed(self.target)
        table, form = self._table(path, {*targets, self.sample_weight})
        wanted = {name: "is the target" for name in targets}
        if self.sample_weight is not None:
            wanted[self.sample_weight] = "holds the weights"
        wanted |= {name: "is to be a feature" for name in self.features or ()}
        wanted |= {name: "is to be dropped" for name in self.drop}
        require_columns(wanted, list(table.columns), path)
        if not len(table):
            raise DataError(f"{path} has a header but no rows")
        preparation = TablePreparation(
            path=str(path),
            form=form,
            missing_values=self.missing_values,
            stated=self.columns,
            scale=self.scale,
            encode=self.encode,
            features=self.features,
            left_out=[*targets, *self.drop, *([self.sample_weight] if self.sample_weight else [])],
        )
        preparation.targets = targets
        preparation.require_stated(list(table.columns))
        preparation.look_at(table)
        table = self._with_targets(table, targets, path)
        y, task, names = self._targets(table, targets, path, form)
        train = Split(
            np.empty((0, 0), np.float32),
            y,
            None if self.sample_weight is None else self._weights(table, path),
            raw=table,
        )
        data = Data(name=path.stem, train=train, task=task, class_names=names, preparation=preparation)
        return data.encoded()

    def _table(self, path: Path, others: Collection[str | None]) -> tuple[Table, Format]:
        """The cells, and how they are written. others: columns that are no features, whatever `columns` says."""
        form = Format(self.encoding, self.delimiter, self.quote, None, self.header, self.decimal, self.thousands)
        if path.suffix.lower() in PARQUET:
            return read_parquet(path, None, self.missing_values), form
        file = CsvFile.open(path, form, self.missing_values)
        for name in file.names:
            kind = stated_kind(self.columns, name)
            if kind is not None and not isinstance(kind, Numeric) and name not in others:
                file.words.add(name)  # 007 stays what it is
        table = file.read()
        return table, file.form

    def _with_targets(self, table: Table, targets: Sequence[str], path: Path) -> Table:
        """The rows that have a target."""
        there = np.ones(len(table), bool)
        for name in targets:
            gaps = gaps_of(table.columns[name])
            if gaps.any() and self.target_missing == "error":
                raise DataError(
                    f"{path}: {int(gaps.sum()):,} of {len(table):,} rows have no target: column {name!r} is empty in "
                    f"{table.places(np.flatnonzero(gaps))}; fill them in, or write target_missing: drop"
                )
            there &= ~gaps
        if not there.any():
            raise DataError(f"{path}: no row has a target")
        return table if there.all() else table[np.flatnonzero(there)]

    def _targets(
        self, table: Table, targets: Sequence[str], path: Path, form: Format
    ) -> tuple[Array | None, Literal["classification", "regression"] | None, tuple[str, ...] | None]:
        """y, the task where it is known, and the names of labels of which a row may have several."""
        if not targets:
            return None, None, None
        if len(targets) == 1:
            return *self._target(table.columns[targets[0]], targets[0], path, table, form), None
        columns = []
        for name in targets:
            column = table.columns[name]
            if isinstance(column, Coded):
                column = column.used()
                low = [word.lower() for word in column.words]
                if not set(low) <= {"true", "false", "yes", "no"}:
                    strange = next(i for i, word in enumerate(column.words) if not is_number(word, form))
                    where = table.places(np.flatnonzero(column.codes == strange))
                    raise DataError(
                        f"{path}: several targets must be numbers, but column {name!r} holds "
                        f"{column.words[strange]!r} in {where}"
                    )
                column = np.array([word in ("true", "yes") for word in low], np.float64)[column.codes]
            _refuse_infinity(column, name, path, table)
            columns.append(column)
        y = np.stack(columns, axis=1)
        if np.isin(y, (0.0, 1.0)).all() and self.task != "regression":
            return y.astype(np.int64), None, tuple(targets)
        if self.task == "classification":
            raise DataError(f"{path}: several targets of a classification must be 0 or 1: {', '.join(targets)}")
        return _float32(y), "regression", None

    def _target(
        self, column: Column, name: str, path: Path, table: Table, form: Format
    ) -> tuple[Array, Literal["classification", "regression"] | None]:
        if isinstance(column, Coded):
            column = column.used()
            strange = np.array([not is_number(word, form) for word in column.words])
            if self.task == "regression" and strange.any():
                row = int(np.flatnonzero(strange[column.codes])[0])
                raise DataError(
                    f"{path}: the target {name!r} of a regression must hold numbers, got "
                    f"{column.words[column.codes[row]]!r} in {table.places(np.array([row]))}"
                )
            if self.task is None and mostly_numbers(column, form):
                fix = "mend them, or add them to missing_values (and target_missing: drop), or task: classification"
                raise words_among_numbers(name, column, table, path, form, fix=fix)
            if self.task is None:
                refuse_parted(name, column, path, form, "task: classification")
            return column.texts(), "classification"
        _refuse_infinity(column, name, path, table)
        whole = bool((column == np.floor(column)).all()) and bool((np.abs(column) < 2**53).all())
        if self.task == "classification":
            if whole and column.min() == 0 and len(np.unique(column)) == column.max() + 1:
                return column.astype(np.int64), "classification"
            return as_words(column).texts(), "classification"
        if whole and self.task is None:
            return column.astype(np.int64), None
        return _float32(column), "regression"

    def _weights(self, table: Table, path: Path) -> Array:
        name = str(self.sample_weight)
        column = table.columns[name]
        if isinstance(column, Coded):
            raise DataError(f"{path}: column {name!r} is to hold weights, but holds {column.words[0]!r}")
        bad = ~(column >= 0) | np.isinf(column)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            what = "no weight" if np.isnan(column[row]) else word_of(column[row]) if np.isfinite(column[row]) else "inf"
            raise DataError(
                f"{path}: column {name!r} holds {what} in {table.places(np.flatnonzero(bad))}; weights are numbers >= 0"
            )
        return _float32(column)


def _float32(column: Array) -> Array:
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which the checks report
        return column.astype(np.float32)


def _refuse_infinity(column: Array, name: str, path: Path, table: Table) -> None:
    rows = np.flatnonzero(np.abs(column) > np.finfo(np.float32).max)
    if len(rows):
        what = "infinite" if np.isinf(column[rows[0]]) else f"too large, {column[rows[0]]:g},"
        raise DataError(f"{path}: the target {name!r} is {what} in {table.places(rows)}; mend the cell")
