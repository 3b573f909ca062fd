"""`seqnet evaluate`: a trained run, or a saved model, on rows it is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.arrays import Shape
from seqnet.datasets.base import Data, Source, Split
from seqnet.declare import get
from seqnet.errors import DataError, SeqnetError, UsageError
from seqnet.losses import Loss, resolve_loss
from seqnet.runs.confusion import confuse
from seqnet.runs.folder import SUMMARY, read_json
from seqnet.runs.opening import is_run, open_model, read_run_spec
from seqnet.spec.run import RunSpec, load_spec

SPLITS = ("train", "validation", "test")


@dataclass
class Evaluation:
    """Values by name, and for classifiers what happened class by class.

    confusion[i][j]: rows of class i that were taken for class j. per_class: name, precision, recall, f1, support.
    """

    values: dict[str, Any]
    split: str
    rows: int
    run: Path
    checkpoint: str
    classes: tuple[str, ...] | None = None
    confusion: list[list[int]] | None = None
    per_class: list[dict[str, Any]] | None = None
    warnings: list[str] = field(default_factory=list)


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
    YAML file whose data section is used, or an npz file. batch_size: default: as the run validated with, so that the
    numbers are the same to the last digit. Raises UsageError, DataError, ShapeError, CheckpointError.
    """
    opened = open_model(run, checkpoint)
    model, spec = opened.model, read_run_spec(run) if is_run(run) else None
    if data is None and spec is None:
        raise UsageError(f"{run} is a model without data; say on what to evaluate it: --data FILE.npz")
    rows, name, found = _rows(spec, split, data)
    warnings = [*opened.warnings, *(_changed(run, found) if data is None else [])]
    if rows.y is None:
        raise DataError(f"the {name} rows of {found.name} have no targets to evaluate against")
    if model.optimizer is None or model.loss is None:
        raise UsageError(f"{run} was saved without a loss; compile it in Python and save it again")
    if batch_size is None:
        batch_size = 256 if spec is None else spec.training.validation_batch_size or spec.training.batch_size
    if opened.classes is not None:
        rows = _numbered_as(opened.classes, rows, found)
    _require_fit(model.loss, model.network.output_shape, rows, f"the {name} rows of {found.name}")
    values = model.evaluate(rows.x, rows.y, batch_size, 0, rows.sample_weight, return_dict=True)
    result = Evaluation(dict(values), name, len(rows), run, opened.checkpoint, warnings=warnings)
    counted = confuse(model, rows, names=opened.classes or found.class_names, batch_size=batch_size)
    if counted is not None:
        result.classes, result.confusion = counted.classes, counted.matrix.tolist()
        result.per_class = counted.per_class()
    return result


def load_rows(path: str) -> Data:
    """Data from an npz file, or from the data section of a YAML file. Raises UsageError, SpecError, DataError."""
    suffix = Path(path).suffix.lower()
    if suffix in (".yaml", ".yml"):
        return load_spec(path).load_data()
    if suffix == ".npz":
        return get(Source, {"npz": {"path": path}}).load(Path())
    raise UsageError(f"--data takes a YAML file with a data section, or an npz file, not {path}")


def _rows(spec: RunSpec | None, split: str | None, data: str | None) -> tuple[Split, str, Data]:
    if split is not None and split not in SPLITS:
        raise UsageError(f"there is no split {split!r}; choose train, validation or test")
    if data is None and (spec is None or spec.data is None):
        raise UsageError("the run names no data; use --data")
    found = spec.load_data() if data is None and spec is not None else load_rows(str(data))
    name = split or next(s for s in ("test", "validation", "train") if s in found.splits)
    if name not in found.splits:
        raise UsageError(f"{found.name} has no {name} rows; it has {' and '.join(found.splits)}")
    return found.splits[name], name, found


def _numbered_as(classes: Sequence[str], rows: Split, data: Data) -> Split:
    """The rows with their classes numbered as the model numbers them: other rows may lack some of the classes."""
    names = data.class_names
    if names is None or names == tuple(classes) or rows.y is None or rows.y.ndim > 2:
        return rows
    strange = [name for name in names if name not in classes]
    if strange:
        raise DataError(
            f"{data.name} has the class {strange[0]!r}, which the model does not know: {', '.join(classes)}"
        )
    numbers = np.array([list(classes).index(name) for name in names])
    if rows.y.ndim == 1 or rows.y.shape[1] == 1:
        return replace(rows, y=numbers[rows.y.astype(np.int64)])
    y = np.zeros((len(rows), len(classes)), rows.y.dtype)
    y[:, numbers] = rows.y
    return replace(rows, y=y)


def _require_fit(loss: Loss, output: Shape, rows: Split, what: str) -> None:
    assert rows.y is not None
    wrong = resolve_loss(loss, rows.y.shape[1:], output).label_problem(rows.y, output)
    if wrong is not None:
        raise DataError(f"{what} do not fit the model: {wrong}")


def _changed(run: Path, data: Data) -> list[str]:
    """A warning when the data are not those of the training, or when that can't be told."""
    try:
        before = read_json(run / SUMMARY).get("data", {}).get("fingerprint")
    except (SeqnetError, AttributeError) as error:
        return [f"whether the data are still those of the training can't be told: {error}"]
    if before is not None and before != data.fingerprint():
        return [f"{data.name} has changed since this run was trained, so rows it trained on may be among these"]
    return []
