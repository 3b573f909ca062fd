"""The run folder: runs/<name>/<number>/, a new number for every run, never overwritten."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqnet.errors import CheckpointError, TrainingError, UsageError, suggestion
from seqnet.spec.sections import RESOLVED as RESOLVED  # one of the files of a run
from seqnet.training.checkpoint import make_folder, reason, sync_folder, write_file

SPEC, SUMMARY = "spec.yaml", "summary.json"
FOLDS_RECORD, FOLDS_PREFIX = "cv.json", "cv-"  # of a cross-validation, whose folder is cv-<number>
CSV, JSONL = "metrics.csv", "metrics.jsonl"
# What summary.json says of a run; trained: only the test rows are still to come.
RUNNING, TRAINED, FINISHED, INTERRUPTED, FAILED = "running", "trained", "finished", "interrupted", "failed"


def is_number(name: str) -> bool:
    """Whether a folder's name is the number of a run."""
    return name.isascii() and name.isdigit()


def create_run(runs: Path, name: str, prefix: str = "") -> Path:
    """A new folder runs/<name>/<prefix><number>; two processes at the same moment get two.

    Raises UsageError where a file is in the way, TrainingError where the system refuses.
    """
    blocked = next((path for path in (runs / name, runs, *runs.parents) if path.exists()), None)
    if blocked is not None and not blocked.is_dir():
        raise UsageError(
            f"can't make a run folder in {runs / name}: {blocked} is a file; choose another place with --runs FOLDER"
        )
    try:
        make_folder(runs / name)
        taken = [p.name.removeprefix(prefix) for p in (runs / name).iterdir() if p.name.startswith(prefix)]
        number = max((int(one) for one in taken if is_number(one)), default=0)
        while True:
            number += 1
            folder = runs / name / f"{prefix}{number}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            try:
                sync_folder(runs / name)
            except OSError:
                folder.rmdir()
                raise
            return folder
    except OSError as error:
        raise TrainingError(
            f"can't make a run folder in {runs / name}: {reason(error).lower()}; "
            "choose another place with --runs FOLDER"
        ) from error


def list_runs(runs: Path) -> list[Path]:
    """Every run, the one worked on last at the end; of the same moment, in the order of their numbers."""
    found = [p for p in runs.glob("*/*") if is_number(p.name) and (p / RESOLVED).exists()]
    return sorted(found, key=lambda p: ((p / RESOLVED).stat().st_mtime_ns, int(p.name)))


def latest_run(runs: Path) -> Path:
    """The run that was worked on last. Raises UsageError when there is none."""
    found = runs_in(runs)
    if not found:
        raise UsageError(f"there are no runs in {runs}; make one with: seqnet train CONFIG")
    return found[-1]


def find_run(text: str, runs: Path) -> Path:
    """A run by its folder, or by `name/number` or `name` (its latest) below `runs`. Raises UsageError."""
    for path in (Path(text), runs / text):
        if (path / RESOLVED).exists():
            return path
        numbers = [p for p in path.iterdir() if is_number(p.name) and (p / RESOLVED).exists()] if path.is_dir() else []
        if numbers:
            return max(numbers, key=lambda p: int(p.name))
    known = [f"{p.parent.name}/{p.name}" for p in runs_in(runs)]
    hint = suggestion(text, known) if known else f"there are no runs in {runs}"
    raise UsageError(f"there is no run {text}; {hint}")


def runs_in(runs: Path) -> list[Path]:
    """The runs there are; none where there is no folder. Raises UsageError for a file."""
    if runs.exists() and not runs.is_dir():
        raise UsageError(f"{runs} is a file; --runs takes the folder of the run folders")
    return list_runs(runs) if runs.is_dir() else []


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of a run. Raises CheckpointError."""
    try:
        if path.exists() and not path.is_file():  # reading from a pipe would wait for ever
            raise CheckpointError(f"{path} is no file")
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing") from error
    except OSError as error:
        raise CheckpointError(f"can't read {path}: {reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} is damaged: it holds no mapping")
    return found


def require_place(path: Path) -> None:
    """Raise UsageError where no file can be at a path, which is better known before its content is made."""
    if path.is_dir():
        raise UsageError(f"can't write {path}: it is a folder; name a file")
    if not path.parent.is_dir():
        fault = "is a file" if path.parent.exists() else "does not exist"
        raise UsageError(f"can't write {path}: the folder {path.parent} {fault}; make it, or choose another place")


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step. Raises TrainingError."""
    try:
        write_file(path, text.encode())
    except OSError as error:
        raise TrainingError(f"can't write {path}: {reason(error)}") from error


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step; NaN and infinity become null, as JSON has neither."""
    write_text(path, json.dumps(finite(data), indent=2, allow_nan=False) + "\n")


class MetricsFiles:
    """metrics.csv and metrics.jsonl: one row an epoch, the same columns throughout.

    Both are written whole after every epoch, in one step each, so that they never end in half a line; a resumed run
    writes them anew from the rows that its checkpoint keeps.
    """

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        self.folder = folder
        self.columns = list(columns)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Raises TrainingError."""
        columns = list(dict.fromkeys([*self.columns, *(name for row in rows for name in row)]))
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(["" if row.get(name) is None else row[name] for name in columns])
        lines = [json.dumps(finite({name: row.get(name) for name in columns}), allow_nan=False) for row in rows]
        write_text(self.folder / CSV, table.getvalue())
        write_text(self.folder / JSONL, "".join(f"{line}\n" for line in lines))


def finite(value: Any) -> Any:
    """Plain data in which every NaN and infinity is None."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if not isinstance(value, os.PathLike) else os.fspath(value)
