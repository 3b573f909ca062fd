"""Data in memory, and the two ways to name them in YAML: a catalogue entry (Dataset) or the user's files (Source)."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np

from seqnet.datasets import checks
from seqnet.datasets.labels import Array, Task, count_classes, encode_text, is_text
from seqnet.datasets.lazy import blocks, rows_of
from seqnet.datasets.preparation import Preparation
from seqnet.datasets.table import Table
from seqnet.declare import Component
from seqnet.errors import DataError

Pairs: TypeAlias = tuple[tuple[Array, Array], tuple[Array, Array]]

__all__ = ["Array", "Data", "Dataset", "Pairs", "Source", "Split", "Task"]

# What the arrays of each split are called, in messages and in npz files.
SUFFIX = {"train": "train", "validation": "val", "test": "test"}


@dataclass
class Split:
    """Rows that are used together: x (N, …), targets y (N,) or (N, …) or None, one weight a row (N,) or None.

    sample_weight counts in the loss and in weighted metrics; sampling_weight says how often rows are drawn. raw: the
    rows as the files have them where a preparation is still to make x of them; x is empty until then. x, and y of
    several numbers a row, may be `lazy.LazyRows` in the place of an array: rows by slice or number, shape and dtype.
    """

    x: Array
    y: Array | None = None
    sample_weight: Array | None = None
    sampling_weight: Array | None = None
    raw: Table | None = None

    def __len__(self) -> int:
        return len(self.x if self.raw is None else self.raw)

    def take(self, rows: Array) -> Split:
        """The given rows (integer indices) as a split of their own; many are looked up where they are, not copied."""
        y, weight, sampling = (
            None if part is None else rows_of(part, rows) for part in (self.y, self.sample_weight, self.sampling_weight)
        )
        if self.raw is not None:
            return Split(self.x, y, weight, sampling, self.raw[rows])
        return Split(rows_of(self.x, rows), y, weight, sampling)


@dataclass
class Data:
    """A data set: its splits and what is known about them.

    task: None where the data alone don't tell (the user's own arrays); class_names: the name of label 0, 1, …;
    feature_names: the names of the last axis of x; vocabulary: the word or letter that number 0, 1, … of x stands for,
    empty for padding; preparation: what makes x of the raw rows, to be fitted once the rows are divided; rows: the
    numbers, from 0, that the rows of each split have among those that the source read for training, sorted; a split
    with a file or an array of its own is not among them; times: the place of each training row in time, (N,) numbers,
    where rows of other parts must come later; keys: columns beside x that training rows may be divided by; remarks:
    what people should know of the data, in sentences; warnings: what was left out or could not be read.
    """

    name: str
    train: Split
    validation: Split | None = None
    test: Split | None = None
    task: Task | None = None
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    vocabulary: tuple[str, ...] | None = None
    preparation: Preparation | None = None
    rows: dict[str, Array] = field(default_factory=dict)
    times: Array | None = None
    keys: Table | None = None
    remarks: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)

    def prepare(self, fitted: Preparation | None = None) -> None:
        """Fit the preparation to the training rows and put every split through it. Raises DataError.

        fitted: one of the same kind that has been fitted to other rows, which takes its place.
        """
        if self.preparation is None:
            return
        if fitted is not None and type(fitted) is type(self.preparation):
            self.preparation = fitted
        else:
            self.preparation.fit(self.train)
        self.train = self.preparation.apply(self.train)
        self.validation = self.validation and self.preparation.apply(self.validation)
        self.test = self.test and self.preparation.apply(self.test)
        self.preparation.finish(self)

    @property
    def splits(self) -> dict[str, Split]:
        """The splits there are, by name: train, then validation and test where present."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one row of x."""
        return self.train.x.shape[1:]

    @property
    def num_classes(self) -> int | None:
        """How many classes there are, from the class names, the integer labels or the one-hot columns; else None."""
        if self.task == "regression":
            return None
        if self.class_names is not None:
            return len(self.class_names)
        return count_classes([split.y for split in self.splits.values() if split.y is not None], self.task)

    def fingerprint(self) -> str:
        """SHA-256 (hex) over name of the split, dtype, shape and bytes of every array. Raises DataError on objects."""
        digest = hashlib.sha256()
        for split, array_name, array in self._arrays():
            digest.update(f"{split}/{array_name}/{array.dtype.str}/{array.shape}\n".encode())
            if array.dtype.hasobject:
                checks.check_inputs(array, array_name)
                for text in array.flat:
                    raw = text.encode("utf-8", "surrogatepass")
                    digest.update(b"%d:%b" % (len(raw), raw))
                continue
            for _, rows in blocks(array):
                digest.update(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
        return digest.hexdigest()

    def encoded(self) -> Data:
        """The same data with text labels as integers, 0 for the first class name in alphabetical order.

        Raises DataError when another split has a class that the training rows lack, or text where numbers belong.
        """
        if self.train.y is None or not is_text(self.train.y):
            return self
        others = {f"y_{SUFFIX[name]}": split.y for name, split in self.splits.items() if name != "train"}
        texts = {name: y for name, y in others.items() if y is not None}
        for name, y in texts.items():
            if not is_text(y):
                raise DataError(f"{self.name}: y_train holds text but {name} holds {y.dtype}; label both alike")
        names, train, coded = encode_text(self.train.y, texts, "y_train")
        return replace(
            self,
            train=replace(self.train, y=train),
            validation=self.validation and replace(self.validation, y=coded.get("y_val")),
            test=self.test and replace(self.test, y=coded.get("y_test")),
            task="classification",
            class_names=names,
        )

    def check(self) -> None:
        """Raise DataError on the first thing that is wrong: no rows, different lengths or shapes, text or objects
        for numbers, NaN or infinity, and, for a classification, labels that are no labels."""
        for name, split in self.splits.items():
            self._check_split(split, SUFFIX[name])

    def _check_split(self, split: Split, suffix: str) -> None:
        x_name, y_name, w_name = (f"{self.name}: {array}_{suffix}" for array in ("x", "y", "sample_weight"))
        checks.check_inputs(split.x, x_name)
        self._check_alike(split.x, self.train.x, x_name, "x_train")
        if is_text(split.x) != is_text(self.train.x):
            raise DataError(f"{x_name} and x_train must be alike, and one of them holds texts, the other numbers")
        if split.y is not None:
            checks.check_numeric(split.y, y_name)
            checks.check_lengths(split.x, split.y, x_name, y_name)
            if self.train.y is not None:
                self._check_alike(split.y, self.train.y, y_name, "y_train")
        checks.check_finite(split.x, x_name, self.feature_names)
        if split.y is not None:
            checks.check_finite(split.y, y_name)
            if self.task == "classification":
                checks.check_labels(split.y, y_name, self.class_names)
        if split.sample_weight is not None:
            checks.check_numeric(split.sample_weight, w_name)
            checks.check_lengths(split.x, split.sample_weight, x_name, w_name)
            checks.check_finite(split.sample_weight, w_name)

    @staticmethod
    def _check_alike(array: Array, train: Array, name: str, train_name: str) -> None:
        if array.shape[1:] != train.shape[1:]:
            raise DataError(
                f"{name} has rows of shape {array.shape[1:]} but {train_name} has rows of shape {train.shape[1:]}; "
                f"all splits need rows of one shape"
            )

    def _arrays(self) -> list[tuple[str, str, Array]]:
        named = [
            (name, array_name, array)
            for name, split in self.splits.items()
            for array_name, array in (
                ("x", split.x),
                ("y", split.y),
                ("sample_weight", split.sample_weight),
                ("sampling_weight", split.sampling_weight),
            )
        ]
        return [(name, array_name, array) for name, array_name, array in named if array is not None]


class Dataset(Component, ABC):
    """A catalogue entry: data that seqnet knows by name.

    title: one line; licence and origin: under which terms, and from whom, with the reference; rows: how many there
    are; bundled: comes with the package (stored or generated), so that it needs no network; note: what whoever uses
    it should know.
    """

    kind = "dataset"
    title: ClassVar[str]
    licence: ClassVar[str]
    origin: ClassVar[str]
    task: ClassVar[Task]
    rows: ClassVar[str]
    bundled: ClassVar[bool]
    note: ClassVar[str] = ""

    @abstractmethod
    def load(self) -> Data:
        """Read or make the data; those of raw rows are still to be prepared. Raises DataError."""

    @classmethod
    def load_data(cls, *arguments: Any, **options: Any) -> Pairs:
        """((x_train, y_train), (x_test, y_test)), as Keras's `load_data`. Raises SpecError for a wrong option."""
        return cls(*arguments, **options).pairs()

    def pairs(self) -> Pairs:
        """((x_train, y_train), (x_test, y_test)). Raises DataError."""
        data = self.load()
        data.prepare()
        train, test = data.train, data.test
        if train.y is None or test is None or test.y is None:
            raise DataError(f"{self.spec_name} has no labelled test part")
        return (train.x, train.y), (test.x, test.y)

    @classmethod
    def presence(cls) -> tuple[str, int]:
        """Whether the data are here, and how many bytes they take or are to be fetched: ("bundled", 2323)."""
        return "bundled", 0

    @property
    def missing(self) -> int:
        """How many bytes have to be fetched before the data can be read; 0 for what is there."""
        return 0

    @property
    def known_shape(self) -> tuple[int, ...] | None:
        """The shape of one row where it is known without reading the data."""
        return None


class Source(Component, ABC):
    """The user's own files, with the options that say how to read them."""

    kind = "source"
    paths: ClassVar[tuple[str, ...]] = ("path",)  # the options that name files, the most important one first
    targets_hint: ClassVar[str] = "add an array y_train to the file"  # what to do where there are no targets

    @abstractmethod
    def load(self, base: Path) -> Data:
        """Read the data; relative paths count from the folder `base`. Raises DataError.

        What has to be fitted to the training rows is left to `Data.preparation`, since they are divided afterwards.
        """

    def key_names(self, base: Path) -> tuple[str, ...]:
        """What `key_column` knows, of files whose rows are no table. Raises DataError."""
        return ()

    def key_column(self, name: str, base: Path) -> Array:
        """One value a training row, (N,), that is no part of x but may say how the rows are to be divided.

        Raises DataError.
        """
        raise DataError(f"{self.spec_name} has no columns")
