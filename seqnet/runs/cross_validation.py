"""`seqnet cv`: a fresh model a fold, trained on the other rows and measured on the fold; mean and deviation of all."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.datasets.base import Data
from seqnet.errors import Problem, SeqnetError, TrainingError
from seqnet.models.sequential import Sequential
from seqnet.runs import folder as folders
from seqnet.runs.epoch_recorder import FoldRecorder
from seqnet.runs.folder import (
    FAILED,
    FINISHED,
    FOLDS_PREFIX,
    FOLDS_RECORD,
    INTERRUPTED,
    RUNNING,
    MetricsFiles,
    create_run,
)
from seqnet.runs.folds_resumed import done_of, latest_folds, require_same_folds, require_same_rows
from seqnet.runs.lock import locked
from seqnet.runs.process import this_process
from seqnet.runs.signals import interruptible
from seqnet.runs.splits import write_splits
from seqnet.runs.train import (
    Event,
    adapt_layers,
    best_by,
    place_files,
    prepared,
    training_rows,
    validation_rows,
    warn_or_refuse,
)
from seqnet.spec.division import Division, Folds
from seqnet.spec.run import RunSpec, check_document
from seqnet.spec.sections import NEEDED
from seqnet.training.backup import BackupAndRestore
from seqnet.training.callbacks import Callback
from seqnet.training.checkpoint import make_folder, reason
from seqnet.training.compiled import Diverged
from seqnet.training.divergence import culprit
from seqnet.training.trainer import FitOptions, Rows, Trainer
from seqnet.version import __version__


@dataclass
class CrossValidation:
    """What a cross-validation came to. report: what cv.json holds; signal: what interrupted it, where that was one."""

    folder: Path
    report: dict[str, Any]
    signal: int | None = None

    @property
    def interrupted(self) -> bool:
        return bool(self.report["state"] == INTERRUPTED)


def cross_validate(
    spec: RunSpec,
    *,
    folds: int | None = None,
    repeats: int | None = None,
    runs: Path,
    threads: int | None = None,
    resume: bool = False,
    display: Callback | None = None,
    on_event: Event = lambda name, details: None,
) -> CrossValidation:
    """Train `folds` (5) new models as the file says, each on the rows of the other folds, and measure it on its own.

    The rows held back for testing stay out of it, and those held back for validation join the folds. Repeat r (from 1)
    divides and trains with the seed of the file + r - 1. A preparation, and layers that learn from the data, see each
    fold's training rows only. Values are those of each fold's best epoch, by what EarlyStopping watches, else the
    validation loss. Leaves runs/<name>/cv-<number>/ with cv.json, and for each fold its metrics and its rows.
    Nothing is left where no fold was done. The first Ctrl-C ends after the batch; the folds that are done count.
    resume: go on with the latest one of the file's name, whose folds that are done stay; folds and repeats are its own.
    on_event(name, details): "warning" (problem), "start" (folder, report), "begin" (repeat, fold), "fold" (what
    cv.json says of it), "note" (text).
    Raises SpecError, UsageError, DataError, TrainingError.
    """
    spec.require("cross-validation", *NEEDED)
    if not spec.fit_options().ever_validates():
        message = f"no epoch would be validated, with validation_freq {spec.training.validation_freq}"
        spec.refuse([Problem(("training", "validation_freq"), message, "leave it out, or train more epochs")])
    before, earlier = latest_folds(runs, spec.name, FOLDS_PREFIX) if resume else (None, {})
    asked = {"folds": folds, "repeats": repeats}
    folds, repeats = folds or earlier.get("folds", 5), repeats or earlier.get("repeats", 1)
    division = spec.divisible()
    plans = [division.folds(spec.seed, spec.seed + repeat, folds) for repeat in range(repeats)]
    data = spec.load_data(division, plans[0].parts[0])
    warn_or_refuse(spec, data, on_event)
    first = _anew(spec, spec.seed)
    first.adapt(data)
    model = first.build_model(data.input_shape, threads=threads)
    record = _Record(spec, folds, repeats, _report(spec, division, plans[0], data, model))
    del data, model
    if before is not None:
        require_same_folds(before, earlier, record.report, asked)
    folder = before or create_run(runs, spec.name, FOLDS_PREFIX)
    with locked(folder):
        if before is not None:
            _, earlier = latest_folds(runs, spec.name, FOLDS_PREFIX)  # nobody else adds to it from here on
            record.go_on(earlier)
            for repeat, fold in done_of(record.results):
                require_same_rows(folder / _inner(repeat, fold, repeats), plans[repeat - 1], fold)
        with _recorded(record, folder, on_event):
            return _folds(record, division, plans, folder, threads, display, on_event)


@contextmanager
def _recorded(record: _Record, folder: Path, on_event: Event) -> Iterator[None]:
    """Around all folds: writes down that they are trained, and what ends them."""
    try:
        folders.write_text(folder / folders.SPEC, record.spec.document.text)
        record.write(folder, RUNNING)
        on_event("start", {"folder": folder, "report": record.report})
        yield
    except BaseException as error:
        with suppress(SeqnetError):
            record.write(folder, FAILED, error=str(error) or type(error).__name__)
        if not record.results:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise TrainingError(f"can't write {error.filename}: {reason(error)}") from error
        raise


def _folds(
    record: _Record,
    division: Division,
    plans: Sequence[Folds],
    folder: Path,
    threads: int | None,
    display: Callback | None,
    on_event: Event,
) -> CrossValidation:
    """Every fold of every repeat that is not done, one after the other."""
    several, spec, done = record.repeats > 1, record.spec, done_of(record.results)
    for repeat, plan in enumerate(plans, start=1):
        for number, parts in enumerate(plan.parts, start=1):
            which = {"repeat": repeat, "fold": number}
            if (repeat, number) in done:
                continue
            inner = folder / _inner(repeat, number, record.repeats)
            shutil.rmtree(inner, ignore_errors=True)  # what a killed process has left of it
            try:
                on_event("begin", which)
                make_folder(inner)
                write_splits(inner, parts, len(division.data.train))
                one = _Fold(
                    _anew(spec, spec.seed + repeat - 1),
                    inner,
                    threads,
                    display,
                    lambda text: on_event("note", {"text": text}),
                )
                values, stopped = one.train(spec.load_data(division, parts))
            except KeyboardInterrupt:
                values, stopped = None, None
            except Exception as error:
                shutil.rmtree(inner, ignore_errors=True)
                if isinstance(error, (TrainingError, ArithmeticError)):
                    raise TrainingError(f"{_named(which, several)}: {error}") from error
                raise
            if values is None:
                shutil.rmtree(inner, ignore_errors=True)
                record.write(folder, INTERRUPTED)
                if not record.results:
                    shutil.rmtree(folder, ignore_errors=True)
                return CrossValidation(folder, record.report, stopped)
            record.results.append({**which, **values})
            record.write(folder, RUNNING)
            on_event("fold", record.results[-1])
    record.write(folder, FINISHED)
    return CrossValidation(folder, record.report)


@dataclass
class _Record:
    """What cv.json holds, and how it is made."""

    spec: RunSpec
    folds: int
    repeats: int
    report: dict[str, Any]
    results: list[dict[str, Any]] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def go_on(self, earlier: Mapping[str, Any]) -> None:
        """Count what an earlier process has done."""
        self.results = list(earlier["results"])
        self.report["started"] = earlier.get("started", self.report["started"])
        took = earlier.get("seconds")
        self.began -= took if isinstance(took, (int, float)) else 0.0

    def write(self, folder: Path, state: str, **more: Any) -> None:
        """Raises TrainingError."""
        mean, std = mean_and_deviation([result["best"] for result in self.results])
        working = {"process": this_process()} if state == RUNNING else {}
        self.report = {
            **{key: value for key, value in self.report.items() if key != "process"},
            "state": state,
            **working,
            **more,
            "folds": self.folds,
            "repeats": self.repeats,
            "results": list(self.results),
            "mean": mean,
            "std": std,
            "ddof": 1,
            "seconds": time.perf_counter() - self.began,
        }
        folders.write_json(folder / FOLDS_RECORD, self.report)


def _anew(spec: RunSpec, seed: int) -> RunSpec:
    """The same file with another seed, whose layers have learned nothing from any rows yet."""
    fresh = check_document(spec.document, [])
    return replace(fresh, seed=seed, overrides=spec.overrides, plugins=spec.plugins)


def mean_and_deviation(values: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Mean of each logged value over the folds, and standard deviation with ddof = 1, which one fold has none of."""
    mean: dict[str, Any] = {}
    std: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in values for name in one):
        found = np.array([one[name] for one in values if name in one], np.float64)
        mean[name] = found.mean(axis=0).tolist()
        std[name] = found.std(axis=0, ddof=1).tolist() if len(found) > 1 else None
    return mean, std


def _report(spec: RunSpec, division: Division, plan: Folds, data: Data, model: Sequential) -> dict[str, Any]:
    """What is known before the first fold."""
    trainer = model.trainer(prepared(model, training_rows(spec, data)), spec.fit_options())
    ways = model.directions(validated=True)
    monitor, mode = best_by(spec.callbacks, ways)
    return {
        "name": spec.name,
        "state": RUNNING,
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "way": plan.way,
        "seed": spec.seed,
        "overrides": list(spec.overrides),
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint(),  # of the first fold's rows, prepared
            "rows": len(np.unique(np.concatenate([part["validation"] for part in plan.parts] + [data.rows["train"]]))),
            "test": plan.test,
            "unused": plan.unused,
        },
        "monitor": {"name": monitor, "mode": mode},
        "directions": ways,
        "parameters": model.count_params(),
        "threads": len(trainer.compiled.engine.workers),
        "versions": {"seqnet": __version__, "numpy": np.__version__, "python": platform.python_version()},
        "machine": platform.machine(),
        "resolved": spec.resolved(),
    }


def _inner(repeat: int, fold: int, repeats: int) -> str:
    """The folder of a fold within that of all."""
    return f"repeat-{repeat}-fold-{fold}" if repeats > 1 else f"fold-{fold}"


def _named(which: Mapping[str, int], several: bool) -> str:
    return f"repeat {which['repeat']}, fold {which['fold']}" if several else f"fold {which['fold']}"


@dataclass
class _Fold:
    """One training of a cross-validation."""

    spec: RunSpec
    folder: Path
    threads: int | None
    display: Callback | None
    say: Callable[[str], None]

    def train(self, data: Data) -> tuple[dict[str, Any] | None, int | None]:
        """What cv.json says of the fold, or None and the signal where it was interrupted. Raises TrainingError."""
        spec, began = self.spec, time.perf_counter()
        spec.adapt(data)
        model = spec.build_model(data.input_shape, threads=self.threads)
        rows, validation = prepared(model, training_rows(spec, data)), validation_rows(data)
        validation = validation and prepared(model, validation)
        options = spec.fit_options()
        trainer = model.trainer(rows, options)
        ways = model.directions(validated=True)
        callbacks = [one for one in spec.callbacks if not isinstance(one, BackupAndRestore)]
        for callback in callbacks:
            callback.tell = self.say
        place_files(callbacks, self.folder, spec.folder)
        monitor, mode = best_by(callbacks, ways)
        recorder = FoldRecorder(callbacks, monitor, mode, rollback=options.on_nan == "rollback")
        watching = [*([self.display] if self.display is not None else []), *callbacks, recorder]
        watching = model.prepare_callbacks(watching, trainer, rows, validation, options, 0)
        adapt_layers(model, rows.x)
        trainer.position.epoch = options.initial_epoch
        with interruptible(trainer) as stop:
            if recorder.rollback is not None:
                recorder.rollback.keep(trainer, recorder.callbacks)
            self._fit(trainer, recorder, rows, validation, options, watching)
            if trainer.interrupted:
                return None, stop.number
            MetricsFiles(self.folder, ["epoch", *sorted(ways), "learning_rate"]).write(recorder.rows)
        return {
            "rows": {"train": len(rows), "validation": 0 if validation is None else len(validation)},
            "epochs": len(recorder.rows),
            "best_epoch": recorder.best_epoch,
            "best": recorder.best_values,
            "final": recorder.final_values,
            "seconds": time.perf_counter() - began,
        }, None

    def _fit(
        self,
        trainer: Trainer,
        recorder: FoldRecorder,
        rows: Rows,
        validation: Rows | None,
        options: FitOptions,
        watching: Sequence[Callback],
    ) -> None:
        while True:
            try:
                trainer.fit(rows, validation, options, watching)
                return
            except Diverged as error:
                found, back = culprit(trainer, rows, error), recorder.rollback
                if back is not None and back.go_back(trainer, recorder.callbacks, self._telling(str(found))):
                    continue
                hint = "" if back is not None else "; or -s training.on_nan=rollback, which halves it by itself"
                raise TrainingError(
                    f"the numbers are no longer finite\n  {found}\n  to try: a lower learning rate{hint}"
                ) from error

    def _telling(self, found: str) -> Callable[[str], None]:
        return lambda way: self.say(f"{found}\n  {way}")
