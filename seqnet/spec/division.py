"""Reads the rows that a file names and divides them as it says, with every complaint at its place in the file."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

import numpy as np

from seqnet.datasets.base import Array, Data, Source, Split
from seqnet.datasets.folds import group_folds, random_folds, time_folds
from seqnet.datasets.keys import group_codes, named_rows, time_codes
from seqnet.datasets.labels import has_class_columns, numbered_as
from seqnet.datasets.preparation import Preparation
from seqnet.datasets.splits import latest_rows, split_groups, split_rows, tail_rows
from seqnet.errors import DataError, Path, Problem, suggestion
from seqnet.spec.diagnostics import render_problems
from seqnet.spec.placing import split_hint
from seqnet.spec.reader import Document
from seqnet.spec.sections import DataSection
from seqnet.utils import to_categorical

Parts = dict[str, Array]  # the row numbers of each split, sorted, among those that the source read for training
SPLITS = ("train", "validation", "test")
_SPLIT_STREAM, _FOLD_STREAM = 0x5714, 0xF01D


class PlacedDataError(DataError):
    """A DataError that shows the place in the file that asked for the data."""

    def __init__(self, problem: Problem, document: Document) -> None:
        super().__init__(render_problems([problem], document))
        self.problems = (problem,)


@dataclass(frozen=True)
class Folds:
    """The folds of a cross-validation. way: how they are made; test: how many rows are held out of all of them;
    unused: validation rows with a file or an array of their own, which are in no fold."""

    parts: list[Parts]
    way: str
    test: int
    unused: int


class Division:
    """The rows that a data section names, read once, and the ways to divide them."""

    def __init__(self, section: DataSection, folder: FilePath, document: Document) -> None:
        self.section = section
        self.folder = folder
        self.document = document
        self.data = self._read()
        self.own = {name for name in ("validation", "test") if getattr(self.data, name) is not None}
        self.groups = self._keys("group_by", group_codes)
        self.times = self._keys("order_by", time_codes)
        if self.groups is not None and self.data.times is not None:
            with self._placed("data", "group_by"):
                raise DataError("a series is divided in order of time, not by group; leave group_by out")
        self.named = self._named()
        if self.data.preparation is not None:
            names = (section.group_by, section.order_by, section.split_column)
            self.data.preparation.exclude([name for name in names if name is not None])

    def parts(self, seed: int, *, validated: bool = True) -> Parts:
        """The rows of each split that has some. validated: hold back validation rows too. Raises DataError."""
        parts = {"train": np.arange(len(self.data.train)), **self.named}
        stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SPLIT_STREAM,)))
        for name in ("test", "validation") if validated else ("test",):
            if getattr(self.section, f"{name}_split") and name not in self.own:
                parts["train"], parts[name] = self._hold_back(parts["train"], f"{name}_split", stream)
        return {name: parts[name] for name in SPLITS if name in parts}

    def folds(self, test_seed: int, seed: int, count: int) -> Folds:
        """The rows of each fold: a fold takes its validation rows out of all rows that are not for testing.

        test_seed: of the file, so that the test rows are those of a training. Raises DataError.
        """
        parts = self.parts(test_seed, validated=False)
        rows = np.sort(np.concatenate([parts["train"], parts.get("validation", np.arange(0))]))
        stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_FOLD_STREAM,)))
        labels, way = None, "in order of time"
        times = self.data.times if self.times is None else self.times
        if times is None:
            labels = self._strata()
            way = "by group" if self.groups is not None else "at random"
            way += ", stratified" if labels is not None else ""
        labels = None if labels is None else labels[rows]
        if times is not None:
            pairs = time_folds(times[rows], count)
        elif self.groups is not None:
            pairs = group_folds(self.groups[rows], count, stream, labels)
        else:
            pairs = random_folds(len(rows), count, stream, labels)
        rest = {"test": parts["test"]} if "test" in parts else {}
        folds: list[Parts] = [{"train": rows[stays], "validation": rows[held], **rest} for stays, held in pairs]
        test, unused = self.data.test, self.data.validation
        held_out = len(parts["test"]) if "test" in parts else 0 if test is None else len(test)
        return Folds(folds, way, held_out, 0 if unused is None else len(unused))

    def take(self, parts: Parts, fitted: Preparation | None = None) -> Data:
        """The data divided like this, prepared and checked; they share nothing that preparing another fold changes.

        fitted: a preparation that a run has fitted to its training rows. Raises DataError.
        """
        whole, section = self.data, self.section
        data = replace(whole, preparation=copy.deepcopy(whole.preparation), rows=parts)
        for name, rows in parts.items():
            setattr(data, name, whole.train if len(rows) == len(whole.train) else whole.train.take(rows))
        if data.preparation is not None:
            with self._placed("data", section.source.spec_name if section.source else "dataset"):
                data.prepare(fitted)
                data.check()
        if section.one_hot:
            with self._placed("data", "one_hot"):
                _encode(data)
        return data

    # -- reading ----------------------------------------------------------------------------------------------------

    def _read(self) -> Data:
        section = self.section
        if section.dataset is not None:
            with self._placed("data", "dataset"):
                data = section.dataset.load()
                if data.preparation is None:
                    data.check()
            return data
        assert section.source is not None
        with self._placed("data", section.source.spec_name, section.source.paths[0]):
            data = section.source.load(self.folder)
            if data.preparation is None:
                data.check()
        for name in ("validation", "test"):
            option = f"{name}_file"
            if getattr(section, option) is not None:
                with self._placed("data", option):
                    setattr(data, name, self._other_file(data, section.source, name))
        return data

    def _other_file(self, data: Data, source: Source, name: str) -> Split:
        """The training rows of another file of the same kind. Raises DataError where they don't go with the first."""
        if getattr(data, name) is not None:
            raise DataError(f"{data.name} has {name} rows of its own; leave {name}_file out, or take them out of it")
        source = source.replace(**{source.paths[0]: getattr(self.section, f"{name}_file")})
        other = source.load(self.folder)
        if other.preparation is None:
            other.check()
            if other.input_shape != data.input_shape:
                raise DataError(
                    f"{other.name} has rows of shape {other.input_shape}, but those of {data.name} have shape "
                    f"{data.input_shape}; all splits need rows of one shape"
                )
        rows = other.train
        if (rows.y is None) != (data.train.y is None):
            lacking, there = (other.name, data.name) if rows.y is None else (data.name, other.name)
            raise DataError(f"{there} has targets but {lacking} has none; all splits need them, or none")
        if (data.class_names is None) != (other.class_names is None) and data.task != other.task:
            raise DataError(f"the labels of {data.name} and {other.name} are names in one, numbers in the other")
        if rows.y is not None and data.class_names is not None and other.class_names is not None:
            unknown = "the training rows do not have"
            y = numbered_as(data.class_names, other.class_names, rows.y, other.name, unknown)
            rows = replace(rows, y=y)
        if self.section.group_by is not None:
            self._require_groups_apart(data, replace(other, train=rows), source, name)
        return rows

    # -- columns ----------------------------------------------------------------------------------------------------

    def _keys(self, option: str, read: Callable[[Array, str], Array]) -> Array | None:
        """What the column that an option names says of every row, or None where it names none."""
        name = getattr(self.section, option)
        if name is None:
            return None
        with self._placed("data", option):
            return read(self._column(name, self.data, self.section.source), name)

    def _named(self) -> Parts:
        """The rows that split_column names for each split."""
        section, name = self.section, self.section.split_column
        if name is None:
            return {}
        with self._placed("data", "split_column"):
            parts = named_rows(self._column(name, self.data, section.source), name)
            for split in parts:
                if split in self.own:
                    raise DataError(f"the column {name!r} names {split} rows, and {self.data.name} has others already")
        for split in parts:
            if getattr(section, f"{split}_split", 0):
                with self._placed("data", f"{split}_split"):
                    raise DataError(f"the column {name!r} names {split} rows already; leave {split}_split out")
        if self.groups is not None:
            with self._placed("data", "group_by"):
                self._require_whole_groups(parts)
        return parts

    def _require_whole_groups(self, parts: Parts) -> None:
        """Raise DataError where split_column tears a group apart."""
        assert self.groups is not None and self.section.group_by is not None
        first: dict[int, str] = {}
        for split, rows in parts.items():
            for group in np.unique(self.groups[rows]).tolist():
                if first.setdefault(group, split) != split:
                    column = self._column(self.section.group_by, self.data, self.section.source)
                    value = column[np.flatnonzero(self.groups == group)[0]]
                    raise DataError(
                        f"the group {value!s} has rows in {first[group]} and in {split}; mend the column "
                        f"{self.section.split_column!r}, or leave group_by out"
                    )

    def _require_groups_apart(self, data: Data, other: Data, source: Source, split: str) -> None:
        """Raise DataError where a group of the training rows is in another file too, if that has the column."""
        name = self.section.group_by
        assert name is not None
        with self._placed("data", "group_by"):
            here = self._column(name, data, self.section.source)
        try:
            there = self._column(name, other, source)
        except DataError:
            return
        both = np.intersect1d(here.astype(str), there.astype(str))
        if len(both):
            raise DataError(f"the group {both[0]!s} has rows in {data.name} and in {other.name}, which is for {split}")

    def _column(self, name: str, data: Data, source: Source | None) -> Array:
        """One value a training row: of the table, beside x in the file, or a feature. Raises DataError."""
        train, features = data.train, data.feature_names or ()
        if train.raw is not None:
            return train.raw.column(name)
        if data.keys is not None and data.keys.columns:
            return data.keys.column(name)
        beside = source.key_names(self.folder) if source is not None else ()
        if name in beside and source is not None:
            column = source.key_column(name, self.folder)
            if len(column) != len(train):
                raise DataError(
                    f"{name!r} has {len(column)} values but there are {len(train)} training rows; each row needs one"
                )
            return column
        if name in features and train.x.ndim == 2:
            return train.x[:, features.index(name)]
        known = [*beside, *features]
        hint = suggestion(name, known) if known else "these data have no named columns"
        raise DataError(f"there is no column {name!r}; {hint}")

    # -- dividing ---------------------------------------------------------------------------------------------------

    def _hold_back(self, rows: Array, what: str, stream: np.random.Generator) -> tuple[Array, Array]:
        """Those of the rows that stay, and the share that an option holds back of them."""
        share = getattr(self.section, what)
        labels = None if self.times is not None else self._strata()
        labels = None if labels is None else labels[rows]
        with self._placed("data", what):
            if self.times is not None:
                stays, held = latest_rows(self.times[rows], share, what)
            elif self.data.times is not None:  # whatever else is asked for: later rows are for later parts
                stays, held = tail_rows(len(rows), share, what)
            elif self.groups is not None:
                stays, held = split_groups(self.groups[rows], share, stream, labels, what)
            elif self.section.validation_shuffle:
                stays, held = split_rows(len(rows), share, stream, labels, what)
            else:
                stays, held = tail_rows(len(rows), share, what)
        return rows[stays], rows[held]

    def _strata(self) -> Array | None:
        """The class of each row, where classes are to be held back in proportion."""
        if self.section.stratify is False:
            return None
        data, y = self.data, self.data.train.y
        labels = None if data.preparation is None else data.preparation.classes(data.train)
        if labels is None and data.num_classes is not None and y is not None and y.ndim <= 2:
            labels = y if y.ndim == 1 else y[:, 0] if y.shape[1] == 1 else np.argmax(y, axis=1)
        if self.section.stratify and labels is None:
            with self._placed("data", "stratify"):
                raise DataError(
                    "stratify needs class labels, and the targets of this data are none; leave stratify out"
                )
        return labels

    @contextmanager
    def _placed(self, *path: str) -> Iterator[None]:
        place: Path = path
        try:
            yield
        except DataError as error:
            message, hint = split_hint(str(error))
            raise PlacedDataError(Problem(place, message, hint), self.document) from error


def _encode(data: Data) -> None:
    """Integer labels of every split as one-hot rows."""
    count = data.num_classes
    if count is None or data.train.y is None:
        raise DataError("one_hot needs integer class labels, and the targets of this data are none; leave one_hot out")
    for name, split in data.splits.items():
        if split.y is not None and not has_class_columns(split.y):
            setattr(data, name, replace(split, y=to_categorical(split.y, count)))
