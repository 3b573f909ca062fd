"""`seqnet evaluate`: a trained run, or a saved model, on rows it is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets.base import Data, Source, Split
from seqnet.declare import get
from seqnet.errors import DataError, SeqnetError, UsageError
from seqnet.models.saving import load_model
from seqnet.models.sequential import Sequential
from seqnet.runs.folder import RESOLVED, SUMMARY, read_json
from seqnet.spec.run import RunSpec, load_spec
from seqnet.training.checkpoint import read_snapshot

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
    run: Path, *, split: str | None = None, data: str | None = None, checkpoint: str = "best", batch_size: int = 256
) -> Evaluation:
    """Loss and metrics of a run's checkpoint, or of a model file, in inference mode.

    split: train, validation or test; default: test where there is one, else validation, else train. data: another
    YAML file whose data section is used, or an npz file. Raises UsageError, DataError, CheckpointError.
    """
    model, classes, warnings = open_model(run, checkpoint)
    is_run = (run / RESOLVED).exists()
    if data is None and not is_run:
        raise UsageError(f"{run} is a model without data; say on what to evaluate it: --data FILE.npz")
    rows, name, found = _rows(run, split, data)
    if data is None:
        warnings += _changed(run, found)
    if rows.y is None:
        raise DataError(f"the {name} rows have no targets to evaluate against")
    if model.optimizer is None:
        raise UsageError(f"{run} was saved without a loss; compile it in Python and save it again")
    values = model.evaluate(rows.x, rows.y, batch_size, 0, rows.sample_weight, return_dict=True)
    result = Evaluation(dict(values), name, len(rows), run, checkpoint if is_run else "-", warnings=warnings)
    _by_class(result, model.predict(rows.x, batch_size, 0), rows.y, found.class_names or classes, found.num_classes)
    return result


def open_model(run: Path, checkpoint: str = "best") -> tuple[Sequential, tuple[str, ...] | None, list[str]]:
    """The model of a run's checkpoint or of a model file, and the names of its classes where they are known."""
    if not (run / RESOLVED).exists():
        return load_model(run), None, []
    if checkpoint not in ("best", "last"):
        raise UsageError(f"a run has the checkpoints best and last, not {checkpoint!r}")
    folder = run / checkpoint
    classes = read_snapshot(folder).data.get("classes")
    return load_model(folder), None if classes is None else tuple(classes), []


def load_rows(path: str) -> Data:
    """Data from an npz file, or from the data section of a YAML file."""
    if Path(path).suffix in (".yaml", ".yml"):
        return load_spec(path).load_data()
    if Path(path).suffix == ".npz":
        source = get(Source, {"npz": {"path": path}})
        return source.load(Path())
    raise UsageError(f"--data takes a YAML file with a data section, or an npz file, not {path}")


def _rows(run: Path, split: str | None, data: str | None) -> tuple[Split, str, Data]:
    if split is not None and split not in SPLITS:
        raise UsageError(f"there is no split {split!r}; choose train, validation or test")
    found = load_rows(data) if data is not None else _run_data(load_spec(run / RESOLVED))
    found.check()
    name = split or next(s for s in ("test", "validation", "train") if s in found.splits)
    if name not in found.splits:
        raise UsageError(f"this data has no {name} rows; it has {', '.join(found.splits)}")
    return found.splits[name], name, found


def _run_data(spec: RunSpec) -> Data:
    if spec.data is None:
        raise UsageError("the run names no data; use --data")
    return spec.load_data()


def _changed(run: Path, data: Data) -> list[str]:
    """A warning when the data are not those of the training."""
    try:
        before = read_json(run / SUMMARY).get("data", {}).get("fingerprint")
    except SeqnetError:
        return []
    if before is not None and before != data.fingerprint():
        return ["the data have changed since this run was trained, so rows it trained on may be among these"]
    return []


def _by_class(result: Evaluation, outputs: Array, y: Array, names: Sequence[str] | None, count: int | None) -> None:
    """Confusion matrix and per-class values, where the targets are classes."""
    labels, chosen = as_classes(y, outputs, count)
    if labels is None or chosen is None:
        return
    classes = max(count or 0, int(labels.max(initial=0)) + 1, int(chosen.max(initial=0)) + 1)
    matrix = np.bincount(labels * classes + chosen, minlength=classes * classes).reshape(classes, classes)
    result.classes = tuple(names) if names and len(names) == classes else tuple(str(i) for i in range(classes))
    result.confusion = matrix.tolist()
    result.per_class = []
    for index, name in enumerate(result.classes):
        hit, taken, there = int(matrix[index, index]), int(matrix[:, index].sum()), int(matrix[index].sum())
        precision, recall = hit / taken if taken else 0.0, hit / there if there else 0.0
        f1 = 2 * hit / (taken + there) if taken + there else 0.0
        result.per_class.append({"class": name, "precision": precision, "recall": recall, "f1": f1, "support": there})


def as_classes(y: Array, outputs: Array, count: int | None) -> tuple[Array | None, Array | None]:
    """Labels and predicted classes as integers (N,), or (None, None) where the targets are no single class a row."""
    if count is None or outputs.ndim != 2:
        return None, None
    labels = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if labels.ndim == 2 and labels.shape[1] == outputs.shape[1] and np.all(labels.sum(axis=1) == 1):
        labels = np.argmax(labels, axis=1)
    if labels.ndim != 1 or not np.array_equal(labels, np.rint(labels)):
        return None, None
    return labels.astype(np.int64), predicted_classes(outputs)


def predicted_classes(outputs: Array) -> Array:
    """The class of each row: the largest output, or for a single output whether it passes one half."""
    if outputs.shape[1] == 1:
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    chosen: Array = np.argmax(outputs, axis=1)  # a tie is the first, so 0.5 is class 0
    return chosen
