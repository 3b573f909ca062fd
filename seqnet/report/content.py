"""What a page about a run says, as plain data; `seqnet.runs.report` gathers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from seqnet.arrays import Array
from seqnet.models.summary import SummaryTable


@dataclass(frozen=True)
class Curve:
    """A value over the epochs, NaN where none was logged. validation: of the validation rows; None without any."""

    name: str
    epochs: Sequence[int]
    train: Sequence[float]
    validation: Sequence[float] | None = None


@dataclass(frozen=True)
class Classes:
    """What a classifier did class by class.

    matrix[i, j], (K, K): rows of class i that were taken for class j; None where a row may have several. per_class: a
    mapping for each class with class, precision, recall, f1 and support.
    """

    names: Sequence[str]
    matrix: Array | None
    per_class: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Fit:
    """How near the numbers of a regression came: true and predicted, both (N,) float64 and finite.

    name: of the target. rows: where each stands in the split, from 0. counted: what one of them is, a row or a value.
    """

    name: str
    rows: Array
    true: Array
    predicted: Array
    counted: str = "row"

    @property
    def residuals(self) -> Array:
        """predicted - true"""
        found: Array = self.predicted - self.true
        return found


@dataclass(frozen=True)
class Picture:
    """pixels: (H, W) grey, (H, W, 3) colours or (H, W, 4) with opacity, uint8."""

    pixels: Array


Shown: TypeAlias = Picture | str | Sequence[float] | None


@dataclass(frozen=True)
class Mistake:
    """One row that came out wrong.

    row: its number in the split, from 0. confidence: the share that the model gave the class it chose; for a
    regression the error in its stead. shown: the row itself, as a picture, as text, or as the numbers of its columns.
    """

    row: int
    true: str
    predicted: str
    confidence: float
    shown: Shown = None


@dataclass(frozen=True)
class Mistakes:
    """The worst first. total: how many there are in all; None where none is right or wrong, as in a regression.

    columns: names of the numbers of a row. left_out: columns that were too many to show. measure: what `confidence`
    is: confidence, score or error.
    """

    worst: Sequence[Mistake]
    total: int | None
    measure: str
    columns: Sequence[str] = ()
    left_out: int = 0


@dataclass
class Measured:
    """A checkpoint of the run on one of its splits. notes: what is to be known about it, in sentences."""

    split: str
    rows: int
    checkpoint: str
    values: Mapping[str, Any]
    classes: Classes | None = None
    fits: Sequence[Fit] = ()
    mistakes: Mistakes | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class Report:
    """A run.

    label: name/number of its folder. ended: what ended it, in a sentence. best, final: logged values of its best and
    last epoch. seconds: of training. splits: how many rows each has. resolved: the file with every default. made:
    further facts about how it was made. notes: warnings.
    """

    label: str
    state: str
    ended: str
    epochs: int
    planned_epochs: int | None
    seconds: float | None
    monitor: str | None
    best_epoch: int | None
    best: Mapping[str, float]
    final: Mapping[str, float]
    splits: Mapping[str, int]
    curves: Sequence[Curve]
    layers: SummaryTable
    resolved: str
    made: Sequence[tuple[str, str]]
    measured: Measured | None = None
    notes: list[str] = field(default_factory=list)
