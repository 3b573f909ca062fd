"""The sections of a file that are not components of a registered kind: `data:` and `training:`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from seqnet.checkers import Choice, Either, MappingOf, NonNegativeInt, Number, PositiveInt
from seqnet.datasets.base import Dataset, Source
from seqnet.declare import Component, option

ClassWeight = Either((Choice(("balanced",)), MappingOf(Number(whole=True), Number(ge=0))))
Held = Annotated[float, Number(ge=0, lt=1)]


class Section(Component):
    """A mapping of options under a fixed key."""

    kind = "section"


class DataSection(Section):
    """Where the rows come from and how they are divided.

    One of `dataset` (a catalogue entry) and a source (`npz: data.npz`, `idx: folder`) is required.
    """

    dataset: Dataset | None = option("a data set of the catalogue; `seqnet data list` shows them", default=None)
    source: Source | None = option("your own files; written under the source's name", default=None)
    validation_split: Held = option("share of the training rows held back for validation", default=0.0)
    validation_shuffle: bool = option(
        "choose the validation rows at random; false takes the last rows, as Keras does", default=True
    )
    stratify: bool | None = option(
        "give each class its share of the validation rows; null: where labels are classes", default=None
    )
    test_split: Held = option("share of the rows held back for testing, where the data have no test part", default=0.0)
    one_hot: bool = option("turn integer labels into one-hot rows", default=False)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["dataset"] is None and values["source"] is None:
            yield "dataset", "names no data; set dataset, or a source such as npz: data.npz"
        if values["dataset"] is not None and values["source"] is not None:
            yield "dataset", f"names data twice: dataset and {values['source'].spec_name}; keep one"


class TrainingSection(Section):
    """The arguments of Keras's fit."""

    epochs: PositiveInt = option("passes over the training rows; with initial_epoch, the number of the last", default=1)
    batch_size: PositiveInt = option("rows a step", default=32)
    shuffle: Annotated[Any, Either((Choice((True, False)), Choice(("batch",))))] = option(
        "take the rows in a new order each epoch; batch: mix within each batch only", default=True
    )
    class_weight: (
        Annotated[Any, Either((Choice(("balanced",)), MappingOf(Number(whole=True), Number(ge=0))))] | None
    ) = option(
        "weight of each class in the loss, {0: 1.0, 1: 3.0}; balanced: rows / (classes * rows of the class)",
        default=None,
    )
    initial_epoch: NonNegativeInt = option("number of the first epoch, from 0", default=0)
    steps_per_epoch: PositiveInt | None = option("batches an epoch; null: all", default=None)
    validation_steps: PositiveInt | None = option("batches a validation; null: all", default=None)
    validation_batch_size: PositiveInt | None = option("rows a validation step; null: batch_size", default=None)
    validation_freq: PositiveInt | list[PositiveInt] = option(
        "validate every so many epochs, or after the epochs of a list (from 1)", default=1
    )
    verbose: Literal["auto", 0, 1, 2] = option("0 shows nothing, 2 a line an epoch", default="auto")
