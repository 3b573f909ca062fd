"""The sections of a file, and the options of those that are no components of a registered kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from seqnet.checkers import (
    Choice,
    Either,
    Fraction,
    NonNegativeInt,
    Number,
    PathText,
    PositiveFloat,
    PositiveInt,
    Tuple,
)
from seqnet.datasets.base import Dataset, Source
from seqnet.declare import Component, option
from seqnet.training.mixing import AUGMENT, Mixer
from seqnet.training.weighting import BALANCED, CLASS_WEIGHT, CLASS_WEIGHTS

KEYS = {
    "name": "what the run is called; its folder is runs/<name>/<number>",
    "seed": "everything random in the run derives from it",
    "plugins": "Python files with components of your own; paths begin at the folder of this file",
    "data": "where the rows come from",
    "model": "the layers, in order",
    "optimizer": "how the weights are updated",
    "loss": "what training lowers",
    "metrics": "what is reported beside the loss",
    "training": "epochs, batch size, and the other arguments of Keras's fit",
    "callbacks": "what watches the run",
}
# How a run folder calls the file with every default; such a file is one that others may have made.
RESOLVED = "resolved.yaml"
# What a run can't do without, and what to do when a file lacks it.
NEEDED = {
    "data": "add data: {dataset: iris}, or rows of your own: data: {npz: rows.npz}",
    "optimizer": "add optimizer: adam",
    "loss": "add loss: sparse_categorical_crossentropy for classes, loss: mse for numbers",
}
_EPOCHS = Tuple(Number(whole=True, gt=0), minimum=1, mutable=True)
SAMPLE_WEIGHT = "sample_weight"  # of the data, as weights of the sampling
_SAMPLING = Either((Choice((BALANCED, SAMPLE_WEIGHT)), CLASS_WEIGHTS))


class Section(Component):
    """A mapping of options under a fixed key."""

    kind = "section"


class DataSection(Section):
    """Where the rows come from and how they are divided.

    One of `dataset` (a catalogue entry) and a source (`npz: data.npz`, `idx: folder`) is required. `group_by`,
    `order_by` and `split_column` name a column: of a table, or an array of an npz file with one value a training row,
    or a feature. The rows of each split are in `splits.npz` of the run folder.
    """

    dataset: Dataset | None = option("a data set of the catalogue; `seqnet data list` shows them", default=None)
    source: Source | None = option("your own files; written under the source's name", default=None)
    validation_split: Fraction = option("share of the training rows held back for validation", default=0.0)
    validation_shuffle: bool = option(
        "choose the validation rows at random; false takes the last rows, as Keras does", default=True
    )
    stratify: bool | None = option(
        "give each class its share of the validation rows; null: where labels are classes", default=None
    )
    test_split: Fraction = option(
        "share of the rows held back for testing, where the data have no test part", default=0.0
    )
    group_by: str | None = option(
        "column whose equal values belong together, such as a patient: no group is in two splits. The shares are met "
        "as nearly as the groups allow, and so are the classes' with stratify",
        default=None,
    )
    order_by: str | None = option(
        "column of times: the latest rows are held back for testing, those before them for validation. Numbers, or "
        "dates such as 2024-03-01; rows of one moment stay together",
        default=None,
    )
    split_column: str | None = option(
        "column that says train, validation (or val) or test in each row; validation_split and test_split may divide "
        "its training rows further",
        default=None,
    )
    validation_file: PathText | None = option(
        "a file, or a folder, of the same kind as the source, whose training rows are the validation rows", default=None
    )
    test_file: PathText | None = option("the same for the test rows", default=None)
    one_hot: bool = option("turn integer labels into one-hot rows", default=False)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["dataset"] is None and values["source"] is None:
            yield (
                "dataset",
                "there is neither a dataset nor a source; add dataset: iris, or a file such as npz: data.npz",
            )
        if values["dataset"] is not None and values["source"] is not None:
            yield "dataset", f"both dataset and {values['source'].spec_name} name rows; keep one of them"
        yield from _split_rules(values)


def _split_rules(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Ways to divide rows that contradict each other."""
    for part in ("validation", "test"):
        share, file = f"{part}_split", f"{part}_file"
        if values[file] is None:
            continue
        if values[share]:
            yield share, f"{share} and {file} both say which rows are for {part}; keep one of them"
        if values["source"] is None:
            yield file, f"{file} is read as the source's own file is, and a dataset has none; use {share}"
    if values["group_by"] is not None and values["order_by"] is not None:
        rule = "group_by keeps groups whole and order_by cuts at a moment, which can't both be done"
        yield "order_by", f"{rule}; keep one of them"
    for key in ("group_by", "order_by"):
        if values[key] is not None and values[key] == values["split_column"]:
            yield key, f"{key} and split_column name the same column; keep one of them"
    if values["order_by"] is not None and values["stratify"]:
        yield "stratify", "order_by holds back the latest rows, whatever their classes; leave stratify out"
    if values["group_by"] is not None and not values["validation_shuffle"]:
        rule = "validation_shuffle: false takes the last rows, which may tear a group of group_by apart"
        yield "validation_shuffle", f"{rule}; keep one of them"


class TrainingSection(Section):
    """The arguments of Keras's fit."""

    epochs: PositiveInt = option("passes over the training rows; with initial_epoch, the number of the last", default=1)
    batch_size: PositiveInt = option("rows a step", default=32)
    shuffle: bool | Literal["batch"] = option(
        "take the rows in a new order each epoch; batch: mix within each batch only", default=True
    )
    class_weight: Annotated[Any, CLASS_WEIGHT] | None = option(
        "weight of each class in the loss, {0: 1.0, 1: 3.0}; balanced: rows / (classes * rows of the class)",
        default=None,
    )
    weighted_sampling: Annotated[Any, _SAMPLING] | None = option(
        "draw the rows of an epoch with replacement, rare ones more often. balanced: every class alike; a mapping: "
        "weight of a row of each class, {0: 1.0, 1: 3.0}; sample_weight: by the weights of the data, which then do not "
        "count in the loss",
        default=None,
    )
    augment: Annotated[tuple[Mixer, ...], AUGMENT] = option(
        "mix each row of a batch with another: MixUp or CutMix, or a list of both; labels become shares of classes, "
        "and metrics of the training rows count the one with the larger share",
        default=[],
        example=[{"MixUp": {"alpha": 0.2}}],
    )
    initial_epoch: NonNegativeInt = option("number of the first epoch, from 0", default=0)
    steps_per_epoch: PositiveInt | None = option("batches an epoch; null: all", default=None)
    validation_steps: PositiveInt | None = option("batches a validation; null: all", default=None)
    validation_batch_size: PositiveInt | None = option("rows a validation step; null: batch_size", default=None)
    validation_freq: PositiveInt | Annotated[list[int], _EPOCHS] = option(
        "validate every so many epochs, or after the epochs of a list (from 1)", default=1
    )
    on_nan: Literal["stop", "rollback"] = option(
        "when the loss or a weight becomes NaN or infinite: end the run; or go back to where the epoch began and halve "
        "the learning rate, five times at most",
        default="stop",
    )
    checkpoint_seconds: PositiveFloat = option(
        "seconds after which the state is saved in the middle of a long epoch too; every epoch saves it at its end",
        default=30.0,
    )
    verbose: Literal["auto", 0, 1, 2] = option("0 shows nothing, 2 a line an epoch", default="auto")

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values["initial_epoch"] >= values["epochs"]:
            rule = f"initial_epoch {values['initial_epoch']} leaves nothing to train, as epochs is {values['epochs']}"
            yield "initial_epoch", f"{rule}; epochs is the number of the last epoch, not a count"
        if values["weighted_sampling"] is not None:
            if values["class_weight"] is not None:
                rule = "class_weight and weighted_sampling would make up for rare classes twice"
                yield "weighted_sampling", f"{rule}; keep one of them"
            if values["shuffle"] is not True:
                rule = "weighted_sampling draws the rows at random, which is no order to keep"
                yield "shuffle", f"{rule}; leave shuffle out"
