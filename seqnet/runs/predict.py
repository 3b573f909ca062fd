"""`seqnet predict`: what a trained model says of new rows."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets import checks
from seqnet.datasets.readers import read_array_file
from seqnet.datasets.text import TextPreparation
from seqnet.errors import DataError, TrainingError, UsageError
from seqnet.layers.base import Tally
from seqnet.models.sequential import Sequential
from seqnet.runs.folder import finite, require_place
from seqnet.runs.opening import as_probabilities, chosen_classes, is_classifier, open_model
from seqnet.runs.vocabulary import unknown_tokens, vocabulary_layer
from seqnet.training.checkpoint import reason, write_file

ROWS = 1024  # prepared at a time, which of images is much
FORMATS = (".csv", ".json", ".jsonl", ".npz", ".npy")


@dataclass
class Prediction:
    """The outputs (N, ...), and for classifiers the class of each row and the probabilities (N, K) of the classes."""

    outputs: Array
    classes: list[str] | None = None  # the names of the classes
    labels: list[str] | None = None  # the class of each row
    probabilities: Array | None = None
    unknown: str | None = None  # how many of the tokens are out of the model's vocabulary, in words
    files: list[str] | None = None  # the file of each row
    forecast: list[dict[str, Any]] | None = None  # the rows of the table where they are others than those of outputs
    warnings: list[str] = field(default_factory=list)

    def rows(self) -> list[dict[str, Any]]:
        """One mapping a row: its file where it has one, then class and probability of each class, or the values."""
        if self.forecast is not None:
            return self.forecast
        found = self._rows()
        return found if self.files is None else [{"file": f, **row} for f, row in zip(self.files, found, strict=True)]

    def _rows(self) -> list[dict[str, Any]]:
        if self.labels is None or self.classes is None or self.probabilities is None:
            flat = self.outputs.reshape(len(self.outputs), -1)
            names = ["value"] if flat.shape[1] == 1 else [f"value_{i}" for i in range(flat.shape[1])]
            return [dict(zip(names, row, strict=True)) for row in flat.tolist()]
        names = [f"p_{name}" for name in self.classes]
        return [
            {"class": label, **dict(zip(names, row, strict=True))}
            for label, row in zip(self.labels, self.probabilities.tolist(), strict=True)
        ]


def predict(run: Path, input: Path, *, checkpoint: str = "best", batch_size: int = 256) -> Prediction:
    """The outputs of a run's checkpoint, or of a model file, for the rows of an npz, npy or csv file, or for files as
    the run was trained with: a table, texts, an image or a folder of images, a series.

    Raises DataError, ShapeError, CheckpointError, and TrainingError when outputs are NaN or infinite.
    """
    opened = open_model(run, checkpoint)
    model, loss = opened.model, opened.model.loss
    parts: list[Array] = []
    files: list[str] = []
    tally = Tally()
    preparation = opened.preparation
    if preparation is None and model.network.front.takes_text and input.suffix.lower() not in (".npz", ".npy"):
        preparation = TextPreparation()
    for rows in preparation.read(input, ROWS) if preparation is not None else [read_array_file(input, Path())]:
        if rows.shape == model.input_shape[1:]:
            rows = rows[None]  # a single row
        checks.check_inputs(rows, str(input))
        checks.check_finite(rows, str(input))
        if vocabulary_layer(model) is not None:
            model.network.front(rows, tally)
        parts.append(model.predict(rows, batch_size, 0))
        files += preparation and preparation.names() or []
    outputs = np.concatenate(parts)
    _require_finite(outputs, model, run)
    warnings = preparation.warnings() if preparation is not None else []
    unknown = unknown_tokens(tally)
    if not is_classifier(loss, outputs):
        if preparation is not None:
            outputs = preparation.unscaled(outputs)
        forecast = preparation.forecast(outputs) if preparation is not None else None
        return Prediction(outputs, None, None, None, unknown, files or None, forecast, warnings)
    count = max(2, outputs.shape[1])
    names = opened.classes
    classes = list(names) if names is not None and len(names) == count else [str(i) for i in range(count)]
    labels = [classes[i] for i in chosen_classes(loss, outputs)]
    return Prediction(outputs, classes, labels, as_probabilities(loss, outputs), unknown, files or None, None, warnings)


def require_writable(path: Path) -> None:
    """Raise UsageError where a path can't take predictions, which is better known before they are made."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"can't tell the format of {path}: end it with {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    require_place(path)


def write_predictions(prediction: Prediction, path: Path) -> None:
    """Write csv, json, jsonl, npz or npy, by the file's ending. Raises UsageError, TrainingError."""
    require_writable(path)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        content = prediction_csv(prediction).encode()
    elif suffix == ".json":
        content = (json.dumps(finite(prediction.rows()), allow_nan=False) + "\n").encode()
    elif suffix == ".jsonl":
        content = "".join(json.dumps(finite(row), allow_nan=False) + "\n" for row in prediction.rows()).encode()
    else:
        buffer = io.BytesIO()
        if suffix == ".npy":
            np.save(buffer, prediction.outputs)
        else:
            texts = {"labels": prediction.labels, "files": prediction.files}
            named = {name: np.array(found) for name, found in texts.items() if found is not None}
            np.savez(buffer, outputs=prediction.outputs, **named)  # type: ignore[arg-type]
        content = buffer.getvalue()
    try:
        write_file(path, content)
    except OSError as error:
        raise TrainingError(f"can't write {path}: {reason(error)}") from error


def prediction_csv(prediction: Prediction) -> str:
    """The rows as csv with a header."""
    rows = prediction.rows()
    if not rows:
        raise DataError("there are no rows to predict")
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()


def _require_finite(outputs: Array, model: Sequential, run: Path) -> None:
    """Raise TrainingError when a row came out as NaN or infinity: it would look like a result."""
    bad = np.flatnonzero(~np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1))
    if not bad.size:
        return
    advice = "the numbers in these rows are too large for this model; scale them as for its training"
    if not all(np.isfinite(weights).all() for weights in model.weights):
        advice = (
            f"the weights of {run} are not finite themselves; train anew with a lower learning rate, scaled inputs, "
            "or clipnorm on the optimizer"
        )
    raise TrainingError(
        f"the outputs of {bad.size:,} of {len(outputs):,} rows are NaN or infinite, the first of them those of row "
        f"{bad[0]} (counted from 0), so nothing was written; {advice}"
    )
