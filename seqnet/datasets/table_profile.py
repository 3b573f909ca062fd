"""A profile of a table in a file, read once, in bounded memory: what its columns hold, and what is wrong with them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.datasets.column_stats import BOUND, ColumnStats, Moments, mixed
from seqnet.datasets.columns import Boolean, Categorical, Date, infer_words, parsed, word_of
from seqnet.datasets.csv_format import Format
from seqnet.datasets.csv_reader import PARQUET, CsvFile, read_parquet, require_columns
from seqnet.datasets.csv_source import Csv
from seqnet.datasets.labels import Array
from seqnet.datasets.parted import parted_numbers
from seqnet.datasets.readers import existing_file
from seqnet.datasets.table import Coded, Table, listed
from seqnet.datasets.table_preparation import MOSTLY
from seqnet.errors import DataError

ENDINGS = (".csv", ".tsv", ".tab", *PARQUET)
ROWS = 5_000_000  # rows of which equal ones are counted
CLASSES = 20  # whole numbers of at most so many kinds are taken for classes
TOP = 5  # words that are named with their counts
BLOCK_ROWS = 1 << 16
_FORMATS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y")
_DETERMINED = 10_000  # values of a feature beyond which nobody asks whether each has one target
_ID = re.compile(r"(.*[_ .-])?(id|ids|uuid|guid|key|index|idx|rowid|row|nr|no)|unnamed.*|\w*(Id|ID)", re.IGNORECASE)


def is_table(path: Path) -> bool:
    """Whether a file's name says that it holds a table."""
    return path.name.lower().removesuffix(".gz").endswith(ENDINGS)


def profile_table(source: Csv, base: Path = Path()) -> dict[str, Any]:
    """A profile as plain numbers, strings, lists and mappings, fit for JSON; the target is that of the source.

    name, bytes, rows; delimiter, encoding, decimal; equal_rows (count, among how many of the first rows); columns
    (name, type, missing, share, distinct or None where there are more than BOUND, min, max, mean, std of numbers,
    words with counts, format of dates, mistakes: words among numbers, parted: the options that would make numbers
    of words); constant, empty, ids (with why), duplicates (pairs); targets, classes (name, rows) of one target,
    leaks (column, why). Raises DataError.
    """
    path = existing_file(source.path, base, "a table")
    targets = listed(source.target)
    reading = _Reading(path, source)
    require_columns({name: "is to be the target" for name in targets}, reading.names, path)
    pairs = _Pairs(targets[0] if len(targets) == 1 else None, reading.names)
    stats = {name: ColumnStats(name) for name in reading.names}
    digests = {name: hashlib.blake2b(digest_size=16) for name in reading.names}
    rows, hashes, kept = 0, [], 0
    for table in reading.tables():
        keys = {name: stats[name].add(table.columns[name]) for name in reading.names}
        whole = np.zeros(len(table), np.uint64)
        for name, column in keys.items():
            digests[name].update(np.ascontiguousarray(column).data)
            whole = mixed(whole * np.uint64(3) + column)
        pairs.add(table, keys)
        rows += len(table)
        hashes.append(whole[: ROWS - kept])
        kept += len(hashes[-1])
    if not rows:
        raise DataError(f"{path} has a header but no rows")
    equal = kept - len(np.unique(np.concatenate(hashes)))
    columns = [_column(one, reading.form) for one in stats.values()]
    duplicates = list(_duplicates({name: digest.digest() for name, digest in digests.items()}))
    form = reading.form
    parted = {one["name"] for one in columns if "parted" in one}
    return {
        "name": path.name,
        "path": str(path),
        "bytes": path.stat().st_size,
        "rows": rows,
        "delimiter": form.delimiter,
        "encoding": form.encoding,
        "decimal": form.decimal,
        "equal_rows": {"count": equal, "among": kept},
        "columns": columns,
        "constant": [one["name"] for one in columns if one["type"] != "empty" and one["distinct"] == 1],
        "empty": [one["name"] for one in columns if one["type"] == "empty"],
        "ids": [
            {"column": one.name, "why": why} for one in stats.values() if one.name not in parted and (why := _id(one))
        ],
        "duplicates": duplicates,
        "targets": targets,
        "classes": _classes(stats[targets[0]], columns, source.task) if len(targets) == 1 else None,
        "leaks": list(pairs.leaks(duplicates)),
    }


def column_names(source: Csv, base: Path = Path()) -> list[str]:
    """The columns of a table. Raises DataError."""
    return _Reading(existing_file(source.path, base, "a table"), source).names


class _Reading:
    """The blocks of a file, whatever its kind."""

    def __init__(self, path: Path, source: Csv) -> None:
        form = Format(
            source.encoding, source.delimiter, source.quote, None, source.header, source.decimal, source.thousands
        )
        self._file: CsvFile | None = None
        self._table: Table | None = None
        if path.suffix.lower() in PARQUET:
            self._table = read_parquet(path, None, source.missing_values)
            self.names, self.form = list(self._table.columns), form
        else:
            self._file = CsvFile.open(path, form, source.missing_values)
            self.names, self.form = list(self._file.names), self._file.form

    def tables(self) -> Iterator[Table]:
        if self._file is not None:
            yield from self._file.mixed()
        elif self._table is not None:
            for start in range(0, len(self._table), BLOCK_ROWS):
                yield self._table[slice(start, start + BLOCK_ROWS)]


class _Pairs:
    """Every feature against the target: does each of its values have one target, does it rise with it?"""

    def __init__(self, target: str | None, names: Sequence[str]) -> None:
        self.target = target
        self.moments = {name: Moments() for name in names if name != target}
        self.seen: dict[str, dict[int, int]] = {name: {} for name in names if name != target}
        self.kinds: set[int] = set()  # of the target
        self.rows = 0

    def add(self, table: Table, keys: Mapping[str, Array]) -> None:
        if self.target is None:
            return
        goal = table.columns[self.target]
        there = goal.codes >= 0 if isinstance(goal, Coded) else ~np.isnan(goal)
        self.rows += int(there.sum())
        aims = keys[self.target][there]
        if len(self.kinds) <= _DETERMINED:
            self.kinds.update(np.unique(aims).tolist())
        for name in list(self.seen):
            values, first, places = np.unique(keys[name][there], return_index=True, return_inverse=True)
            aimed = aims[first]
            known = self.seen[name]
            same = bool((aimed[places.reshape(-1)] == aims).all()) and all(
                known.setdefault(value, aim) == aim for value, aim in zip(values.tolist(), aimed.tolist(), strict=True)
            )
            if not same or len(known) > _DETERMINED:
                del self.seen[name]
        if isinstance(goal, Coded):
            self.moments = {}
        for name, moments in self.moments.items():
            column = table.columns[name]
            if not isinstance(column, Coded) and not isinstance(goal, Coded):
                both = np.isfinite(column) & np.isfinite(goal)
                with np.errstate(over="ignore", invalid="ignore"):
                    moments.add(column[both], goal[both])

    def leaks(self, duplicates: Sequence[Sequence[str]]) -> Iterator[dict[str, Any]]:
        """{column, why, sure}; sure: it is the target in other words, rather than by chance so near to it."""
        if self.target is None or len(self.kinds) < 2:
            return
        equal = {name for pair in duplicates if self.target in pair for name in pair} - {self.target}
        for name in [*dict.fromkeys([*sorted(equal), *self.moments, *self.seen])]:
            values = self.seen.get(name, {})
            moments = self.moments.get(name, Moments())
            if name in equal:
                yield {"column": name, "why": f"equals the target {self.target}", "sure": True}
            elif moments.n >= 20 and abs(moments.correlation) > 1 - 1e-9:
                sign = "-1" if moments.correlation < 0 else "1"
                yield {"column": name, "why": f"has correlation {sign} with {self.target}", "sure": True}
            elif len(values) > 1 and self.rows >= max(20, 5 * len(values)):
                why = f"determines {self.target}: each of its {len(values):,} values has one"
                yield {"column": name, "why": why, "sure": len(values) == len(self.kinds)}


def _column(one: ColumnStats, form: Format) -> dict[str, Any]:
    distinct = one.distinct
    found: dict[str, Any] = {
        "name": one.name,
        "type": "empty",
        "missing": one.gaps,
        "share": one.gaps / one.rows,
        "distinct": distinct,
        "more_than": None if distinct is not None else BOUND if not one.more_words else min(BOUND, one.worded),
    }
    if one.numbers:
        shares = one.numbers, one.moments.n
        if shares[1]:
            found |= {"min": one.low, "max": one.high, "mean": one.moments.x, "std": one.deviation}
        found |= {"whole": one.whole and not one.infinite, "infinite": one.infinite}
        # Whether 0 and 1 are so many that a part of the rows may have nothing else.
        zeros = int(one.tally.counts[np.isin(one.tally.kinds, (0.0, 1.0))].sum())
        found["mostly_01"] = zeros > 0.5 * one.numbers
    if not one.worded:
        if one.numbers:
            flags = distinct is not None and bool(np.isin(one.tally.kinds, (0.0, 1.0)).all())
            found["type"] = "boolean" if flags else "numeric"
        return found
    total = one.numbers + one.worded
    if one.numbers and one.numbers >= MOSTLY * total:
        found["type"] = "numeric"
        found["mistakes"] = [{"word": word, "row": one.places.get(word)} for word in list(one.words)[:TOP]]
        found["mistaken"] = one.worded
        found["mistake_kinds"] = len(one.words) + (1 if one.more_words else 0)
        return found
    counts = dict(one.words)
    counts |= {word_of(n): c for n, c in zip(one.tally.kinds.tolist(), one.tally.counts.tolist(), strict=True)}
    frequent = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    found["words"] = [{"word": word, "rows": count} for word, count in frequent[:TOP]]
    found["common"] = sum(count >= 10 for count in counts.values())
    if (parted := parted_numbers(one.words, form)) is not None:
        found["parted"] = {"word": parted[0], "options": parted[1]}
    found |= _worded(one, list(counts), total, distinct)
    return found


def _worded(one: ColumnStats, words: Sequence[str], total: int, distinct: int | None) -> dict[str, Any]:
    """The type of a column of words."""
    kind = infer_words(words, total) if distinct is not None else infer_words(words, 1)
    if distinct is None and isinstance(kind, Categorical):
        kind = kind if one.repetitive else None
    if isinstance(kind, Date):
        return {"type": "date", "parts": list(kind.parts), "first": min(words), "last": max(words)}
    if isinstance(kind, Boolean):
        return {"type": "boolean"}
    formats = [form for form in _FORMATS if all(parsed(word, form) is not None for word in words)]
    if formats:
        ordered = sorted(words, key=lambda word: parsed(word, formats[0]) or datetime.min)
        return {"type": "date", "formats": formats, "first": ordered[0], "last": ordered[-1]}
    risky = any(parsed(word, None) is not None for word in words)
    return {"type": "categorical" if kind is not None else "text", "like_dates": risky}


def _id(one: ColumnStats) -> str | None:
    """Why a column looks as if it only told rows apart; None if it does not."""
    if one.rows < 20 or one.gaps:
        return None
    distinct = one.distinct
    unique = distinct == one.rows if distinct is not None else not (one.tally.repeated or one.more_words)
    if distinct is None and one.more_words and not one.numbers:
        unique = not one.repetitive and max(one.words.values(), default=2) == 1
    named = _ID.fullmatch(one.name) is not None
    if not one.worded:
        if one.whole and not one.infinite and one.counting:
            return "numbers the rows"
        contiguous = one.high - one.low == one.rows - 1 and distinct == one.rows
        if one.whole and unique and (contiguous or named):
            return "is a different number in every row"
        return None
    short = max(map(len, one.words), default=0) <= 64 and not any(" " in word for word in list(one.words)[:100])
    if unique and (named or short) and not any(parsed(word, None) for word in list(one.words)[:3]):
        return "is a different word in every row"
    return None


def _duplicates(digests: Mapping[str, bytes]) -> Iterator[list[str]]:
    """[first, equal to it]."""
    first: dict[bytes, str] = {}
    for name, digest in digests.items():
        if digest in first:
            yield [first[digest], name]
        first.setdefault(digest, name)


def _classes(one: ColumnStats, columns: Sequence[Mapping[str, Any]], task: str | None) -> list[dict[str, Any]] | None:
    """The classes of a target and how many rows each has, most first; None where it is a quantity."""
    kind = next(column for column in columns if column["name"] == one.name)
    distinct = one.distinct
    if distinct is None or task == "regression" or kind["type"] in ("empty", "date", "text"):
        return None
    if "mistakes" in kind or not one.worded:
        few = one.whole and distinct <= CLASSES and (distinct <= 2 or one.rows >= 10 * distinct)
        if task is None and not few:
            return None
    counts = {} if "mistakes" in kind else dict(one.words)
    counts |= {word_of(n): int(c) for n, c in zip(one.tally.kinds.tolist(), one.tally.counts.tolist(), strict=True)}
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{"name": name, "rows": count} for name, count in ordered]
