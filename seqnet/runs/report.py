"""`seqnet report`: everything that a page about a run says, gathered from its folder and from its data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets.base import Data
from seqnet.errors import CheckpointError, DataError, ShapeError, UsageError
from seqnet.kernels.elementwise import sigmoid
from seqnet.models.summary import summarize
from seqnet.report.content import Classes, Curve, Fit, Measured, Report
from seqnet.runs.confusion import true_classes
from seqnet.runs.curves import RATE, Curves, read_curves
from seqnet.runs.ending import how_it_ended
from seqnet.runs.evaluate import Asked, Evaluation, ask, changed_since, measure
from seqnet.runs.folder import JSONL, RESOLVED, SUMMARY, read_json, require_place
from seqnet.runs.mistakes import largest_errors, wrong_classes, wrong_labels
from seqnet.runs.opening import Opened, as_probabilities, chosen_classes, is_run, open_model, read_run_spec
from seqnet.runs.records import DAMAGED, RunRecord, read_record
from seqnet.runs.splits import data_of_run
from seqnet.spec.run import RunSpec
from seqnet.version import __version__

PLOTTED = 4  # targets of a regression that are drawn one by one; more are drawn together
LARGEST = 1e150  # numbers beyond it are not compared: their squares may be no numbers


def gather(run: Path, *, split: str | None = None, checkpoint: str = "best") -> Report:
    """What there is to say of a run. split: as `evaluate` takes it.

    Where the data can't be read any more, and no split is asked for, the report does without them and says so. Raises
    UsageError for what is no run and for damaged runs, DataError and ShapeError where data and split do not fit.
    """
    if not is_run(run):
        raise UsageError(f"a report is about a run folder, and {run} is a model alone; evaluate measures it")
    try:
        return _gather(run, split, checkpoint)
    except CheckpointError as error:
        raise UsageError(f"there can't be a report about {run}: {error}") from error


def require_page(path: Path) -> None:
    """Raise UsageError where a path can't take a page, which is better known before anything is computed."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"the report is a page in HTML: end {path} with .html")
    require_place(path)


def _gather(run: Path, split: str | None, checkpoint: str) -> Report:
    record = read_record(run)
    if record.state == DAMAGED:
        raise CheckpointError(f"it is damaged: {record.problem}")
    spec, curves = read_run_spec(run), Curves([], {})
    if record.epochs or (run / JSONL).exists():
        curves = read_curves(run)
    opened = open_model(run, checkpoint)
    summary = read_json(run / SUMMARY)
    report = Report(
        label=record.label,
        state=record.state,
        ended=how_it_ended(record, spec.callbacks),
        epochs=record.epochs,
        planned_epochs=record.planned_epochs,
        seconds=record.seconds,
        monitor=record.monitor,
        best_epoch=record.best_epoch,
        best=record.best,
        final=record.final,
        splits={},
        curves=_curves(curves),
        layers=summarize(opened.model, expand_nested=True),
        resolved=_text(run / RESOLVED),
        made=_made(summary, spec, record),
        notes=list(opened.warnings),
    )
    try:
        _measure(report, run, opened, spec, split)
    except (DataError, ShapeError) as error:
        if split is not None:
            raise
        report.notes.append(f"the data can't be used any more, so nothing is predicted here: {error}")
    return report


def _measure(report: Report, run: Path, opened: Opened, spec: RunSpec, split: str | None) -> None:
    """The checkpoint on a split. Raises UsageError, DataError, ShapeError."""
    if spec.data is None:
        raise DataError("the run names no data")
    data = data_of_run(run, spec, opened.preparation)
    report.splits = {name: len(rows) for name, rows in data.splits.items()}
    asked = ask(run, opened, spec, data, split=split)
    report.notes += changed_since(run, data)
    outputs = asked.opened.model.predict(asked.rows.x, asked.batch_size, 0)
    found = measure(asked, outputs)
    measured = Measured(found.split, found.rows, found.checkpoint, found.values)
    report.measured = measured
    finite = np.asarray(np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1))
    if not finite.all():
        measured.notes.append(f"The model's output is NaN or infinite for {int((~finite).sum()):,} of the rows.")
    if found.classes is not None:
        _classify(measured, found, asked, outputs, finite)
    elif found.per_class is not None:
        _list_labels(measured, found, asked, outputs)
    elif asked.opened.model.loss is not None and asked.opened.model.loss.labels == "real":
        _regress(measured, asked, data, outputs)
    else:
        measured.notes.append(
            "These rows have neither one class each nor numbers to compare with, so there is no more to count."
        )


def _classify(measured: Measured, found: Evaluation, asked: Asked, outputs: Array, finite: Array) -> None:
    assert found.classes and found.per_class is not None and found.confusion is not None
    labels = true_classes(asked.rows.y)
    assert labels is not None  # or nothing would have been counted
    loss = asked.opened.model.loss
    chances = np.full((len(outputs), len(found.classes)), np.nan)
    chances[finite] = as_probabilities(loss, outputs[finite])
    chosen = chosen_classes(loss, outputs)
    measured.classes = Classes(found.classes, np.asarray(found.confusion), found.per_class)
    measured.mistakes = wrong_classes(labels, chosen, chances, found.classes, asked.rows.x, asked.data)


def _list_labels(measured: Measured, found: Evaluation, asked: Asked, outputs: Array) -> None:
    """Each label of rows that may have several."""
    assert found.per_class is not None and asked.rows.y is not None
    names = [str(one["class"]) for one in found.per_class]
    measured.classes = Classes(names, None, found.per_class)
    loss = asked.opened.model.loss
    chances = sigmoid(outputs) if loss is not None and loss.expects == "logits" else outputs
    measured.mistakes = wrong_labels(asked.rows.y.astype(bool), chances, names, asked.rows.x, asked.data)


def _regress(measured: Measured, asked: Asked, data: Data, outputs: Array) -> None:
    """Numbers against numbers: each target, or all of them together where they are many."""
    assert asked.rows.y is not None
    true = asked.rows.y[:].reshape(len(outputs), -1).astype(np.float64)
    predicted = outputs.reshape(len(outputs), -1).astype(np.float64)
    if true.shape != predicted.shape:
        measured.notes.append("Targets and outputs differ in shape, so they are not set against each other.")
        return
    width = true.shape[1]
    groups = [slice(i, i + 1) for i in range(width)] if width <= PLOTTED else [slice(0, width)]
    counted = "row" if width <= PLOTTED else "value"
    for place, group in enumerate(groups):
        name = "values" if width == 1 else f"target {place}" if width <= PLOTTED else f"values, {width} a row"
        rows = np.repeat(np.arange(len(true)), group.stop - group.start)
        one, other = true[:, group].ravel(), predicted[:, group].ravel()
        fine = (abs(one) < LARGEST) & (abs(other) < LARGEST)
        if fine.any():
            measured.fits = [*measured.fits, Fit(name, rows[fine], one[fine], other[fine], counted)]
    usable = (abs(predicted) < LARGEST) & (abs(true) < LARGEST)
    measured.mistakes = largest_errors(true, np.where(usable, predicted, np.nan), asked.rows.x, data)


def _curves(curves: Curves) -> list[Curve]:
    """The loss and each metric with its validation; the learning rate where it changes."""
    made = []
    for name in curves.metrics:
        nothing = [float("nan")] * len(curves)
        made.append(Curve(name, curves.epochs, curves.values.get(name, nothing), curves.values.get(f"val_{name}")))
    rates = curves.values.get(RATE, [])
    return [*made, Curve("learning rate", curves.epochs, rates)] if len(set(rates)) > 1 else made


def _made(summary: Mapping[str, Any], spec: RunSpec, record: RunRecord) -> list[tuple[str, str]]:
    """What is needed to make the run again, as far as the summary says it."""
    data, versions = (value if isinstance(value, dict) else {} for value in map(summary.get, ("data", "versions")))
    overrides = summary.get("overrides")
    facts = {
        "Data": data.get("name"),
        "Data fingerprint (SHA-256)": data.get("fingerprint"),
        "Seed": spec.seed,
        "Worker threads": summary.get("threads"),
        "Overrides": " ".join(map(str, overrides)) if isinstance(overrides, list) else None,
        "Started": record.when.strftime("%Y-%m-%d %H:%M:%S UTC") if record.when else None,
        "Machine": summary.get("machine"),
        **{f"{name} version": version for name, version in versions.items()},
        "Page written by": f"seqnet {__version__}",
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"can't read {path}: {error}") from error
