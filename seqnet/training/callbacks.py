"""What watches a training run: early stopping, checkpoints, logs.

Hooks have Keras's names and arguments; a user's own class overrides those it needs. A callback that counts something
keeps it in `state`, so that a resumed run goes on where it was.
"""

from __future__ import annotations

import copy
import csv
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from seqnet.arrays import Array
from seqnet.checkers import NonNegativeFloat, NonNegativeInt, PositiveInt
from seqnet.declare import Component, option
from seqnet.errors import Problem, SpecError, TrainingError, UsageError, suggestion
from seqnet.registry import register

Logs = dict[str, Any]
# What will be logged, and which way is better: "min", "max", or None where it is not known.
Directions = Mapping[str, str | None]


class Callback(Component):
    """Base of all callbacks. `self.model` is the model in training, `self.params` has epochs, steps and verbose.

    `logs` hold the running means of the epoch so far (batch hooks) or its final values (epoch hooks).
    `self.model.stop_training = True` ends the run after the batch.
    """

    kind = "callback"
    stateful: ClassVar[tuple[str, ...]] = ()  # attributes that a checkpoint must keep

    model: Any = None
    params: dict[str, Any] | None = None

    def after_step(self, trainer: Any) -> None:
        """Called after every batch with the trainer itself; cheap, since no logs are made for it."""

    def after_epoch(self, trainer: Any, logs: Logs) -> None:
        """Called when an epoch is in the history and the trainer stands at the next one: the moment to save."""

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def check_monitor(self, directions: Directions) -> Problem | None:
        """What is wrong with the value this callback watches, given what will be logged; path is the option."""
        return None

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, as plain data."""
        return {name: copy.copy(getattr(self, name)) for name in self.stateful}

    def load_state(self, state: Mapping[str, Any]) -> None:
        for name in self.stateful:
            setattr(self, name, state[name])

    def on_train_begin(self, logs: Logs | None = None) -> None: ...
    def on_train_end(self, logs: Logs | None = None) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None: ...
    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_begin(batch, logs)  # its older name

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None: ...
    def on_test_end(self, logs: Logs | None = None) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_begin(self, logs: Logs | None = None) -> None: ...
    def on_predict_end(self, logs: Logs | None = None) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None: ...


def overrides(callback: Callback, *names: str) -> bool:
    """Whether a callback does something at one of these hooks; calling the others, and making logs for them, costs."""
    names = (*names, *(name.replace("_train", "") for name in names if name.startswith("on_train_batch")))
    return any(name in vars(callback) or getattr(type(callback), name) is not getattr(Callback, name) for name in names)


class History(Callback):
    """Keeps every epoch's values: `history["loss"][i]` is the loss of epoch `epoch[i]`."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class Monitor:
    """Decides whether a watched value is better than the best so far."""

    def __init__(self, mode: str, min_delta: float = 0.0) -> None:
        self.sign = 1.0 if mode == "max" else -1.0
        self.min_delta = min_delta

    @property
    def worst(self) -> float:
        return -self.sign * math.inf

    def better(self, value: float, best: float) -> bool:
        """Better by more than min_delta; NaN never is."""
        return self.sign * (value - best) > self.min_delta if math.isfinite(best) else math.isfinite(value)


class Watching(Callback):
    """A callback that watches one logged value."""

    monitor: str
    mode: str
    min_delta: float = 0.0
    directions: Directions = {}

    def check_monitor(self, directions: Directions) -> Problem | None:
        self.directions = directions
        if self.monitor not in directions:
            listed = ", ".join(directions)
            hint = suggestion(self.monitor, directions)
            if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in directions):
                hint = "there is no validation part; set validation_split"
            message = f"{self.spec_name}: no value named {self.monitor!r} will be logged (there will be {listed})"
            return Problem(("monitor",), message, hint)
        if self.mode == "auto" and directions[self.monitor] is None:
            message = f"{self.spec_name}: is a higher or a lower {self.monitor} better?"
            return Problem(("monitor",), message, "set mode: max or mode: min")
        return None

    def judge(self) -> Monitor:
        direction = self.directions.get(self.monitor) or _guess(self.monitor)
        return Monitor(direction if self.mode == "auto" else self.mode, self.min_delta)

    def watched(self, logs: Logs | None) -> float | None:
        value = (logs or {}).get(self.monitor)
        if value is None:
            return None
        if isinstance(value, np.ndarray) and value.size != 1:
            raise UsageError(
                f"{self.spec_name}: {self.monitor} has {value.size} values an epoch; monitor a single number"
            )
        return float(value)


def _guess(name: str) -> str:
    return "max" if any(word in name for word in ("acc", "auc", "precision", "recall", "f1")) else "min"


@register()
class EarlyStopping(Watching):
    """Ends the run when a watched value has not improved for `patience` epochs.

    Differs from Keras: a NaN never counts as the best value.
    """

    stateful = ("wait", "stopped_epoch", "best", "best_epoch")

    monitor: str = option("the logged value to watch", default="val_loss")
    min_delta: NonNegativeFloat = option("a smaller change is no improvement", default=0.0)
    patience: NonNegativeInt = option("epochs without improvement before the run ends", default=0)
    verbose: Literal[0, 1] = option("1 says when it stops", default=0)
    mode: Literal["auto", "min", "max"] = option("whether lower or higher is better", default="auto")
    baseline: float | None = option("value that must be passed before an improvement resets the waiting", default=None)
    restore_best_weights: bool = option("end with the weights of the best epoch instead of the last", default=False)
    start_from_epoch: NonNegativeInt = option("epochs to let pass before watching", default=0)

    def setup(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[Array] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.setup()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self.watched(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        judge = self.judge()
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if judge.better(value, judge.worst if self.best is None else self.best):
            self.best = value
            self._keep(epoch)
            if self.baseline is None or judge.better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def arrays(self) -> list[Array]:
        """The kept weights, for a checkpoint."""
        return self.best_weights or []

    def load_arrays(self, arrays: Sequence[Array]) -> None:
        self.best_weights = list(arrays) or None


@register()
class ModelCheckpoint(Watching):
    """Saves the model, or its weights alone, after an epoch or after a number of batches.

    The path may hold {epoch} (1-based) and any logged value: `best-{epoch:02d}-{val_loss:.3f}.seqnet`.
    """

    stateful = ("best", "batches")

    filepath: str = option("where to save", example="best.seqnet")
    monitor: str = option("the logged value that decides what is best", default="val_loss")
    verbose: Literal[0, 1] = option("1 says when it saves", default=0)
    save_best_only: bool = option("save only when the value improves", default=False)
    save_weights_only: bool = option("save the weights without the stack", default=False)
    mode: Literal["auto", "min", "max"] = option("whether lower or higher is better", default="auto")
    save_freq: Literal["epoch"] | PositiveInt = option("after every epoch, or every so many batches", default="epoch")
    initial_value_threshold: float | None = option("save only what is better than this", default=None)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Any:
        if values["save_best_only"] and values["save_freq"] != "epoch":
            yield "save_freq", "save_best_only decides at the end of an epoch, so save_freq must be epoch"

    def setup(self) -> None:
        self.best = self.initial_value_threshold
        self.batches = 0

    def check_monitor(self, directions: Directions) -> Problem | None:
        return super().check_monitor(directions) if self.save_best_only else None

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if isinstance(self.save_freq, int):
            self.batches += 1
            if self.batches % self.save_freq == 0:
                self._save(self.epoch, logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq != "epoch":
            return
        if not self.save_best_only:
            self._save(epoch, logs)
            return
        value, judge = self.watched(logs), self.judge()
        if value is not None and judge.better(value, judge.worst if self.best is None else self.best):
            self.best = value
            self._save(epoch, logs)

    def _save(self, epoch: int, logs: Logs | None) -> None:
        try:
            path = self.filepath.format(epoch=epoch + 1, **(logs or {}))
        except (KeyError, ValueError, IndexError) as error:
            known = ", ".join(["epoch", *(logs or {})])
            raise UsageError(
                f"ModelCheckpoint: can't fill in {self.filepath!r}: {error}; it may use {known}"
            ) from error
        if self.verbose:
            print(f"Epoch {epoch + 1}: saving model to {path}")
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)


@register()
class CSVLogger(Callback):
    """Writes one row an epoch: epoch (0-based, as Keras), then every logged value.

    Differs from Keras: no invented val_ columns, and a resumed run does not repeat the header.
    """

    filename: str = option("the file", example="log.csv")
    separator: str = option("the character between the values", default=",")
    append: bool = option("go on in a file that is there", default=False)

    stateful = ("names", "size")

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Any:
        separator = values["separator"]
        if len(separator) != 1 or separator in '\r\n"' or (separator != "\t" and not separator.isprintable()):
            yield "separator", f"separator must be a single character, such as ; or a tab, got {separator!r}"

    def setup(self) -> None:
        self.names: list[str] | None = None
        self.size: int | None = None  # of the file after the last row, in bytes

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on in the file, without rows of epochs that the checkpoint does not know of."""
        super().load_state(state)
        if self.size is None:  # no epoch was finished yet
            self.on_train_begin()
        elif os.path.exists(self.filename):
            os.truncate(self.filename, min(self.size, os.path.getsize(self.filename)))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.setup()
        path = Path(self.filename)
        if self.append and path.exists() and path.stat().st_size:
            with path.open(newline="", encoding="utf-8") as file:
                self.names = next(csv.reader(file, delimiter=self.separator))[1:]
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", encoding="utf-8")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=self.separator, lineterminator="\n")
            if self.names is None:
                self.names = list(logs)
                writer.writerow(["epoch", *self.names])
            writer.writerow([epoch, *(_cell(logs.get(name, "")) for name in self.names)])
            file.flush()
            os.fsync(file.fileno())
            self.size = file.tell()


def _cell(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


@register()
class TerminateOnNaN(Callback):
    """Ends the run when the running loss is NaN or infinite."""

    raise_error: bool = option("raise an error instead of ending the run", default=False)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            if self.raise_error:
                raise TrainingError(f"the loss is {loss} at batch {batch}")
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


def check_monitors(callbacks: Sequence[Callback], directions: Directions) -> list[tuple[int, Problem]]:
    """What is wrong with the watched values: (number of the callback, problem)."""
    found = ((index, callback.check_monitor(directions)) for index, callback in enumerate(callbacks))
    return [(index, problem) for index, problem in found if problem is not None]


def require_monitors(callbacks: Sequence[Callback], directions: Directions) -> None:
    """Raise SpecError when a callback watches what will not be logged."""
    problems = [problem for _, problem in check_monitors(callbacks, directions)]
    if problems:
        raise SpecError("\n".join(str(problem) for problem in problems), problems)
