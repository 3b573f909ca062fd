"""What a column of a table holds, and the numbers that are made of it: stated in the file, or inferred and shown.

Each kind is fitted to the training rows alone; what it learned is plain data, which the checkpoint keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from seqnet.checkers import TEXT, PositiveInt, Tuple
from seqnet.datasets.csv_format import as_number
from seqnet.datasets.labels import Array
from seqnet.datasets.table import Coded, Column
from seqnet.declare import Component, option
from seqnet.errors import DataError
from seqnet.registry import register

NumericMissing = Literal["mean", "median", "mode", "constant", "indicator", "drop", "error"]
WordMissing = Literal["unknown", "mode", "constant", "drop", "error"]
Scale = Literal["standardize", "minmax", "log", "none"]
Part = Literal["year", "month", "day", "weekday", "dayofyear", "hour", "minute", "timestamp"]
Parts = Annotated[tuple[str, ...], Tuple(TEXT, minimum=1)]
DATE_PARTS: tuple[str, ...] = ("year", "month", "day", "weekday", "dayofyear", "hour", "minute", "timestamp")
TRUE, FALSE = ("true", "yes", "t", "y", "1", "1.0"), ("false", "no", "f", "n", "0", "0.0")
FIRST, SEEN = 1000, 5  # rows looked at before all are; unknown words that a remark names


class BadCell(DataError):
    """Cells that a column can't have. rows: where they are."""

    def __init__(self, message: str, rows: Array) -> None:
        super().__init__(message)
        self.rows = rows


@dataclass
class Found:
    """What applying a column came upon. gaps: (N,) bool, rows without a value. unknown: words never seen in training,
    with how many rows have each."""

    gaps: Array
    unknown: dict[str, int] = field(default_factory=dict)


class ColumnKind(Component):
    """What a column holds and how it becomes numbers."""

    kind = "column"
    unit: ClassVar[str] = "a category"  # what rows may have that no training row had
    missing: str

    def fit(self, column: Column, name: str) -> dict[str, Any]:
        """What is learned of a column's training rows, as plain data. Raises DataError."""
        raise NotImplementedError

    def apply(self, column: Column, name: str, learned: Mapping[str, Any]) -> tuple[Array, Found]:
        """(N, K) numbers, and what there was to tell. Raises DataError."""
        raise NotImplementedError

    def features(self, name: str, learned: Mapping[str, Any]) -> list[str]:
        """The names of the K numbers."""
        return [name]

    def summary(self, learned: Mapping[str, Any]) -> str:
        """How the column becomes numbers, in a few words."""
        return ""


@register(name="numeric")
class Numeric(ColumnKind):
    """Numbers: scaled, and where there is none, filled.

    standardize: (x - mean) / standard deviation; minmax: (x - min) / (max - min); log: log(1 + x), then standardized;
    none: x. The statistics are those of the training rows. missing: what stands in for no value: their mean, median,
    most frequent number (mode), or `fill` (constant); indicator: the mean, and a further feature that is 1 where there
    was none; drop: the row is left out; error: a gap is an error.
    """

    scale: Scale = option("how numbers are brought to a common size", default="standardize")
    missing: NumericMissing = option("what is done about gaps", default="mean")
    fill: float = option("what stands for no value with missing: constant", default=0.0)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Any:
        if values["scale"] == "log" and values["missing"] == "constant" and values["fill"] <= -1:
            yield "fill", f"log(1 + x) needs a fill over -1, got {values['fill']:g}"

    def fit(self, column: Column, name: str) -> dict[str, Any]:
        values = _numbers(column, name)
        there = values[~np.isnan(values)]
        if not len(there):
            raise DataError(f"column {name!r} has no value in any training row; drop it")
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            raise BadCell(f"column {name!r} holds infinity; mend the cell, or add it to missing_values", infinite)
        if self.scale == "log":
            self._refuse_low(values, name)
            there = np.log1p(there)
        with np.errstate(over="ignore", invalid="ignore"):
            learned = self._statistics(there)
        if not np.isfinite(list(learned.values())).all():
            raise DataError(f"column {name!r} holds numbers as large as {np.abs(there).max():g}, too large to scale")
        return learned

    def _refuse_low(self, values: Array, name: str) -> None:
        low = np.flatnonzero(values <= -1)
        if len(low):
            raise BadCell(f"column {name!r} holds {values[low[0]]:g}, which has no log(1 + x); use another scale", low)

    def _statistics(self, there: Array) -> dict[str, float]:
        filled = float(there.mean())
        if self.missing == "median":
            filled = float(np.median(there))
        elif self.missing == "mode":
            kinds, counts = np.unique(there, return_counts=True)
            filled = float(kinds[counts.argmax()])
        elif self.missing == "constant":
            filled = float(np.log1p(self.fill)) if self.scale == "log" else self.fill
        offset, factor = 0.0, 1.0
        if self.scale in ("standardize", "log"):
            offset, factor = float(there.mean()), float(there.std())
        elif self.scale == "minmax":
            offset, factor = float(there.min()), float(there.max() - there.min())
        if there.max() == there.min():  # of which rounding makes a spread
            factor = 0.0
        return {"offset": offset, "factor": factor if factor > 0 else 1.0, "fill": filled}

    def apply(self, column: Column, name: str, learned: Mapping[str, Any]) -> tuple[Array, Found]:
        values = _numbers(column, name)
        gaps = np.isnan(values)
        if self.scale == "log":
            self._refuse_low(values, name)
            values = np.log1p(values)
        filled = np.where(gaps, learned["fill"], values)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which the checks report
            filled -= learned["offset"]
            filled /= learned["factor"]
        if self.missing == "indicator":
            return np.stack([filled, gaps], axis=1), Found(gaps)
        return filled[:, None], Found(gaps)

    def features(self, name: str, learned: Mapping[str, Any]) -> list[str]:
        return [name, f"{name} missing"] if self.missing == "indicator" else [name]

    def summary(self, learned: Mapping[str, Any]) -> str:
        return "" if self.scale == "none" else self.scale


@register(name="categorical")
class Categorical(ColumnKind):
    """Words, or numbers that name something, in a number of their own each.

    one_hot: a feature a category, 1 where the row has it; integer: one feature, 1, 2, … by category, 0 for unknown
    ones, as an Embedding takes it (input_dim: categories + 1). The categories are those of the training rows, at most
    the max_categories most frequent; all others are unknown: with one_hot a row of zeros. missing: unknown counts a gap
    as such; mode and constant (`fill`) put a category in its place; drop leaves the row out; error ends.
    """

    encode: Literal["one_hot", "integer"] = option("how a category becomes numbers", default="one_hot")
    max_categories: PositiveInt = option("so many of the most frequent are told apart", default=100)
    missing: WordMissing = option("what is done about gaps", default="unknown")
    fill: str = option("the category that stands for no value with missing: constant", default="none")

    def fit(self, column: Column, name: str) -> dict[str, Any]:
        coded = as_words(column)
        counts = np.bincount(coded.codes[coded.codes >= 0], minlength=len(coded.words))
        present = [(word, int(count)) for word, count in zip(coded.words, counts.tolist(), strict=True) if count]
        if not present:
            raise DataError(f"column {name!r} has no value in any training row; drop it")
        frequent = sorted(present, key=lambda pair: (-pair[1], pair[0]))
        kept = {word for word, _ in frequent[: self.max_categories]}
        left_out = len(present) - len(kept)
        filled = self.fill if self.missing == "constant" else frequent[0][0]
        if self.missing == "constant":
            kept.add(filled)
        return {
            "words": sorted(kept, key=_in_order),
            "fill": filled,
            "left_out": left_out,
            "numbers": not isinstance(column, Coded),
        }

    def apply(self, column: Column, name: str, learned: Mapping[str, Any]) -> tuple[Array, Found]:
        coded = as_words(column)
        places = {word: place for place, word in enumerate(learned["words"], 1)}
        plain: dict[str, int] = {}  # 3.0 is the 3 that training knew, unless it knew both
        for word, place in places.items():
            plain[_plain(word)] = 0 if _plain(word) in plain else place
        found = [places.get(word) or plain.get(_plain(word), 0) for word in coded.words]
        table = np.array([*found, 0], np.int64)
        gaps = coded.codes < 0
        if self.missing in ("mode", "constant"):
            table[-1] = places[learned["fill"]]
        numbers = table[coded.codes]
        counts = np.bincount(coded.codes[~gaps], minlength=len(coded.words)).tolist()
        unknown = {word: n for word, n, place in zip(coded.words, counts, found, strict=True) if n and not place}
        if learned.get("left_out"):
            unknown = {}  # the rare ones of training are unknown too, and can't be told from these
        if self.encode == "integer":
            return numbers[:, None].astype(np.float64), Found(gaps, unknown)
        chosen = np.zeros((len(numbers), len(places) + 1), bool)
        chosen[np.arange(len(numbers)), numbers] = True
        return chosen[:, 1:], Found(gaps, unknown)

    def features(self, name: str, learned: Mapping[str, Any]) -> list[str]:
        return [name] if self.encode == "integer" else [f"{name}={word}" for word in learned["words"]]

    def summary(self, learned: Mapping[str, Any]) -> str:
        count = len(learned["words"])
        said = f"{count} categories" if count != 1 else "1 category"
        said += f", {learned['left_out']:,} rare ones unknown" if learned.get("left_out") else ""
        return f"{said}, as integers" if self.encode == "integer" else said


@register(name="boolean")
class Boolean(ColumnKind):
    """True or false (yes, no, t, f, y, n, 1, 0, in capitals too), as 1 and 0. missing as for numbers."""

    missing: NumericMissing = option("what is done about gaps", default="mode")
    fill: float = option("what stands for no value with missing: constant", default=0.0)

    def fit(self, column: Column, name: str) -> dict[str, Any]:
        values = self._values(column, name)
        there = values[~np.isnan(values)]
        if not len(there):
            raise DataError(f"column {name!r} has no value in any training row; drop it")
        fills = {"mode": float(there.mean() >= 0.5), "median": float(np.median(there)), "constant": self.fill}
        return {"fill": fills.get(self.missing, float(there.mean())), "numbers": not isinstance(column, Coded)}

    def apply(self, column: Column, name: str, learned: Mapping[str, Any]) -> tuple[Array, Found]:
        values = self._values(column, name)
        gaps = np.isnan(values)
        filled = np.where(gaps, learned["fill"], values)
        if self.missing == "indicator":
            return np.stack([filled, gaps], axis=1), Found(gaps)
        return filled[:, None], Found(gaps)

    def features(self, name: str, learned: Mapping[str, Any]) -> list[str]:
        return [name, f"{name} missing"] if self.missing == "indicator" else [name]

    def _values(self, column: Column, name: str) -> Array:
        coded = as_words(column)
        table = np.full(len(coded.words) + 1, np.nan)
        for place, word in enumerate(coded.words):
            low = word.lower()
            if low not in TRUE and low not in FALSE:
                stated = f"columns: {{{name}: {'categorical' if as_number(word) is None else 'numeric'}}}"
                raise BadCell(
                    f"column {name!r} holds {word!r}, which is neither true nor false; if right, train with {stated}",
                    np.flatnonzero(coded.codes == place),
                )
            table[place] = float(low in TRUE)
        found: Array = table[coded.codes]
        return found


@register(name="date")
class Date(ColumnKind):
    """Dates and times, as numbers of their own for year, month and whatever else is asked for, each standardized.

    Written as in ISO 8601 (2026-11-29, 2026-11-29T14:30), or as `format` says in the letters of strptime. weekday:
    0 is Monday; dayofyear from 1; timestamp: days since 1970.
    """

    parts: Parts = option(f"which numbers: {', '.join(DATE_PARTS)}", default=["year", "month", "day", "weekday"])
    format: str | None = option("how dates are written, such as %d.%m.%Y; null: ISO 8601", default=None)
    missing: Literal["mean", "indicator", "drop", "error"] = option("what is done about gaps", default="mean")

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Any:
        for part in values["parts"]:
            if part not in DATE_PARTS:
                yield "parts", f"there is no part {part!r} of a date; known: {', '.join(DATE_PARTS)}"

    def fit(self, column: Column, name: str) -> dict[str, Any]:
        numbers, gaps = self._numbers(column, name)
        if gaps.all():
            raise DataError(f"column {name!r} has no value in any training row; drop it")
        there = numbers[~gaps]
        spread = np.where(there.max(axis=0) > there.min(axis=0), there.std(axis=0), 0.0)
        return {"offset": there.mean(axis=0).tolist(), "factor": np.where(spread > 0, spread, 1.0).tolist()}

    def apply(self, column: Column, name: str, learned: Mapping[str, Any]) -> tuple[Array, Found]:
        numbers, gaps = self._numbers(column, name)
        scaled = (numbers - np.array(learned["offset"])) / np.array(learned["factor"])
        scaled[gaps] = 0.0
        if self.missing == "indicator":
            scaled = np.concatenate([scaled, gaps[:, None]], axis=1)
        return scaled, Found(gaps)

    def features(self, name: str, learned: Mapping[str, Any]) -> list[str]:
        names = [f"{name} {part}" for part in self.parts]
        return [*names, f"{name} missing"] if self.missing == "indicator" else names

    def summary(self, learned: Mapping[str, Any]) -> str:
        return ", ".join(self.parts)

    def _numbers(self, column: Column, name: str) -> tuple[Array, Array]:
        coded = as_words(column)
        table = np.zeros((len(coded.words) + 1, len(self.parts)))
        for place, word in enumerate(coded.words):
            when = parsed(word, self.format)
            if when is None:
                written = "in ISO 8601, such as 2026-11-29" if self.format is None else f"written as {self.format}"
                raise BadCell(
                    f"column {name!r} holds {word!r}, which is no date {written}; state the format",
                    np.flatnonzero(coded.codes == place),
                )
            table[place] = [_part(when, part) for part in self.parts]
        return table[coded.codes], coded.codes < 0


def infer(column: Column) -> ColumnKind | None:
    """What a column holds; None: text without repetition, in which there is nothing to tell categories by."""
    if not isinstance(column, Coded):
        for rows in (column[:FIRST], column):  # the first rows nearly always tell
            there = rows[~np.isnan(rows)]
            if not np.isin(there, (0.0, 1.0)).all():
                return Numeric()
        return Boolean() if len(there) else Numeric()
    return infer_words(column.words, int((column.codes >= 0).sum()))


def infer_words(words: Sequence[str], used: int) -> ColumnKind | None:
    """What a column of these words holds, `used` cells of which have one; None: text without repetition."""
    if words and all(word.lower() in (*TRUE, *FALSE) for word in words):
        return Boolean()
    if words and all(parsed(word, None) is not None for word in words):
        timed = any("T" in word or ":" in word for word in words)
        return Date(parts=["year", "month", "day", "weekday", *(["hour"] if timed else [])])
    if used > 20 and len(words) > 0.5 * used:
        return None
    return Categorical()


def as_words(column: Column) -> Coded:
    """A column as words; numbers as they are written, whole ones without a point."""
    if isinstance(column, Coded):
        return column
    kinds, codes = np.unique(column, return_inverse=True)
    gaps = np.isnan(kinds)
    words = [word_of(value) for value in kinds[~gaps].tolist()]
    places = np.where(gaps, -1, np.arange(len(kinds)))
    return Coded(places[codes.reshape(-1)].astype(np.int32), words)


def word_of(value: float) -> str:
    """A number as a word: 3 rather than 3.0."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def _plain(word: str) -> str:
    number = as_number(word)
    return word if number is None or np.isinf(number) else word_of(number)


def parsed(word: str, form: str | None) -> datetime | None:
    """The time that a word tells, or None."""
    try:
        if form is not None:
            return datetime.strptime(word, form)
        return datetime.fromisoformat(word) if len(word) >= 8 and word[:4].isdigit() and "-" in word else None
    except ValueError:
        return None


def _part(when: datetime, part: str) -> float:
    day = when.replace(tzinfo=None)
    simple = {"weekday": when.weekday(), "dayofyear": when.timetuple().tm_yday}
    if part == "timestamp":
        return (day - datetime(1970, 1, 1)).total_seconds() / 86_400
    return float(simple[part] if part in simple else getattr(when, part))


def _numbers(column: Column, name: str) -> Array:
    if isinstance(column, Coded):
        word = column.words[0] if column.words else ""
        raise DataError(f"column {name!r} is to hold numbers, but holds {word!r}; make it categorical, or drop it")
    return np.asarray(column, np.float64)


def _in_order(word: str) -> tuple[float, str]:
    """Numbers by size, then words by the alphabet."""
    number = as_number(word)
    return float("inf") if number is None else number, word


def unknown_words(name: str, unknown: Mapping[str, int], rows: int, unit: str = ColumnKind.unit) -> str:
    """What is said of words that no training row had."""
    total = sum(unknown.values())
    named: Sequence[str] = sorted(unknown, key=lambda word: -unknown[word])[:SEEN]
    listed = ", ".join(repr(word) for word in named) + (", …" if len(unknown) > SEEN else "")
    return f"column {name}: {total:,} of {rows:,} rows have {unit} that no training row had ({listed})"
