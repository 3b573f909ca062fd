"""The source of texts: raw strings, which a TextVectorization or StringLookup in the model turns into numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from seqnet.datasets.base import Data, Source, Split
from seqnet.datasets.labels import Array
from seqnet.datasets.preparation import Preparation
from seqnet.datasets.readers import existing_path
from seqnet.datasets.table import Table
from seqnet.datasets.text_files import JSON_LINES, TABLES, Entry, ending, entries_of, whole_file
from seqnet.declare import option
from seqnet.errors import CheckpointError, DataError, suggestion
from seqnet.registry import register

PARTS = {"train": ("train", "training"), "validation": ("validation", "val", "valid"), "test": ("test",)}
LISTED = 3  # empty texts that a message names


@register(name="text")
class Text(Source):
    """Texts with their classes or numbers: a folder by class, a csv or tsv file, json lines, or plain lines.

    A folder holds a folder for each class with one file a text in it; `train` and `test` folders of such folders, with
    `validation` where there is one, are those parts. A csv or tsv file has a header and the texts in `column`, the
    targets in `target`; a .jsonl file has an object with these keys in each line. Any other file has a text in each
    line, and no targets. x (N, 1) are the raw texts: begin the model with TextVectorization, which numbers their words
    or characters. Targets that are no numbers are names of classes.
    """

    targets_hint = "texts need a column or key of targets, or folders by class; name it with target: NAME"

    path: str = option("the folder or file", example="reviews.csv")
    column: str = option("column or key of the texts", default="text")
    target: str | None = option("column or key of the targets; null: there are none", default="label")
    encoding: str = option("how the files write characters as bytes", default="utf-8")
    empty: Literal["error", "drop"] = option("what to do about texts without content", default="error")

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        try:
            "a".encode(values["encoding"])
        except (LookupError, ValueError):
            yield "encoding", f"there is no encoding {values['encoding']!r}; most files are utf-8, older ones latin-1"
        if values["column"] == values["target"]:
            yield "target", f"column and target are both {values['column']!r}"

    def load(self, base: Path) -> Data:
        """Read the texts. Raises DataError with file and line."""
        path, is_folder = existing_path(self.path, base, "file or folder")
        preparation = TextPreparation(self.column, self.encoding)
        parts = {"train": self._split(path)} if not is_folder else self._parts(path)
        data = Data(path.resolve().stem, preparation=preparation, **parts)
        data = data.encoded()
        if data.train.y is not None and data.train.y.dtype.kind == "f":
            data.task = "regression"
        return data

    def _parts(self, folder: Path) -> dict[str, Any]:
        """The splits of a folder: those that it names, or all of it."""
        inside = {entry.name: entry for entry in _listed(folder) if entry.is_dir()}
        named = {part: inside[name] for part, names in PARTS.items() for name in names if name in inside}
        if "train" not in named or not any(entry.is_dir() for entry in _listed(named["train"])):
            return {"train": self._by_class(folder)}
        return {part: self._by_class(place) for part, place in named.items()}

    def _by_class(self, folder: Path) -> Split:
        classes = [entry for entry in _listed(folder) if entry.is_dir()]
        if not classes:
            raise DataError(
                f"{folder} has no folders; put the texts of each class into a folder of its own, named as the class"
            )
        entries = []
        for cls in classes:
            files = [entry for entry in _listed(cls) if entry.is_file()]
            if not files:
                raise DataError(f"the folder {cls} holds no files, so the class {cls.name!r} has no texts")
            texts = ((file, whole_file(file, self.encoding)) for file in files)
            entries += [
                Entry(text, path=file, others={"file": str(file.relative_to(folder)), "label": cls.name})
                for file, text in texts
            ]
        return self._as_split(folder, entries, "label")

    def _split(self, path: Path) -> Split:
        entries = list(entries_of(path, self.column, self.encoding))
        keyed = ending(path) in (*TABLES, *JSON_LINES)
        return self._as_split(path, entries, self.target if keyed else None)

    def _as_split(self, path: Path, entries: list[Entry], target: str | None) -> Split:
        empty = [entry for entry in entries if not entry.text.strip()]
        if empty and self.empty == "error":
            places = "; ".join(entry.place(path) for entry in empty[:LISTED]) + ("; …" if len(empty) > LISTED else "")
            many = f"{len(empty):,} texts are" if len(empty) > 1 else "a text is"
            raise DataError(f"{many} empty: {places}; empty: drop leaves such texts out")
        entries = [entry for entry in entries if entry.text.strip()]
        if not entries:
            raise DataError(f"{path} holds no texts")
        y = None if target is None else _targets(path, entries, target)
        names = [name for name in entries[0].others if all(name in entry.others for entry in entries)]
        columns = {name: _column([entry.others[name] for entry in entries]) for name in names}
        columns[self.column] = _column([entry.text for entry in entries])
        lines = None if entries[0].line is None else np.array([entry.line for entry in entries])
        return Split(np.zeros((0, 1)), y, raw=Table(columns, lines))


class TextPreparation(Preparation):
    """Takes the texts out of their table; what turns them into numbers is part of the model."""

    kind = "text"
    example = "INPUT.txt"

    def __init__(self, column: str = "text", encoding: str = "utf-8") -> None:
        self.column = column
        self.encoding = encoding
        self._names: list[str] | None = None  # the files of the rows that were read last

    def fit(self, train: Split) -> None:
        """There is nothing to fit."""

    def apply(self, split: Split) -> Split:
        assert split.raw is not None
        x = split.raw.column(self.column).reshape(-1, 1)
        return Split(x, split.y, split.sample_weight, split.sampling_weight)

    def finish(self, data: Data) -> None:
        data.feature_names = (self.column,)

    def state(self) -> dict[str, Any]:
        return {"column": self.column, "encoding": self.encoding}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        column, encoding = state.get("column"), state.get("encoding")
        if not isinstance(column, str) or not isinstance(encoding, str):
            raise CheckpointError("the checkpoint does not say how texts are read")
        return cls(column, encoding)

    def names(self) -> list[str] | None:
        return self._names

    def read(self, path: Path, rows: int) -> Iterator[Array]:
        """Texts (n, 1) of a file, at most `rows` at a time; of a folder each file is one. Raises DataError."""
        full, is_folder = existing_path(path, Path(), "file or folder")
        texts = (entry.text for entry in entries_of(full, self.column, self.encoding))
        if is_folder:
            files = sorted(entry for entry in full.rglob("*") if entry.is_file() and not entry.name.startswith("."))
            texts = (whole_file(file, self.encoding) for file in files)
            listed = [str(file.relative_to(full)) for file in files]
        found = 0
        while batch := list(itertools.islice(texts, rows)):
            self._names = listed[found : found + len(batch)] if is_folder else None
            found += len(batch)
            yield _column(batch).reshape(-1, 1)
        if not found:
            raise DataError(f"{full} holds no texts")


def _targets(path: Path, entries: Sequence[Entry], target: str) -> Array:
    """Numbers where all targets are numbers, else the names of classes."""
    found: list[Any] = []
    for entry in entries:
        value = entry.others.get(target)
        if target not in entry.others:
            hint = suggestion(target, entry.others)
            raise DataError(f"{entry.place(path)}: has no {target!r}; {hint}; name it with target: NAME")
        if value is None or (isinstance(value, str) and not value.strip()) or isinstance(value, (list, dict)):
            raise DataError(f"{entry.place(path)}: the target {target} is {value!r:.40}; each text needs one")
        found.append(value.strip() if isinstance(value, str) else value)
    try:
        numbers = np.array([float(value) for value in found])
    except ValueError:
        return np.array([str(value) for value in found])
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise DataError(f"{entries[bad[0]].place(path)}: the target {target} is {found[bad[0]]!r}, no finite number")
    if (numbers == np.rint(numbers)).all() and np.abs(numbers).max() < 2**53:
        return numbers.astype(np.int64)
    return numbers.astype(np.float32)


def _column(values: Sequence[Any]) -> Array:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, by name, without what is hidden. Raises DataError."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} can't be read: {error.strerror or error}") from None
