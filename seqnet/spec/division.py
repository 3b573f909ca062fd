"""Reads the rows that a file names and divides them as it says, with every complaint at its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath

import numpy as np

from seqnet.datasets.base import Array, Data, Split
from seqnet.datasets.labels import has_class_columns
from seqnet.datasets.splits import split_rows, tail_rows
from seqnet.errors import DataError, Path, Problem
from seqnet.spec.diagnostics import render_problems
from seqnet.spec.placing import split_hint
from seqnet.spec.reader import Document
from seqnet.spec.sections import DataSection
from seqnet.utils import to_categorical


class PlacedDataError(DataError):
    """A DataError that shows the place in the file that asked for the data."""

    def __init__(self, problem: Problem, document: Document) -> None:
        super().__init__(render_problems([problem], document))
        self.problems = (problem,)


def load_rows(section: DataSection, folder: FilePath, seed: int, document: Document) -> Data:
    """The data that the section names, checked and divided; relative paths count from `folder`.

    Raises DataError that shows the place in the document.
    """
    if section.dataset is not None:
        with _placed(("data", "dataset"), document):
            data = section.dataset.load()
            data.check()
    else:
        assert section.source is not None
        with _placed(("data", section.source.spec_name, section.source.paths[0]), document):
            data = section.source.load(folder)
            if data.preparation is None:
                data.check()
    stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0x5714,)))
    if section.test_split and data.test is None:
        data.train, data.test = _hold_back(data, section, "test_split", stream, document)
    if section.validation_split and data.validation is None:
        data.train, data.validation = _hold_back(data, section, "validation_split", stream, document)
    if data.preparation is not None:
        with _placed(("data", section.source.spec_name if section.source else "dataset"), document):
            data.prepare()
            data.check()
    if section.one_hot:
        with _placed(("data", "one_hot"), document):
            _encode(data)
    return data


@contextmanager
def _placed(path: Path, document: Document) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        message, hint = split_hint(str(error))
        raise PlacedDataError(Problem(path, message, hint), document) from error


def _hold_back(
    data: Data, section: DataSection, what: str, stream: np.random.Generator, document: Document
) -> tuple[Split, Split]:
    """The training rows without a share of them, and that share."""
    rows, share = data.train, getattr(section, what)
    with _placed(("data", "stratify"), document):
        labels = _strata(data, section)
    with _placed(("data", what), document):
        if data.times is not None:
            stays, held = tail_rows(
                len(rows), share, what
            )  # whatever else is asked for: later rows are for later parts
        elif section.validation_shuffle:
            stays, held = split_rows(len(rows), share, stream, labels, what)
        else:
            stays, held = tail_rows(len(rows), share, what)
    return rows.take(stays), rows.take(held)


def _strata(data: Data, section: DataSection) -> Array | None:
    """The class of each training row, where classes are to be held back in proportion."""
    if section.stratify is False:
        return None
    y, labels = data.train.y, None
    if data.num_classes is not None and y is not None and y.ndim <= 2:
        labels = y if y.ndim == 1 else y[:, 0] if y.shape[1] == 1 else np.argmax(y, axis=1)
    if section.stratify and labels is None:
        raise DataError("stratify needs class labels, and the targets of this data are none; leave stratify out")
    return labels


def _encode(data: Data) -> None:
    """Integer labels of every split as one-hot rows."""
    count = data.num_classes
    if count is None or data.train.y is None:
        raise DataError("one_hot needs integer class labels, and the targets of this data are none; leave one_hot out")
    for split in data.splits.values():
        if split.y is not None and not has_class_columns(split.y):
            split.y = to_categorical(split.y, count)
