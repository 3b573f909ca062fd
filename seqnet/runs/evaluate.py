"""`seqnet evaluate`: a trained run, or a saved model, on rows it is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.datasets.base import Data, Split
from seqnet.datasets.labels import numbered_as
from seqnet.errors import DataError, SeqnetError, UsageError
from seqnet.losses import Loss, resolve_loss
from seqnet.runs.confusion import confuse, per_label
from seqnet.runs.folder import SUMMARY, read_json
from seqnet.runs.given_rows import load_rows
from seqnet.runs.opening import Opened, is_run, open_model, read_run_spec
from seqnet.runs.splits import data_of_run
from seqnet.spec.run import RunSpec

SPLITS = ("train", "validation", "test")


@dataclass
class Evaluation:
    """Values by name, and for classifiers what happened class by class.

    confusion[i][j]: rows of class i that were taken for class j. per_class: name, precision, recall, f1, support; of
    each label where a row may have several, and then without a confusion matrix.
    """

    values: dict[str, Any]
    split: str
    rows: int
    run: Path
    checkpoint: str
    classes: tuple[str, ...] | None = None
    confusion: list[list[int]] | None = None
    per_class: list[dict[str, Any]] | None = None
    original_units: dict[str, float] | None = None  # mae and rmse where the targets were scaled for training
    warnings: list[str] = field(default_factory=list)


@dataclass
class Asked:
    """A model and the rows that it is asked about, numbered as the model numbers its classes."""

    run: Path
    opened: Opened
    rows: Split
    split: str
    data: Data
    batch_size: int
    warnings: list[str]

    @property
    def class_names(self) -> tuple[str, ...] | None:
        return self.opened.classes or self.data.class_names


def evaluate(
    run: Path,
    *,
    split: str | None = None,
    data: str | None = None,
    checkpoint: str = "best",
    batch_size: int | None = None,
) -> Evaluation:
    """Loss and metrics of a run's checkpoint, or of a model file, in inference mode.

    split: train, validation or test; default: test where there is one, else validation, else train. data: another
    YAML file whose data section is used, an npz or hdf5 file, a folder of images by class, or a file of the kind that
    the run was trained on; rows are prepared as they were in training. batch_size: default: as the run validated with,
    so that the numbers are the same to the last digit. Raises UsageError, DataError, ShapeError, CheckpointError.
    """
    opened = open_model(run, checkpoint)
    spec = read_run_spec(run) if is_run(run) else None
    if data is None and spec is None:
        raise UsageError(f"{run} is a model without data; say on what to evaluate it: --data FILE.npz")
    if data is None and (spec is None or spec.data is None):
        raise UsageError("the run names no data; use --data")
    if data is None and spec is not None:
        found = data_of_run(run, spec, opened.preparation)
    else:
        found = load_rows(str(data), spec, opened.preparation, opened.model.input_shape[1:])
    changed = changed_since(run, found) if data is None else []
    return measure(ask(run, opened, spec, found, split=split, batch_size=batch_size, warnings=changed))


def ask(
    run: Path,
    opened: Opened,
    spec: RunSpec | None,
    data: Data,
    *,
    split: str | None = None,
    batch_size: int | None = None,
    warnings: Sequence[str] = (),
) -> Asked:
    """The rows of a split, as the model takes them. Raises UsageError, DataError where they don't fit."""
    model = opened.model
    if split is not None and split not in SPLITS:
        raise UsageError(f"there is no split {split!r}; choose train, validation or test")
    name = split or next(s for s in ("test", "validation", "train") if s in data.splits)
    if name not in data.splits:
        raise UsageError(f"{data.name} has no {name} rows; it has {' and '.join(data.splits)}")
    rows = data.splits[name]
    if rows.y is None:
        raise DataError(f"the {name} rows of {data.name} have no targets to evaluate against")
    if model.optimizer is None or model.loss is None:
        raise UsageError(f"{run} was saved without a loss; compile it in Python and save it again")
    if batch_size is None:
        batch_size = 256 if spec is None else spec.training.validation_batch_size or spec.training.batch_size
    if opened.classes is not None and data.class_names is not None:
        y = numbered_as(opened.classes, data.class_names, rows.y, data.name, "the model does not know")
        rows = replace(rows, y=y)
    _require_fit(model.loss, model.network.output_shape, rows, f"the {name} rows of {data.name}")
    return Asked(run, opened, rows, name, data, batch_size, [*opened.warnings, *data.warnings, *warnings])


def measure(asked: Asked, outputs: Array | None = None) -> Evaluation:
    """Loss and metrics, and what happened class by class. outputs: of the rows, where they are known already."""
    model, rows, size = asked.opened.model, asked.rows, asked.batch_size
    values = model.evaluate(rows.x, rows.y, size, 0, rows.sample_weight, return_dict=True)
    checkpoint = asked.opened.checkpoint
    result = Evaluation(dict(values), asked.split, len(rows), asked.run, checkpoint, warnings=asked.warnings)
    counted = confuse(model, rows, names=asked.class_names, batch_size=size, outputs=outputs)
    if counted is not None:
        result.classes, result.confusion = counted.classes, counted.matrix.tolist()
        result.per_class = counted.per_class()
    else:
        result.per_class = per_label(model, rows, names=asked.class_names, batch_size=size, outputs=outputs)
    result.original_units = _in_original_units(asked, outputs)
    return result


def _in_original_units(asked: Asked, outputs: Array | None) -> dict[str, float] | None:
    """Mean absolute error and root mean square error in the units of the files, where targets were scaled."""
    preparation, y = asked.opened.preparation, asked.rows.y
    if preparation is None or y is None or not preparation.scales_targets:
        return None
    found = asked.opened.model.predict(asked.rows.x, asked.batch_size, 0) if outputs is None else outputs
    if found.shape != y.shape:
        return None
    errors = preparation.unscaled(found).astype(np.float64) - preparation.unscaled(y)
    return {"mae": float(np.mean(np.abs(errors))), "rmse": float(np.sqrt(np.mean(errors**2)))}


def _require_fit(loss: Loss, output: Shape, rows: Split, what: str) -> None:
    assert rows.y is not None
    wrong = resolve_loss(loss, rows.y.shape[1:], output).label_problem(rows.y, output)
    if wrong is not None:
        raise DataError(f"{what} do not fit the model: {wrong}")


def changed_since(run: Path, data: Data) -> list[str]:
    """A warning when the data are not those of the training, or when that can't be told."""
    try:
        before = read_json(run / SUMMARY).get("data", {}).get("fingerprint")
    except (SeqnetError, AttributeError) as error:
        return [f"whether the data are still those of the training can't be told: {error}"]
    if before is not None and before != data.fingerprint():
        return [f"{data.name} has changed since this run was trained, so rows it trained on may be among these"]
    return []
