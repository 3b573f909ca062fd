"""`seqnet predict`: what a trained model says of new rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets import checks
from seqnet.datasets.preparation import Preparation
from seqnet.datasets.readers import read_array_file
from seqnet.datasets.text import TextPreparation
from seqnet.errors import DataError, TrainingError, UsageError
from seqnet.kernels.elementwise import sigmoid
from seqnet.layers.base import Tally
from seqnet.models.sequential import Sequential
from seqnet.runs.folder import finite, require_place
from seqnet.runs.opening import as_probabilities, chosen_classes, is_classifier, open_model
from seqnet.runs.vocabulary import unknown_tokens, vocabulary_layer
from seqnet.training.checkpoint import reason, write_file, write_parts

ROWS = 1024  # prepared at a time, which of images is much
FORMATS = (".csv", ".json", ".jsonl", ".npz", ".npy")


@dataclass
class Prediction:
    """The outputs (N, ...), and for classifiers the class of each row and the probabilities (N, K) of the classes; of
    labels of which a row may have several, the probability of each."""

    outputs: Array
    classes: list[str] | None = None  # the names of the classes
    labels: list[str] | None = None  # the class of each row
    probabilities: Array | None = None
    unknown: str | None = None  # how many of the tokens are out of the model's vocabulary, in words
    names: list[str] | None = None  # what the outputs of a row are called, where they are several
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
        if self.classes is None or self.probabilities is None:
            flat = self.outputs.reshape(len(self.outputs), -1)
            names = self.names or (["value"] if flat.shape[1] == 1 else [f"value_{i}" for i in range(flat.shape[1])])
            return [dict(zip(names, row, strict=True)) for row in flat.tolist()]
        names = [f"p_{name}" for name in self.classes]
        found = [dict(zip(names, row, strict=True)) for row in self.probabilities.tolist()]
        if self.labels is None:
            return found
        return [{"class": label, **row} for label, row in zip(self.labels, found, strict=True)]


class Predictor:
    """A run's checkpoint, or a model file, ready to predict the rows of files.

    unknown and warnings: what is to be said of the rows predicted so far. Raises UsageError, CheckpointError.
    """

    def __init__(self, run: Path, *, checkpoint: str = "best", batch_size: int = 256) -> None:
        self.run = run
        self.batch_size = batch_size
        self.opened = open_model(run, checkpoint)
        self.preparation = self.opened.preparation
        self._tally = Tally()

    def pieces(self, input: Path) -> Iterator[Prediction]:
        """The outputs for the rows of an npz, npy or csv file, or of files as the run was trained with: a table, texts,
        an image or a folder of images, a series; so many rows at a time as are prepared together.

        Raises DataError, ShapeError, and TrainingError when outputs are NaN or infinite.
        """
        model, done = self.opened.model, 0
        preparation = self.preparation
        if preparation is None and model.network.front.takes_text and input.suffix.lower() not in (".npz", ".npy"):
            preparation = self.preparation = TextPreparation()
        for rows in preparation.read(input, ROWS) if preparation is not None else [read_array_file(input, Path())]:
            if rows.shape == model.input_shape[1:]:
                rows = rows[None]  # a single row
            checks.check_inputs(rows, str(input))
            checks.check_finite(rows, str(input))
            if vocabulary_layer(model) is not None:
                model.network.front(rows, self._tally)
            outputs = model.predict(rows, self.batch_size, 0)
            _require_finite(outputs, model, self.run, done)
            yield self._prediction(outputs, preparation)
            done += len(rows)

    @property
    def unknown(self) -> str | None:
        return unknown_tokens(self._tally)

    @property
    def warnings(self) -> list[str]:
        return [] if self.preparation is None else self.preparation.warnings()

    def _prediction(self, outputs: Array, preparation: Preparation | None) -> Prediction:
        loss = self.opened.model.loss
        files = preparation.names() if preparation is not None else None
        if not is_classifier(loss, outputs):
            if preparation is not None:
                outputs = preparation.unscaled(outputs)
            forecast = preparation.forecast(outputs) if preparation is not None else None
            names = self._names(outputs)
            found = Prediction(outputs, names=names, files=files or None, forecast=forecast)
            binary = loss is not None and loss.labels == "binary" and loss.expects != "margins"
            if loss is not None and binary and names is not None and self.opened.classes is not None:
                found.classes = names
                found.probabilities = sigmoid(outputs) if loss.expects == "logits" else outputs
            return found
        count = max(2, outputs.shape[1])
        known = self.opened.classes
        classes = list(known) if known is not None and len(known) == count else [str(i) for i in range(count)]
        labels = [classes[i] for i in chosen_classes(loss, outputs)]
        return Prediction(outputs, classes, labels, as_probabilities(loss, outputs), files=files or None)

    def _names(self, outputs: Array) -> list[str] | None:
        """What several outputs of a row (N, K) are called: the labels of which a row may have several, or the columns
        that are predicted."""
        known = self.opened.classes or (self.preparation.targets if self.preparation is not None else ())
        return list(known) if outputs.ndim == 2 and 1 < outputs.shape[1] == len(known) else None


def predict(run: Path, input: Path, *, checkpoint: str = "best", batch_size: int = 256) -> Prediction:
    """The outputs for all rows of a file, as Predictor.pieces makes them."""
    predictor = Predictor(run, checkpoint=checkpoint, batch_size=batch_size)
    found = joined(list(predictor.pieces(input)))
    found.unknown, found.warnings = predictor.unknown, predictor.warnings
    return found


def joined(pieces: Sequence[Prediction]) -> Prediction:
    """The rows of all pieces."""
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        raise DataError("there are no rows to predict")

    def all_of(name: str) -> list[Any] | None:
        parts = [getattr(piece, name) for piece in pieces]
        return None if parts[0] is None else [item for part in parts for item in part]

    chances = [piece.probabilities for piece in pieces if piece.probabilities is not None]
    return Prediction(
        np.concatenate([piece.outputs for piece in pieces]),
        pieces[0].classes,
        all_of("labels"),
        np.concatenate(chances) if chances else None,
        names=pieces[0].names,
        files=all_of("files"),
        forecast=all_of("forecast"),
    )


def streams(path: Path) -> bool:
    """Whether predictions can be written to this file piece by piece."""
    return path.suffix.lower() in (".csv", ".jsonl")


def write_pieces(pieces: Iterable[Prediction], path: Path) -> int:
    """Write pieces to a csv or jsonl file as they come; the rows written. Raises UsageError, TrainingError, and what
    the pieces raise; then no file is left."""
    require_writable(path)
    counts: list[int] = []

    def parts() -> Iterator[bytes]:
        for piece in pieces:
            text = lines_of(piece) if path.suffix.lower() == ".jsonl" else prediction_csv(piece, header=not counts)
            counts.append(len(piece.outputs))
            yield text.encode()

    try:
        write_parts(path, parts())
    except OSError as error:
        raise TrainingError(f"can't write {path}: {reason(error)}") from error
    return sum(counts)


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
        content = lines_of(prediction).encode()
    else:
        buffer = io.BytesIO()
        if suffix == ".npy":
            np.save(buffer, prediction.outputs)
        else:
            beside = {
                "labels": prediction.labels,
                "classes": prediction.classes,
                "probabilities": prediction.probabilities,
                "names": prediction.names if prediction.classes is None else None,
                "files": prediction.files,
            }
            named = {name: np.array(found) for name, found in beside.items() if found is not None}
            np.savez(buffer, outputs=prediction.outputs, **named)  # type: ignore[arg-type]
        content = buffer.getvalue()
    try:
        write_file(path, content)
    except OSError as error:
        raise TrainingError(f"can't write {path}: {reason(error)}") from error


def lines_of(prediction: Prediction) -> str:
    """The rows as JSON, one a line."""
    return "".join(json.dumps(finite(row), allow_nan=False) + "\n" for row in prediction.rows())


def prediction_csv(prediction: Prediction, *, header: bool = True) -> str:
    """The rows as csv."""
    rows = prediction.rows()
    if not rows:
        raise DataError("there are no rows to predict")
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()


def _require_finite(outputs: Array, model: Sequential, run: Path, done: int) -> None:
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
        f"{done + int(bad[0])} (counted from 0), so nothing was written; {advice}"
    )
