"""`seqnet train`: from a checked file to a run folder."""

from __future__ import annotations

import platform
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.datasets.base import Data, Split
from seqnet.datasets.preparation import saved
from seqnet.errors import CheckpointError, DataError, Problem, SeqnetError, TrainingError, UsageError
from seqnet.layers.base import Tally
from seqnet.models.sequential import Sequential
from seqnet.network.engine import Engine
from seqnet.plugins.faults import render
from seqnet.plugins.files import PluginFile
from seqnet.plugins.loading import fault_of
from seqnet.plugins.trust import record_path, remember
from seqnet.runs import folder as folders
from seqnet.runs.diverged import go_on_or_explain
from seqnet.runs.folder import create_run
from seqnet.runs.lock import locked
from seqnet.runs.plugins import changed_plugins, keep_plugins, kept_names, record_of, recorded_plugins
from seqnet.runs.process import this_process
from seqnet.runs.recorder import BEST, LAST, RunRecorder
from seqnet.runs.resume import Resumed, resumable
from seqnet.runs.signals import interruptible
from seqnet.runs.splits import require_same_rows, rows_of, write_splits
from seqnet.runs.vocabulary import out_of_vocabulary, said
from seqnet.spec.lint import data_path, lint
from seqnet.spec.reader import dump_yaml
from seqnet.spec.run import RunSpec
from seqnet.spec.sections import NEEDED, SAMPLE_WEIGHT
from seqnet.training.backup import BackupAndRestore
from seqnet.training.callbacks import Callback, EarlyStopping
from seqnet.training.checkpoint import STATE, read_snapshot, reason
from seqnet.training.compiled import Diverged, prepare, slices
from seqnet.training.state import put_state, put_weights
from seqnet.training.tensorboard import TensorBoard
from seqnet.training.trainer import FitOptions, Rows, Trainer
from seqnet.training.weighting import class_weights, sampling_weights
from seqnet.version import __version__

FILES = ("filename", "filepath", "log_dir")  # options of callbacks that name what they write
Event = Callable[[str, dict[str, Any]], None]


@dataclass
class RunResult:
    """What a run came to. best, final: logged values; test: of the best weights on the test rows.

    signal: what interrupted it, where that was one. input: what a file of new rows may be called.
    """

    folder: Path
    history: dict[str, list[Any]]
    best: dict[str, Any]
    final: dict[str, Any]
    test: dict[str, Any] | None = None
    interrupted: bool = False
    signal: int | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    input: str = "INPUT.npz"


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

    on_event(name, details): "warning" (problem), "data" (data), "model" (model), "start" (folder, resumed, epoch,
    monitor, mode, best, vocabulary, changes), "note" (text). Nothing is written before everything that can be known
    beforehand is known to be right. The first Ctrl-C ends after the batch, with everything saved, and measures the best
    weights on the test rows; SIGTERM and SIGHUP do without that; a second signal stops at once.
    Raises SpecError, UsageError, DataError, TrainingError, CheckpointError.
    """
    spec.require("training", *NEEDED)
    with ExitStack() as stack:
        again = resumable(spec, runs, resume, stack) if resume else None
        return _train(spec, runs, threads, again, display, on_event, stack)


def _train(
    spec: RunSpec,
    runs: Path,
    threads: int | None,
    again: Resumed | None,
    display: Callback | None,
    on_event: Event,
    stack: ExitStack,
) -> RunResult:
    data = spec.load_data()
    if again is not None:
        require_same_rows(again.folder, data)
        spec.know(again.adapted)
    warn_or_refuse(spec, data, on_event)
    on_event("data", {"data": data})
    if again is not None and threads is None:
        threads = again.threads  # another number would add up in another order
    model = spec.build_model(data.input_shape, threads=threads)
    on_event("model", {"model": model})
    files = spec.plugins if again is None else again.plugins
    _use(files, again, on_event)
    tallies = {name: Tally() for name in data.splits}
    train_rows, validation = prepared(model, training_rows(spec, data), tallies["train"]), validation_rows(data)
    validation = validation and prepared(model, validation, tallies["validation"])
    unknown = out_of_vocabulary(model, data, tallies)
    options = spec.fit_options()
    trainer = model.trainer(train_rows, options)
    ways = model.directions(validated=validation is not None and options.ever_validates())
    callbacks = [one for one in spec.callbacks if not isinstance(one, BackupAndRestore)]  # the recorder is one
    for callback in callbacks:
        callback.tell = lambda text: on_event("note", {"text": text})
    monitor, mode = best_by(callbacks, ways)
    extra: dict[str, Any] = {
        "classes": data.class_names,
        "preparation": data.preparation and saved(data.preparation),
        "input_shape": list(data.input_shape),
        "threads": len(trainer.compiled.engine.workers),
    }
    if files:
        extra["plugins"] = kept_names(files)
    columns = ["epoch", *sorted(ways), "learning_rate"]
    recorder = RunRecorder(
        model,
        callbacks,
        columns,
        monitor=monitor,
        mode=mode,
        extra=extra,
        on_nan=options.on_nan,
        interval=spec.training.checkpoint_seconds,
    )
    watching = [*([display] if display is not None else []), *callbacks, recorder]
    watching = model.prepare_callbacks(watching, trainer, train_rows, validation, options, 0)
    written = [] if again is None else recorded_plugins(again.folder)
    record = _Record(spec, data, model, trainer, recorder, ways, unknown, written or record_of(files))
    if again is None:
        adapt_layers(model, train_rows.x)
        trainer.position.epoch = options.initial_epoch
    with interruptible(trainer) as stop:
        folder = again.folder if again is not None else create_run(runs, spec.name)
        with _explained(folder, begun=lambda: again is not None or trainer.position.step > 0):
            if again is None:
                stack.enter_context(locked(folder))
            place_files(callbacks, folder, spec.folder)
            recorder.open(folder)
            if again is not None:
                _go_on(trainer, recorder, again)
                _warn_of_other_data(folder, spec, record.fingerprint, on_event)
            else:
                folders.write_text(folder / folders.SPEC, spec.document.text)
                write_splits(folder, data.rows, rows_of(data))
                keep_plugins(folder, files)
            folders.write_text(folder / folders.RESOLVED, record.resolved)
            folders.write_json(folder / folders.SUMMARY, record.summary(record.result(folder), folders.RUNNING))
            if again is None:
                recorder.save(trainer)  # a full disk shows now, not after the first epoch
                if recorder.rollback is not None:
                    recorder.rollback.keep(trainer, recorder.callbacks)
            watched = {"monitor": monitor, "mode": mode, "best": recorder.best}
            told = {"folder": folder, "resumed": again is not None, "epoch": trainer.position.epoch}
            watched["vocabulary"] = said(model, unknown)
            on_event("start", {**told, **watched, "changes": () if again is None else again.changes})
            result, at_once = _fit(record, folder, train_rows, validation, options, watching, on_event)
    with _explained(folder):
        if not result.interrupted:
            result.test = _test(model, data, folder, options)
            result.summary = record.summary(result, folders.FINISHED)
            folders.write_json(folder / folders.SUMMARY, result.summary)
            return result
        result.signal = stop.number
        if result.history and data.test is not None and stop.number == signal.SIGINT and not at_once:
            on_event("note", {"text": "saved; measuring the best weights on the test rows (Ctrl-C leaves that out)"})
            with suppress(KeyboardInterrupt):
                result.test = _test(model, data, folder, options)
                result.summary["test"] = result.test
                folders.write_json(folder / folders.SUMMARY, result.summary)
    return result


def _fit(
    record: _Record,
    folder: Path,
    train_rows: Rows,
    validation: Rows | None,
    options: FitOptions,
    watching: Sequence[Callback],
    on_event: Event,
) -> tuple[RunResult, bool]:
    """The training itself, with a summary of how it ended, and whether it was stopped at once; only the test rows are
    still to come."""
    trainer, recorder, at_once = record.trainer, record.recorder, False

    def say(text: str) -> None:
        on_event("note", {"text": text})

    try:
        while True:
            try:
                trainer.fit(train_rows, validation, options, watching)
                if trainer.interrupted:
                    recorder.save(trainer)
                break
            except Diverged as error:
                go_on_or_explain(error, trainer, recorder, folder, train_rows, validation, options, watching, say)
    except KeyboardInterrupt:
        trainer.interrupted = at_once = True  # a second Ctrl-C: whatever was saved last is what there is
    except BaseException as error:
        fault = None if isinstance(error, SeqnetError) else fault_of(error)
        said = str(error) or type(error).__name__ if fault is None else render(fault)
        failed = {**record.summary(record.result(folder), folders.FAILED), "error": said}
        with suppress(SeqnetError):
            folders.write_json(folder / folders.SUMMARY, failed)
        if fault is not None:
            raise TrainingError(said) from error
        if not isinstance(error, ArithmeticError):
            raise
        message = f"a number left the range of what can be computed ({error}); look for extreme values in the options"
        raise TrainingError(message) from error
    result = record.result(folder)
    result.summary = record.summary(result, folders.INTERRUPTED if result.interrupted else folders.TRAINED)
    folders.write_json(folder / folders.SUMMARY, result.summary)
    return result, at_once


@dataclass
class _Record:
    """What a summary is made of."""

    spec: RunSpec
    data: Data
    model: Sequential
    trainer: Trainer
    recorder: RunRecorder
    directions: dict[str, str | None]
    unknown: dict[str, float]  # of the tokens of each split, the share out of the model's vocabulary
    plugins: list[dict[str, Any]] = field(default_factory=list)
    resolved: str = ""
    fingerprint: str = ""
    started: float = 0.0
    when: str = ""

    def __post_init__(self) -> None:
        plain = self.spec.resolved()
        if self.plugins:
            plain["plugins"] = [plugin["file"] for plugin in self.plugins]
        self.resolved = dump_yaml(plain)
        self.fingerprint = self.data.fingerprint()
        self.started = time.perf_counter()
        self.when = datetime.now(UTC).isoformat(timespec="milliseconds")

    def result(self, folder: Path) -> RunResult:
        trainer, recorder = self.trainer, self.recorder
        history = {name: list(values) for name, values in trainer.history.history.items()}
        final = {name: values[-1] for name, values in history.items() if values}
        best = {"epoch": recorder.best_epoch, "monitor": recorder.monitor, **recorder.best_values} if final else {}
        input = "INPUT.txt" if self.model.network.front.takes_text else "INPUT.npz"
        if self.data.preparation is not None:
            input = self.data.preparation.example
        return RunResult(folder, history, best, final, interrupted=trainer.interrupted, input=input)

    def summary(self, result: RunResult, state: str) -> dict[str, Any]:
        """What summary.json holds. seconds: total of this command; of each epoch of the whole run.

        started: of this command. process: what works on the run, while something does. directions: of every logged
        value, which way is better.
        """
        data, model, compiled, options = self.data, self.model, self.model._compiled, self.spec.training
        working = {"process": this_process()} if state in (folders.RUNNING, folders.TRAINED) else {}
        return {
            "name": self.spec.name,
            "state": state,
            **working,
            "started": self.when,
            "epochs": len(self.recorder.seconds),
            "planned_epochs": options.epochs - options.initial_epoch,
            "monitor": {"name": self.recorder.monitor, "mode": self.recorder.mode},
            "directions": self.directions,
            "best": result.best,
            "final": result.final,
            "test": result.test,
            "seed": self.spec.seed,
            "overrides": list(self.spec.overrides),
            **({"plugins": self.plugins} if self.plugins else {}),
            "parameters": model.count_params(),
            "data": {
                "name": data.name,
                "fingerprint": self.fingerprint,
                "rows": {name: len(split) for name, split in data.splits.items()},
                "classes": data.class_names,
                **({"out_of_vocabulary": self.unknown} if self.unknown else {}),
            },
            "seconds": {"total": time.perf_counter() - self.started, "epochs": self.recorder.seconds},
            "threads": len(compiled.engine.workers) if compiled is not None else 1,
            "versions": {"seqnet": __version__, "numpy": np.__version__, "python": platform.python_version()},
            "machine": platform.machine(),
        }


def _use(files: Sequence[PluginFile], again: Resumed | None, on_event: Event) -> None:
    """Note that this person uses these plugins, so that later commands on the run need not ask; say which changed."""
    for text in () if again is None else changed_plugins(again.folder):
        on_event("note", {"text": text})
    try:
        remember(files)
    except OSError as error:
        said = f"{reason(error).lower()}, so evaluate, predict and the like will need --trust-plugins"
        on_event("note", {"text": f"can't note in {record_path()} that you use these plugins: {said}"})


def warn_or_refuse(spec: RunSpec, data: Data | None, on_event: Event) -> None:
    """Run the lint; raise SpecError for errors, report warnings."""
    problems = lint(spec, data)
    if any(not problem.warning for problem in problems):
        spec.refuse(problems)
    for problem in problems:
        on_event("warning", {"problem": problem})


def adapt_layers(model: Sequential, x: Any, batch_size: int = 1024) -> None:
    """Fit the layers that learn from the data (Normalization) on the training rows, as the rows reach them.

    x: as `prepared` gives them; the layers of the front, which made them, are adapted already.
    """
    engine = Engine(model.network)
    for index, node in enumerate(model.network.nodes):
        if not node.layer.adapted:
            parts = (prepare(model.network, x[rows]) for rows in slices(len(x), batch_size))
            node.layer.adapt(engine.outputs_before(index, part) for part in parts)


@contextmanager
def _explained(folder: Path, *, begun: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Say what is saved and how to go on when the disk is full or the folder can't be written.

    The folder is taken away again where nothing could be saved, or where wrong input shows before the first step.
    """
    try:
        yield
    except BaseException as error:
        cause = error.__cause__ if isinstance(error, SeqnetError) else error
        saved = (folder / LAST / STATE).exists()
        wrong_input = isinstance(error, SeqnetError) and error.exit_code == 2
        if not begun() and (wrong_input or not saved):
            shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(cause, OSError):
            raise
        text = str(error) if isinstance(error, SeqnetError) else f"can't write {cause.filename}: {reason(cause)}"
        advice = f"what was saved before is intact; once that is mended, go on with --resume {folder}"
        if not saved:
            advice = "nothing was trained; mend that, or choose another place with --runs FOLDER"
        raise TrainingError(f"{text}; {advice}") from error


def _go_on(trainer: Trainer, recorder: RunRecorder, again: Resumed) -> None:
    optimizer = trainer.compiled.optimizer
    rate = vars(optimizer)["learning_rate"]  # a number, or a schedule, as the file says
    try:
        put_state(trainer, recorder.callbacks, again.snapshot)
        recorder.resume(again.snapshot)
    except (CheckpointError, AttributeError, TypeError, KeyError, ValueError) as error:
        changes = "\n".join(f"  {change}" for change in again.changes if change.startswith("optimizer."))
        if changes:
            raise UsageError(
                f"{again.folder} can't go on with these options of the optimizer:\n{changes}\n{error}"
            ) from error
        raise CheckpointError(f"{again.folder / LAST} is damaged: {error}") from error
    if again.new_rate:
        optimizer.learning_rate, optimizer.rate_scale = rate, 1.0
    if again.changed:
        trainer.stop_training = False  # what ended the run may no longer do so


def _warn_of_other_data(folder: Path, spec: RunSpec, fingerprint: str, on_event: Event) -> None:
    try:
        before = folders.read_json(folder / folders.SUMMARY).get("data", {}).get("fingerprint")
    except (SeqnetError, AttributeError):
        return
    if before is not None and before != fingerprint:
        message = f"the data have changed since {folder} was begun, so it does not go on as it would have"
        on_event("warning", {"problem": Problem(data_path(spec), message, warning=True)})


def place_files(callbacks: Sequence[Callback], folder: Path, given: Path) -> None:
    """Files that the callbacks write go into the run folder unless their path is absolute; those that they read are
    relative to the file that names them, which is in `given`."""
    for callback in callbacks:
        for option in FILES:
            if hasattr(callback, option):
                setattr(callback, option, str(folder / getattr(callback, option)))
        if isinstance(callback, TensorBoard):
            callback.embeddings_metadata = {name: str(path) for name, path in callback.labels(given).items()}


def best_by(callbacks: Sequence[Callback], ways: dict[str, str | None]) -> tuple[str, str]:
    """What decides which epoch is best: what EarlyStopping watches, else the validation loss, else the loss."""
    for callback in callbacks:
        if isinstance(callback, EarlyStopping) and callback.monitor in ways:
            mode = callback.mode if callback.mode != "auto" else ways[callback.monitor]
            return callback.monitor, mode or "min"
    return ("val_loss" if "val_loss" in ways else "loss"), "min"


def training_rows(spec: RunSpec, data: Data) -> Rows:
    """The rows to train on, weighted as the file says. Raises DataError where they have no targets."""
    rows = _rows(data.train, "training")
    training, sampling = spec.training, data.train.sampling_weight
    if training.class_weight is not None:
        return replace(rows, weight=class_weights(training.class_weight, rows.y))
    if training.weighted_sampling is None:
        return rows
    if training.weighted_sampling != SAMPLE_WEIGHT:
        sampling = class_weights(training.weighted_sampling, rows.y, "weighted_sampling")
    elif sampling is None:
        raise DataError("weighted_sampling: sample_weight needs weights, and the training rows have none")
    return replace(rows, sampling=sampling_weights(sampling))


def prepared(model: Sequential, rows: Rows, tally: Tally | None = None) -> Rows:
    """The rows as the engine takes them: the layers in front have been applied. Raises DataError."""
    return replace(rows, x=model.network.front(rows.x, tally))


def validation_rows(data: Data) -> Rows | None:
    """The rows to validate on, where there are any. Raises DataError where they have no targets."""
    return None if data.validation is None else _rows(data.validation, "validation")


def _rows(split: Split, what: str) -> Rows:
    if split.y is None:
        raise DataError(f"the {what} rows have no targets")
    return Rows(split.x, split.y, split.sample_weight)


def _test(model: Sequential, data: Data, folder: Path, options: FitOptions) -> dict[str, Any] | None:
    """The best weights on the test rows; the model keeps them."""
    put_weights(model.network, read_snapshot(folder / BEST))
    if data.test is None or data.test.y is None:
        return None
    size = options.validation_batch_size or options.batch_size
    return dict(model.evaluate(data.test.x, data.test.y, size, 0, data.test.sample_weight, return_dict=True))
