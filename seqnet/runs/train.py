"""`seqnet train`: from a checked file to a run folder."""

from __future__ import annotations

import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.datasets.base import Data, Split
from seqnet.errors import DataError, Problem, TrainingError, UsageError
from seqnet.layers.base import Layer
from seqnet.models.sequential import Sequential
from seqnet.runs import folder as folders
from seqnet.runs.recorder import BEST, LAST, RunRecorder
from seqnet.spec.lint import lint
from seqnet.spec.reader import dump_yaml
from seqnet.spec.run import RunSpec, load_spec
from seqnet.training.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint
from seqnet.training.checkpoint import read_snapshot
from seqnet.training.compiled import class_weights
from seqnet.training.state import put_state, put_weights
from seqnet.training.trainer import Rows, Trainer
from seqnet.version import __version__

Event = Callable[[str, dict[str, Any]], None]


@dataclass
class RunResult:
    """What a run came to. best, final: logged values; test: of the best weights on the test rows."""

    folder: Path
    history: dict[str, list[Any]]
    best: dict[str, Any]
    final: dict[str, Any]
    test: dict[str, Any] | None = None
    interrupted: bool = False
    summary: dict[str, Any] = field(default_factory=dict)


def train(
    spec: RunSpec,
    *,
    runs: Path,
    threads: int | None = None,
    resume: str | bool | None = None,
    display: Callback | None = None,
    on_event: Event = lambda name, details: None,
) -> RunResult:
    """Train as the file says, in a new run folder, or on in the one that `resume` names (True: the latest of the name).

    on_event(name, details): "warning" (problem), "data" (data), "model" (model), "start" (folder).
    The first Ctrl-C ends after the batch, with everything saved; a second one stops at once.
    Raises SpecError, DataError, TrainingError, CheckpointError.
    """
    require_training(spec)
    data = spec.load_data()
    data.check()
    warn_or_refuse(spec, data, on_event)
    on_event("data", {"data": data})
    model = spec.build_model(data.input_shape, threads=threads)
    on_event("model", {"model": model})
    train_rows, validation = _rows(data.train, "training"), _validation(data)
    if spec.training.class_weight is not None:
        if train_rows.weight is not None:
            raise UsageError("class_weight and a sample_weight array can't be combined; leave one out")
        train_rows = Rows(train_rows.x, train_rows.y, class_weights(spec.training.class_weight, train_rows.y))
    options = spec.fit_options()
    with _one_writer_message():
        folder = _open_folder(spec, runs, resume)
    callbacks = _callbacks(spec, folder)
    trainer = model.trainer(train_rows, options)
    ways = model.directions(validated=validation is not None)
    monitor, mode = _best_by(callbacks, ways)
    columns = ["epoch", *sorted(ways), "learning_rate"]
    extra = {"classes": data.class_names, "input_shape": list(data.input_shape)}
    recorder = RunRecorder(
        folder, model, callbacks, folders.MetricsFiles(folder, columns), monitor=monitor, mode=mode, extra=extra
    )
    recorder.callbacks = [recorder, *callbacks]
    watching = [*([display] if display is not None else []), *callbacks, recorder]
    watching = model.prepare_callbacks(watching, trainer, train_rows, validation, options, 0)
    if resume:
        _go_on(trainer, recorder, folder)
    else:
        adapt_layers(model, data.train.x)
    begun = {"folder": folder, "resumed": bool(resume), "epoch": trainer.position.epoch}
    on_event("start", {**begun, "monitor": monitor, "mode": mode, "best": recorder.best})
    started = time.perf_counter()
    try:
        with interruptible(trainer):
            trainer.fit(train_rows, validation, options, watching)
    except KeyboardInterrupt:
        trainer.interrupted = True  # a second Ctrl-C: whatever was saved last is what there is
    else:
        if trainer.interrupted:
            recorder.save(trainer)
    elapsed = time.perf_counter() - started
    result = _result(folder, trainer, recorder)
    if not trainer.interrupted:
        result.test = _test(model, data, folder, options.batch_size)
    result.summary = _summary(spec, data, model, result, recorder, elapsed)
    folders.write_json(folder / folders.SUMMARY, result.summary)
    return result


def require_training(spec: RunSpec) -> None:
    """Raise SpecError unless the file says everything that training needs."""
    needs = {
        "data": (spec.data, "add data: {dataset: iris}, or another source"),
        "optimizer": (spec.optimizer, "add optimizer: adam"),
        "loss": (spec.loss, "add loss: sparse_categorical_crossentropy, or mse for numbers"),
    }
    missing = [Problem((), f"training needs {key}", hint) for key, (value, hint) in needs.items() if value is None]
    if missing:
        spec.refuse(missing)


def warn_or_refuse(spec: RunSpec, data: Data, on_event: Event) -> None:
    """Run the lint; raise SpecError for errors, report warnings."""
    problems = lint(spec, data)
    if any(not problem.warning for problem in problems):
        spec.refuse(problems)
    for problem in problems:
        on_event("warning", {"problem": problem})


def adapt_layers(model: Sequential, x: Any, batch_size: int = 1024) -> None:
    """Fit the layers that learn from the data (Normalization) on the training rows, as the rows reach them."""
    before: list[Layer] = []
    for layer in model._layers:
        if getattr(layer, "adapts", False):
            part = Sequential([*before], seed=0) if before else None
            if part is not None:
                part.build((None, *model.network.input_shape))
            batches = _batches(part, x, batch_size)
            layer.adapt(batches)  # type: ignore[attr-defined]
        before.append(layer)


def _batches(part: Sequential | None, x: Any, batch_size: int) -> Iterator[Any]:
    for start in range(0, len(x), batch_size):
        rows = x[start : start + batch_size]
        yield rows if part is None else part(rows)


@contextmanager
def interruptible(trainer: Trainer) -> Iterator[None]:
    """Let the first Ctrl-C (or SIGTERM, SIGHUP) end the run after the batch, and the second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        if trainer.interrupted:
            raise KeyboardInterrupt
        trainer.interrupted = True

    watched = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in watched}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _one_writer_message() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise TrainingError(f"can't write the run folder: {error.strerror}; use --runs FOLDER") from error


def _open_folder(spec: RunSpec, runs: Path, resume: str | bool | None) -> Path:
    if resume:
        folder = folders.find_run(spec.name if resume is True else resume, runs)
        _require_same_stack(spec, folder)
        return folder
    folder = folders.create_run(runs, spec.name)
    folders.write_text(folder / folders.SPEC, spec.document.text)
    folders.write_text(folder / folders.RESOLVED, dump_yaml(spec.resolved()))
    return folder


def _require_same_stack(spec: RunSpec, folder: Path) -> None:
    """A resumed run may change how it trains, not what it trains."""
    before, now = load_spec(folder / folders.RESOLVED).resolved(), spec.resolved()
    for key in ("model", "loss", "seed"):
        if before.get(key) != now.get(key):
            raise UsageError(
                f"{folder} was trained with another {key}, so it can't be resumed with this file; train it anew"
            )


def _callbacks(spec: RunSpec, folder: Path) -> list[Callback]:
    """The file's callbacks; files that they write go into the run folder unless their path is absolute."""
    callbacks = spec.callbacks
    for callback in callbacks:
        if isinstance(callback, CSVLogger):
            callback.filename = str(folder / callback.filename)
        elif isinstance(callback, ModelCheckpoint):
            callback.filepath = str(folder / callback.filepath)
    return callbacks


def _best_by(callbacks: Sequence[Callback], ways: dict[str, str | None]) -> tuple[str, str]:
    """What decides which epoch is best: what EarlyStopping watches, else the validation loss, else the loss."""
    for callback in callbacks:
        if isinstance(callback, EarlyStopping) and callback.monitor in ways:
            mode = callback.mode if callback.mode != "auto" else ways[callback.monitor]
            return callback.monitor, mode or "min"
    return ("val_loss" if "val_loss" in ways else "loss"), "min"


def _go_on(trainer: Trainer, recorder: RunRecorder, folder: Path) -> None:
    snapshot = read_snapshot(folder / LAST)
    put_state(trainer, recorder.callbacks, snapshot)
    recorder.files.load(len(trainer.history.epoch))


def _rows(split: Split, what: str) -> Rows:
    if split.y is None:
        raise DataError(f"the {what} rows have no targets")
    return Rows(split.x, split.y, split.sample_weight)


def _validation(data: Data) -> Rows | None:
    return None if data.validation is None else _rows(data.validation, "validation")


def _result(folder: Path, trainer: Trainer, recorder: RunRecorder) -> RunResult:
    history = {name: list(values) for name, values in trainer.history.history.items()}
    final = {name: values[-1] for name, values in history.items() if values}
    best = {"epoch": recorder.best_epoch, "monitor": recorder.monitor, **recorder.best_values} if final else {}
    return RunResult(folder, history, best, final, interrupted=trainer.interrupted)


def _test(model: Sequential, data: Data, folder: Path, batch_size: int) -> dict[str, Any] | None:
    """The best weights on the test rows; the model keeps them."""
    put_weights(model.network, read_snapshot(folder / BEST))
    if data.test is None or data.test.y is None:
        return None
    found = model.evaluate(data.test.x, data.test.y, batch_size, 0, return_dict=True)
    return dict(found)


def _summary(
    spec: RunSpec, data: Data, model: Sequential, result: RunResult, recorder: RunRecorder, elapsed: float
) -> dict[str, Any]:
    compiled = model._compiled
    return {
        "name": spec.name,
        "state": "interrupted" if result.interrupted else "finished",
        "epochs": len(recorder.seconds),
        "best": result.best,
        "final": result.final,
        "test": result.test,
        "seed": spec.seed,
        "parameters": model.count_params(),
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint(),
            "rows": {name: len(split) for name, split in data.splits.items()},
            "classes": data.class_names,
        },
        "seconds": {"total": elapsed, "epochs": recorder.seconds},
        "threads": len(compiled.engine.workers) if compiled is not None else 1,
        "versions": {"seqnet": __version__, "numpy": np.__version__, "python": platform.python_version()},
        "machine": platform.machine(),
    }
