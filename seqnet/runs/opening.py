"""Opening what a training left: the model of a run or of a model file, the file it was trained with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets.preparation import Preparation, restored
from seqnet.errors import CheckpointError, SpecError, UsageError
from seqnet.kernels.elementwise import sigmoid
from seqnet.losses import Loss
from seqnet.models.saving import load_model
from seqnet.models.sequential import Sequential
from seqnet.runs.folder import RESOLVED
from seqnet.runs.plugins import changed_plugins
from seqnet.runs.recorder import BEST, LAST
from seqnet.spec.run import RunSpec, load_spec
from seqnet.training.checkpoint import STATE, Snapshot, read_snapshot


@dataclass
class Opened:
    """A model that is ready to use. classes: the names of its classes, where they are known. checkpoint: best, last,
    or "-" for a model file. preparation: what makes its inputs of raw rows, fitted in training."""

    model: Sequential
    checkpoint: str = "-"
    classes: tuple[str, ...] | None = None
    preparation: Preparation | None = None
    warnings: list[str] = field(default_factory=list)


def is_run(path: Path) -> bool:
    """Whether a path is a run folder, rather than a model file or a single checkpoint."""
    return (path / RESOLVED).exists()


def read_run_spec(run: Path) -> RunSpec:
    """The file, with every default, that a run was trained with. Raises CheckpointError when it is damaged, UsageError
    when it brings code along that was never used here."""
    if not (run / RESOLVED).is_file():
        raise CheckpointError(f"{run} is no run: it has no {RESOLVED}")
    try:
        return load_spec(run / RESOLVED, trust_plugins=False)
    except SpecError as error:
        if any(problem.spot is not None for problem in error.problems):
            raise  # it is a plugin that is wrong
        raise CheckpointError(f"{run / RESOLVED} is damaged, or was changed by hand:\n{error}") from error


def open_model(path: Path, checkpoint: str = BEST) -> Opened:
    """The model of a run's checkpoint, or of a model file. Raises UsageError, CheckpointError."""
    if not is_run(path):
        return Opened(load_model(path))
    if checkpoint not in (BEST, LAST):
        raise UsageError(f"a run has the checkpoints best and last, not {checkpoint!r}")
    warnings = changed_plugins(path)
    if checkpoint == BEST and not (path / BEST / STATE).exists() and (path / LAST / STATE).exists():
        warnings.append(f"{path} has not finished an epoch, so this is its last checkpoint, not its best")
        checkpoint = LAST
    model = load_model(path / checkpoint)
    snapshot = read_snapshot(path / checkpoint)
    model._threads = stored_threads(snapshot)  # another number would add up in another order
    names = snapshot.data.get("classes")
    classes = tuple(str(name) for name in names) if isinstance(names, list) else None
    state = snapshot.data.get("preparation")
    preparation = restored(state) if isinstance(state, dict) else None
    return Opened(model, checkpoint, classes, preparation, warnings)


def stored_threads(snapshot: Snapshot) -> int | None:
    """The worker threads that a run was trained with; None where the checkpoint does not say."""
    threads = snapshot.data.get("threads")
    return threads if isinstance(threads, int) and 0 < threads <= 4096 else None


def is_classifier(loss: Loss | None, outputs: Array) -> bool:
    """Whether outputs (N, K) choose one class a row."""
    if loss is None or outputs.ndim != 2 or loss.spec_name in ("ctc", "circle"):
        return False
    several = loss.labels in ("integer", "one_hot") or loss.spec_name == "crossentropy"
    return several or (loss.labels == "binary" and outputs.shape[1] == 1)


def chosen_classes(loss: Loss | None, outputs: Array) -> Array:
    """The class of each row of outputs (N, K): the largest, or for K = 1 whether class 1 is the likelier."""
    if outputs.shape[1] > 1:
        largest: Array = np.argmax(outputs, axis=1)
        return largest
    threshold = 0.0 if loss is not None and loss.expects in ("logits", "margins") else 0.5
    return (outputs[:, 0] > threshold).astype(np.int64)


def as_probabilities(loss: Loss | None, outputs: Array) -> Array:
    """Outputs (N, K) as one probability a class, (N, max(K, 2)); the values themselves where they are no chances."""
    if loss is not None and loss.expects == "logits":
        if outputs.shape[1] == 1:
            outputs = sigmoid(outputs)
        else:
            powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
            outputs = powers / powers.sum(axis=1, keepdims=True)
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs
