"""From the columns of a table to the numbers that a network takes: fitted to training rows, kept with the weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from seqnet.datasets.base import Split
from seqnet.datasets.columns import FIRST, BadCell, Boolean, Categorical, ColumnKind, Numeric, infer, unknown_words
from seqnet.datasets.csv_format import Format, as_number, is_number
from seqnet.datasets.csv_reader import OF_TRAINING, PARQUET, CsvFile, bad_cells, read_parquet, require_columns
from seqnet.datasets.labels import Array
from seqnet.datasets.parted import parted_numbers
from seqnet.datasets.preparation import Preparation
from seqnet.datasets.readers import existing_file
from seqnet.datasets.table import Coded, Column, Table, gaps_of
from seqnet.declare import get
from seqnet.errors import CheckpointError, DataError, SpecError, suggestion

if TYPE_CHECKING:
    from seqnet.datasets.base import Data

# Numbers whose thousands are parted: 1,234 and 1.234,5 and 1 234 567.8; the first may be a fraction as well.
MOSTLY = 0.9  # of the cells: a column with so many numbers is one of numbers, with mistakes in it
NAMED = 6  # columns that a line names


class TablePreparation(Preparation):
    """Which columns are features, what each holds, and what was learned of it."""

    kind = "table"
    example = "INPUT.csv"

    def __init__(
        self,
        *,
        path: str,
        form: Format,
        missing_values: Sequence[str],
        stated: Mapping[str, ColumnKind],
        scale: str,
        encode: str,
        features: Sequence[str] | None,
        left_out: Sequence[str],
    ) -> None:
        self.path = path
        self.form = form
        self.missing_values = tuple(missing_values)
        self.stated = dict(stated)
        self.scale, self.encode = scale, encode
        self.features = None if features is None else list(features)
        self.left_out = list(left_out)
        self.kinds: dict[str, ColumnKind] = {}  # of the features, in order
        self.learned: dict[str, dict[str, Any]] = {}
        self.remarks: list[str] = []  # what is to be told of the columns
        self.unknown: dict[str, dict[str, int]] = {}  # words that no training row had, of the rows read since
        self.rows = 0  # so many
        self.targets: list[str] = []
        self.file_columns: list[str] = []  # of all columns of the file, the target too
        self.beyond_bits: set[str] = set()  # columns of numbers that some row of the file has another of than 0 and 1

    def exclude(self, names: Iterable[str]) -> None:
        """These columns say how rows are divided, so they are no features unless `features` names them."""
        self.left_out += [name for name in names if name not in (self.features or ())]

    @property
    def scales_inputs(self) -> bool:
        plain = [
            (isinstance(kind, Numeric) and kind.scale == "none")
            or (isinstance(kind, Categorical) and kind.encode == "integer")
            for kind in self.kinds.values()
        ]
        return not any(plain)

    def require_stated(self, names: Sequence[str]) -> None:
        """Raise DataError where `columns` names a column that the table lacks."""
        self.file_columns = list(names)
        for pattern in self.stated:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise DataError(f"columns names {pattern!r}, which {self.path} lacks; {suggestion(pattern, names)}")

    def look_at(self, table: Table) -> None:
        """Be told of all rows of the file, before any are held back: they decide which columns are mere bits."""
        for name, column in table.columns.items():
            if not isinstance(column, Coded):
                beyond = isinstance(infer(column), Numeric)
            else:
                beyond = "1" in column.words and not {as_number(w, self.form) for w in column.words} <= {0.0, 1.0, None}
            if beyond:
                self.beyond_bits.add(name)

    # -- fitting ----------------------------------------------------------------------------------------------------

    def fit(self, train: Split) -> None:
        raw = _raw(train)
        names = self.features
        if names is None:
            names = [name for name in raw.columns if name not in self.left_out]
        columns = {name: self._column(name, raw, stated_kind(self.stated, name)) for name in names}
        table = Table(columns, raw.lines)
        self.kinds, self.learned, self.remarks = {}, {}, []
        dropped: list[str] = []
        for name in names:
            kind = self._kind(name, table, dropped)
            if kind is not None:
                self.kinds[name] = kind
        if not self.kinds:
            raise DataError(self._nothing_left(names, table))
        for name, kind in self.kinds.items():
            self._refuse_bad_cells(name, kind, table, self.path)
            with _placed(table, self.path):
                self.learned[name] = kind.fit(columns[name], name)
        self.remarks = [*self._described(table), *dropped]

    def _column(self, name: str, table: Table, kind: ColumnKind | None) -> Column:
        """A column without words that only other rows have; as numbers where it may and can be."""
        column = table.columns[name]
        if not isinstance(column, Coded):
            return column
        column = column.used()
        if kind is not None and not isinstance(kind, Numeric):
            return column
        numbers = [as_number(word, self.form) for word in column.words]
        if not numbers or None in numbers:
            return column
        return np.array([*numbers, np.nan], np.float64)[column.codes]

    def _kind(self, name: str, table: Table, dropped: list[str]) -> ColumnKind | None:
        """What a column holds; None where it is left out, which is said in `dropped`."""
        column = table.columns[name]
        stated = stated_kind(self.stated, name)
        if stated is not None:
            return stated
        wanted = self.features is not None
        if isinstance(column, Coded):
            if mostly_numbers(column, self.form):
                raise self._bad_cells(name, column, table, self.path)
            refuse_parted(name, column, self.path, self.form, f"columns: {{{name}: categorical}}")
        found = infer(column)
        if isinstance(found, Boolean) and name in self.beyond_bits:
            found = Numeric()  # the training rows just lack its other numbers
        if found is None:
            if wanted:
                return Categorical(encode=self.encode)
            advice = f"columns: {{{name}: text}} takes its words"
            dropped.append(f"left out: {name}, in which nearly every row has a text of its own ({advice})")
            return None
        if not wanted and len(table) > 1 and _constant(column[:FIRST]) and _constant(column):
            dropped.append(f"left out: {name}, which is the same in every row")
            return None
        if not wanted and isinstance(found, Numeric) and _counts_rows(column):
            dropped.append(f"left out: {name}, which numbers the rows")
            return None
        if isinstance(found, Numeric):
            return Numeric(scale=self.scale)
        return Categorical(encode=self.encode) if isinstance(found, Categorical) else found

    def _nothing_left(self, names: Sequence[str], table: Table) -> str:
        texts = [name for name in names if isinstance(table.columns[name], Coded)]
        if texts:
            return (
                f"{self.path} has no feature but texts of their own in every row ({', '.join(texts)}); for free text "
                f"write text: {{path: {Path(self.path).name}, column: {texts[0]}}}, or make it categorical"
            )
        return f"{self.path} has no column to predict from"

    def _refuse_bad_cells(self, name: str, kind: ColumnKind, table: Table, path: Path | str) -> None:
        column = table.columns[name]
        if isinstance(kind, Numeric) and isinstance(column, Coded):
            raise self._bad_cells(name, column, table, path)
        if kind.missing == "error" and (gaps := gaps_of(column)).any():
            filled = f"{{{type(kind).spec_name}: {{missing: {type(kind)().missing}}}}}"
            advice = f"fill it in, or say what stands for none: columns: {{{name}: {filled}}}"
            if self._is_other(path):
                advice = "fill it in; the training had no gaps in it"
            raise DataError(f"{path}: column {name!r} has no value in {table.places(np.flatnonzero(gaps))}; {advice}")

    def _bad_cells(self, name: str, column: Coded, table: Table, path: Path | str) -> DataError:
        fix = OF_TRAINING if self._is_other(path) else None
        return words_among_numbers(name, column, table, path, self.form, fix=fix)

    def _is_other(self, path: Path | str) -> bool:
        """Whether this is another file than that of the training, of which everything has been stated."""
        return str(path) != str(self.path)

    def _described(self, table: Table) -> Iterator[str]:
        """A line for each kind of column, with what is done to them, and one of the gaps."""
        by_kind: dict[str, list[str]] = {}
        for name, kind in self.kinds.items():
            how = kind.summary(self.learned[name])
            if isinstance(kind, Numeric):
                by_kind.setdefault(f"numeric ({how or 'as they are'})", []).append(name)
            else:
                by_kind.setdefault(type(kind).spec_name, []).append(f"{name} ({how})" if how else name)
        for told, names in by_kind.items():
            yield f"{told}: {_some(names)}"
        gaps = {name: int(gaps_of(table.columns[name]).sum()) for name in self.kinds}
        filled = [f"{name} {count:,} ({self.kinds[name].missing})" for name, count in gaps.items() if count]
        if filled:
            yield f"gaps in training rows: {_some(filled)}"

    # -- applying ---------------------------------------------------------------------------------------------------

    def apply(self, split: Split) -> Split:
        table = _raw(split)
        x, kept = self._numbers(table, self.path)
        if kept.all():
            return Split(x, split.y, split.sample_weight, split.sampling_weight)
        if not kept.any():
            raise DataError(f"{self.path}: every row of a part has a gap that missing: drop leaves out")
        rows = np.flatnonzero(kept)
        y, weight, sampling = (
            None if part is None else part[rows] for part in (split.y, split.sample_weight, split.sampling_weight)
        )
        return Split(x, y, weight, sampling)

    def _numbers(self, table: Table, path: Path | str) -> tuple[Array, Array]:
        """The features (N', F) of the rows that stay, and which do (N,)."""
        widths = [len(kind.features(name, self.learned[name])) for name, kind in self.kinds.items()]
        x = np.empty((len(table), sum(widths)), np.int32 if self._whole else np.float32)
        kept, start = np.ones(len(table), bool), 0
        columns = {name: self._column(name, table, kind) for name, kind in self.kinds.items()}
        table = Table(columns, table.lines)
        for (name, kind), width in zip(self.kinds.items(), widths, strict=True):
            self._refuse_bad_cells(name, kind, table, path)
            with _placed(table, path):
                numbers, found = kind.apply(columns[name], name, self.learned[name])
            with np.errstate(over="ignore"):  # what is too large becomes infinite, which the checks report
                x[:, start : start + width] = numbers
            start += width
            if kind.missing == "drop":
                kept &= ~found.gaps
            for word, count in found.unknown.items():
                counts = self.unknown.setdefault(name, {})
                counts[word] = counts.get(word, 0) + count
        self.rows += len(table)
        return (x if kept.all() else x[kept]), kept

    @property
    def _whole(self) -> bool:
        """Whether every feature is a category's number."""
        return all(isinstance(kind, Categorical) and kind.encode == "integer" for kind in self.kinds.values())

    def finish(self, data: Data) -> None:
        names = [feature for name, kind in self.kinds.items() for feature in kind.features(name, self.learned[name])]
        data.feature_names = tuple(names)
        data.remarks = (*data.remarks, *self.remarks)
        data.warnings += self.warnings()

    def warnings(self) -> list[str]:
        """What is to be said of words that no training row had; they are forgotten afterwards."""
        said = [unknown_words(name, counts, self.rows, self.kinds[name].unit) for name, counts in self.unknown.items()]
        self.unknown, self.rows = {}, 0
        return said

    # -- new rows ---------------------------------------------------------------------------------------------------

    def read(self, path: Path, rows: int) -> Iterator[Array]:
        full = existing_file(path, Path(), "a table")
        for table in self._blocks(full, rows):
            x, kept = self._numbers(table, full)
            if not kept.all():
                gaps = table.places(np.flatnonzero(~kept))
                raise DataError(
                    f"{full}: training left rows with gaps out (missing: drop), so nothing can be said of {gaps}"
                )
            yield x

    def _blocks(self, path: Path, rows: int) -> Iterator[Table]:
        wanted = {name: "the model was trained on" for name in self.kinds}
        if path.suffix.lower() in PARQUET:
            table = read_parquet(path, None, self.missing_values)
            require_columns(wanted, list(table.columns), path)
            for start in range(0, len(table), rows):
                yield table[slice(start, start + rows)]
            return
        known = Format(
            self.form.encoding, None, self.form.quote, None, self.form.header, self.form.decimal, self.form.thousands
        )
        file = CsvFile.open(path, known, self.missing_values)
        if self.form.header is False and len(file.names) != (len(self.file_columns) or len(file.names)):
            raise DataError(
                f"{path} has {len(file.names)} columns, but the training file had {len(self.file_columns)}, and "
                f"without a header their places say which is which; leave cells empty where nothing is known"
            )
        require_columns(wanted, file.names, path)
        numbers = {name for name, kind in self.kinds.items() if isinstance(kind, Numeric)}
        file.words = {name for name in self.kinds if name not in numbers and not self.learned[name].get("numbers")}
        found = False
        for table in file.blocks(set(self.kinds), rows, numbers):
            found = True
            yield table
        if not found:
            raise DataError(f"{path} has a header but no rows")

    # -- state ------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "form": asdict(self.form),
            "missing_values": list(self.missing_values),
            "left_out": self.left_out,
            "targets": self.targets,
            "file_columns": self.file_columns,
            "columns": [
                {"name": name, "holds": kind.to_spec(full=True), "learned": self.learned[name]}
                for name, kind in self.kinds.items()
            ],
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        try:
            made = cls(
                path=str(state["path"]),
                form=Format(**state["form"]),
                missing_values=state["missing_values"],
                stated={},
                scale="standardize",
                encode="one_hot",
                features=None,
                left_out=state["left_out"],
            )
            made.targets = [str(name) for name in state.get("targets", ())]
            made.file_columns = [str(name) for name in state.get("file_columns", ())]
            for column in state["columns"]:
                made.kinds[str(column["name"])] = get(ColumnKind, column["holds"])
                made.learned[str(column["name"])] = dict(column["learned"])
        except (KeyError, TypeError, ValueError, AttributeError, SpecError) as error:
            raise CheckpointError(f"how the checkpoint prepares tables is damaged: {error}") from None
        return made


def _raw(split: Split) -> Table:
    assert split.raw is not None
    return split.raw


@contextmanager
def _placed(table: Table, path: Path | str) -> Iterator[None]:
    """Says of errors of a column in which file and lines they are."""
    try:
        yield
    except BadCell as error:
        raise DataError(f"{path}, {table.places(error.rows)}: {error}") from None
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def stated_kind(stated: Mapping[str, ColumnKind], name: str) -> ColumnKind | None:
    """What `columns` says of a column: by its name, else by the last pattern that fits."""
    fitting = [kind for pattern, kind in stated.items() if fnmatchcase(name, pattern)]
    return stated.get(name) or (fitting[-1] if fitting else None)


def words_among_numbers(
    name: str, column: Coded, table: Table, path: Path | str, form: Format, *, fix: str | None = None
) -> DataError:
    """What is said of a column of numbers in which there are words: file, lines, cells. fix: as of bad_cells."""
    bad = [place for place, word in enumerate(column.words) if not is_number(word, form)]
    rows = np.flatnonzero(np.isin(column.codes, bad))
    lines = table.lines if table.lines is not None else np.arange(len(table))
    cells = [(int(lines[row]), column.words[column.codes[row]]) for row in rows[:1000]]
    cells += [(0, "")] * (len(rows) - len(cells))
    return bad_cells(Path(path), name, cells, "row" if table.lines is None else "line", fix=fix)


def refuse_parted(name: str, column: Coded, path: Path | str, form: Format, otherwise: str) -> None:
    """Raise DataError for a column of numbers with parted thousands, unless the file says how they are written."""
    if (found := parted_numbers(column.words, form)) is not None:
        raise DataError(f"{path}: column {name!r} holds {found[0]!r}; write {found[1]}, or {otherwise}")


def mostly_numbers(column: Coded, form: Format) -> bool:
    """Whether nearly all cells of a column that has words are numbers."""
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.words))
    numbers = np.array([is_number(word, form) for word in column.words], bool)
    total = int(counts.sum())
    return total > 0 and 0 < counts[~numbers].sum() <= (1 - MOSTLY) * total


def _constant(column: Column) -> bool:
    """Whether rows differ in nothing but gaps, or in the gaps of a column of words."""
    values = column.codes if isinstance(column, Coded) else column[~np.isnan(column)]
    return not len(values) or bool((values == values[0]).all())


def _counts_rows(column: Column) -> bool:
    """Whether a column of numbers is 0, 1, 2, … or 1, 2, 3, … in whatever order."""
    if isinstance(column, Coded) or len(column) < 20 or np.isnan(column).any():
        return False
    ordered = np.sort(column)
    return bool(ordered[0] in (0.0, 1.0) and (np.diff(ordered) == 1).all()) or bool((np.diff(column) == 1).all())


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")
