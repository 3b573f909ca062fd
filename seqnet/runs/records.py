"""What a run folder says of its run, and the list of all of them; a folder that is damaged says what is wrong.

Only small files are read, neither the YAML nor a checkpoint, so that hundreds of runs are listed at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from seqnet.errors import CheckpointError, UsageError, by_number, suggestion
from seqnet.runs.curves import Curves, as_number, read_curves
from seqnet.runs.folder import (
    FAILED,
    FINISHED,
    FOLDS_RECORD,
    INTERRUPTED,
    JSONL,
    RESOLVED,
    RUNNING,
    SPEC,
    SUMMARY,
    TRAINED,
    is_number,
    read_json,
)
from seqnet.runs.process import is_alive
from seqnet.training.checkpoint import STATE, reason

STOPPED_EARLY, DAMAGED = "stopped-early", "damaged"
STATES = (RUNNING, FINISHED, STOPPED_EARLY, INTERRUPTED, FAILED, DAMAGED)
SORTS = ("when", "name", "state", "epochs", "time")  # or the name of a logged value


@dataclass
class RunRecord:
    """One run. best, final: logged values of its best and of its last epoch. seconds: of training, as far as known.

    problem: what is wrong with the folder of a damaged run, or what ended a failed one. folds, planned_folds: of a
    cross-validation that are done and in all, whose best values are means over the folds; None of other runs.
    """

    folder: Path
    state: str = DAMAGED
    when: datetime | None = None
    epochs: int = 0
    planned_epochs: int | None = None
    monitor: str | None = None
    mode: str | None = None
    best_epoch: int | None = None
    best: dict[str, float] = field(default_factory=dict)
    final: dict[str, float] = field(default_factory=dict)
    test: dict[str, float] = field(default_factory=dict)
    directions: dict[str, str | None] = field(default_factory=dict)
    seconds: float | None = None
    parameters: int | None = None
    problem: str | None = None
    folds: int | None = None
    planned_folds: int | None = None

    @property
    def name(self) -> str:
        return self.folder.absolute().parent.name

    @property
    def label(self) -> str:
        """name/number, as `evaluate` and its like take it."""
        return f"{self.name}/{self.folder.absolute().name}"

    def as_json(self) -> dict[str, Any]:
        """Plain data, a stable set of keys."""
        number = self.folder.absolute().name
        return {
            "run": self.label,
            "folder": self.folder,
            "name": self.name,
            "number": int(number) if is_number(number) else None,
            "state": self.state,
            "when": None if self.when is None else self.when.isoformat(timespec="seconds"),
            "epochs": self.epochs,
            "planned_epochs": self.planned_epochs,
            "monitor": self.monitor,
            "mode": self.mode,
            "best_epoch": self.best_epoch,
            "best": self.best,
            "final": self.final,
            "test": self.test,
            "seconds": self.seconds,
            "parameters": self.parameters,
            "problem": self.problem,
            "folds": self.folds,
            "planned_folds": self.planned_folds,
        }


def read_record(folder: Path) -> RunRecord:
    """What a run folder says; where that can't be read, the record is damaged and says why."""
    record = RunRecord(folder)
    try:
        _fill(record)
    except CheckpointError as error:
        record.state, record.problem = DAMAGED, _within(str(error), folder)
    except OSError as error:
        record.state, record.problem = DAMAGED, f"can't be read: {reason(error)}"
    return record


def find_records(folder: Path) -> list[RunRecord]:
    """The runs in a folder of runs, in the folder of one name, or the run that the folder itself is; newest first.

    Raises UsageError for a file, and where the folder can't be looked into.
    """
    try:
        if not folder.exists():
            return []
        if not folder.is_dir():
            raise UsageError(f"{folder} is a file; name the folder of the run folders")
        found = list(_run_folders(folder))
    except OSError as error:
        raise UsageError(f"can't look into {folder}: {reason(error)}") from error
    return sort_records([read_record(one) for one in found], "when")


def filter_records(
    records: Sequence[RunRecord], *, names: Sequence[str] = (), states: Sequence[str] = ()
) -> list[RunRecord]:
    """Those whose name, or name/number, is or matches (*, ?) one of `names`, and whose state is one of `states`."""
    return [
        record
        for record in records
        if (not names or any(fnmatchcase(text, name) for name in names for text in (record.name, record.label)))
        and (not states or record.state in states)
    ]


def sort_records(records: Sequence[RunRecord], key: str) -> list[RunRecord]:
    """when: newest first; name: 2 before 10; state, epochs, time: most first; a logged value: best first, the value
    of each run's best epoch. Runs that lack it stand last. Raises UsageError where no run has logged the value.
    """
    records = sorted(records, key=lambda record: by_number(record.label))
    if key == "name":
        return records
    if key == "when":
        begin = datetime.fromtimestamp(0, UTC)
        newest = sorted(records, key=lambda record: (record.when or begin, by_number(record.label)))
        return newest[::-1]
    if key == "state":
        return sorted(records, key=lambda record: STATES.index(record.state))
    if key in ("epochs", "time"):
        return sorted(records, key=lambda record: -((record.epochs if key == "epochs" else record.seconds) or 0.0))
    known = {name for record in records for name in record.best}
    if key not in known:
        hint = suggestion(key, [*SORTS, *known])
        raise UsageError(f"there is nothing named {key!r} to sort the runs by; {hint}")
    sign = -1.0 if direction_of(records, key) == "max" else 1.0
    values = {id(record): sign * record.best.get(key, math.nan) for record in records}
    return sorted(records, key=lambda record: (math.isnan(values[id(record)]), values[id(record)]))


def direction_of(records: Sequence[RunRecord], name: str) -> str | None:
    """Which way a logged value is better, as the runs recorded it; None where they do not say."""
    said = (record.directions.get(name) for record in records)
    return next((way for way in said if way is not None), "min" if name.endswith("loss") else None)


def _run_folders(folder: Path) -> Iterator[Path]:
    """Whatever is a run, or lies where one should: numbered, or with files of a run under another name.

    Raises OSError where the folder itself can't be looked into.
    """
    if _has_run_files(folder):
        yield folder
        return
    for child in _folders_in(folder):
        try:
            runs = [one for one in _folders_in(child) if _is_one(one)]
        except OSError:
            runs = [child]  # whose record will say so
        yield from runs if runs and not _has_run_files(child) else [child] if _is_one(child) else []


def _is_one(folder: Path) -> bool:
    return is_number(folder.name) or _has_run_files(folder)


def _folders_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir()]


def _has_run_files(folder: Path) -> bool:
    try:
        return any((folder / name).exists() for name in (RESOLVED, SUMMARY, FOLDS_RECORD))
    except OSError:
        return False


def _fill(record: RunRecord) -> None:
    """Read the files of a run into its record. Raises CheckpointError, OSError."""
    folder = record.folder
    record.when = _touched(folder, SPEC, RESOLVED, SUMMARY) or _touched(folder, ".")
    if not any(folder.iterdir()):
        raise CheckpointError("it is empty")
    if (folder / FOLDS_RECORD).exists() and not (folder / RESOLVED).exists():
        _fill_folds(record)
        return
    if not (folder / RESOLVED).is_file():
        raise CheckpointError(f"{RESOLVED} is missing")
    if not (folder / RESOLVED).stat().st_size:
        raise CheckpointError(f"{RESOLVED} is empty")
    summary = _Summary(read_json(folder / SUMMARY))
    record.when = summary.when() or _touched(folder, RESOLVED)
    record.planned_epochs = summary.count("planned_epochs")
    record.parameters = summary.count("parameters")
    record.directions = summary.directions()
    monitor, best = summary.mapping("monitor"), summary.mapping("best")
    record.monitor = _text(monitor.get("name")) or _text(best.get("monitor"))
    record.mode = _text(monitor.get("mode"))
    record.state = summary.state()
    took = summary.mapping("seconds").get("epochs")
    record.seconds = math.fsum(max(as_number(one), 0.0) for one in took) if isinstance(took, list) else None
    heard = _touched(folder, SUMMARY, JSONL, f"last/{STATE}")
    if record.state in (RUNNING, TRAINED):
        alive = is_alive(summary.data.get("process"), heard.timestamp() if heard else 0.0)
        _catch_up(record, datetime.now(UTC) if alive else heard)
        record.state = RUNNING if alive else INTERRUPTED
        return
    record.epochs = summary.count("epochs") or 0
    record.best_epoch = _count(best.get("epoch"))
    record.best, record.final, record.test = (_numbers(summary.mapping(key)) for key in ("best", "final", "test"))
    record.best.pop("epoch", None)
    if record.state == FAILED:
        record.problem = _text(summary.data.get("error"))
    if record.state == FINISHED and record.planned_epochs is not None and record.epochs < record.planned_epochs:
        record.state = STOPPED_EARLY


def _fill_folds(record: RunRecord) -> None:
    """The same of a cross-validation. Raises CheckpointError, OSError."""
    summary = _Summary(read_json(record.folder / FOLDS_RECORD), FOLDS_RECORD)
    heard = _touched(record.folder, FOLDS_RECORD)
    record.when = summary.when() or heard
    record.state = summary.state()
    if record.state == RUNNING and not is_alive(summary.data.get("process"), heard.timestamp() if heard else 0.0):
        record.state = INTERRUPTED
    results, folds, repeats = summary.data.get("results"), summary.count("folds"), summary.count("repeats")
    if not isinstance(results, list) or folds is None or repeats is None:
        raise CheckpointError(f"{FOLDS_RECORD} is damaged: it does not list its folds")
    record.folds, record.planned_folds = len(results), folds * repeats
    record.parameters = summary.count("parameters")
    record.directions = summary.directions()
    monitor = summary.mapping("monitor")
    record.monitor, record.mode = _text(monitor.get("name")), _text(monitor.get("mode"))
    record.best = _numbers(summary.mapping("mean"))
    record.seconds = max(as_number(summary.data.get("seconds")), 0.0)
    if record.state == FAILED:
        record.problem = _text(summary.data.get("error"))


def _catch_up(record: RunRecord, until: datetime | None) -> None:
    """Where the summary is that of the beginning, the metrics files know more."""
    if record.seconds is not None and until is not None and record.when is not None:
        record.seconds += max((until - record.when).total_seconds(), 0.0)
    if not (record.folder / JSONL).exists():
        return
    curves = read_curves(record.folder)
    record.epochs = len(curves)
    if not record.epochs:
        return
    record.final = curves.row(-1)
    best = best_row(curves, record.monitor, record.mode)
    record.best, record.best_epoch = curves.row(best), curves.epochs[best]


def best_row(curves: Curves, monitor: str | None, mode: str | None) -> int:
    """The first row whose monitored value is the best; the first of all where none is a number."""
    values = curves.values.get(monitor or "", [])
    sign = -1.0 if mode == "max" else 1.0
    rows = [(sign * value, row) for row, value in enumerate(values) if math.isfinite(value)]
    return min(rows)[1] if rows else 0


@dataclass
class _Summary:
    """summary.json or cv.json, from which nothing is taken that is not of the kind it should be.

    Raises CheckpointError.
    """

    data: Mapping[str, Any]
    file: str = SUMMARY

    def mapping(self, key: str) -> Mapping[str, Any]:
        value = self.data.get(key)
        if value is not None and not isinstance(value, Mapping):
            raise CheckpointError(f"{self.file} is damaged: its {key} is no mapping")
        return value or {}

    def count(self, key: str) -> int | None:
        return _count(self.data.get(key))

    def state(self) -> str:
        state = self.data.get("state")
        if state not in (RUNNING, TRAINED, FINISHED, INTERRUPTED, FAILED):
            raise CheckpointError(f"{self.file} is damaged: it names no state of a run")
        return str(state)

    def when(self) -> datetime | None:
        try:
            return datetime.fromisoformat(str(self.data.get("started"))).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def directions(self) -> dict[str, str | None]:
        return {name: way for name, way in self.mapping("directions").items() if way in ("min", "max")}


def _touched(folder: Path, *names: str) -> datetime | None:
    """When the newest of these files was written; None where none is there."""
    times = [(folder / name).stat().st_mtime for name in names if (folder / name).exists()]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _numbers(data: Mapping[str, Any]) -> dict[str, float]:
    return {name: as_number(value) for name, value in data.items() if not isinstance(value, str)}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _within(message: str, folder: Path) -> str:
    """A message that names files as they are called within the folder."""
    return re.sub(rf"{re.escape(str(folder))}[/\\]", "", message)
