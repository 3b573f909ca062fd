"""Runs side by side: what their files say otherwise, what they came to, and their curves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqnet.errors import CheckpointError, SpecError, UsageError, suggestion
from seqnet.runs.curves import Curves, read_curves
from seqnet.runs.differences import Difference, differences
from seqnet.runs.folder import JSONL, RESOLVED
from seqnet.runs.plugins import plugins_of
from seqnet.runs.records import DAMAGED, RunRecord, direction_of, read_record
from seqnet.spec.reader import read_document


@dataclass
class Comparison:
    """Everything by run, in the order in which they were named. labels: name/number, or the folder where that is not
    enough. metric: what is drawn."""

    records: list[RunRecord]
    labels: list[str]
    differences: list[Difference]
    curves: list[Curves]
    metric: str | None

    def value_names(self) -> list[str]:
        """Every logged value: the loss and the metrics, each with its validation beside it."""
        names = dict.fromkeys(name for record in self.records for name in record.final)
        bases = dict.fromkeys(name.removeprefix("val_") for name in names)
        ordered = sorted(bases, key=lambda name: name != "loss")
        return [name for base in ordered for name in (base, f"val_{base}") if name in names]

    def directions(self) -> dict[str, str | None]:
        return {name: direction_of(self.records, name) for name in self.value_names()}


def compare(runs: Sequence[Path], *, metric: str | None = None) -> Comparison:
    """Compare run folders. metric: a logged value whose curves are wanted; default: what most runs were judged by.

    Raises UsageError for fewer than two runs, one named twice, and a value that none has logged; CheckpointError for
    a damaged run.
    """
    _require_several(runs)
    records = [_read(run) for run in runs]
    labels = [record.label for record in records]
    if len(set(labels)) < len(labels):
        labels = [str(run) for run in runs]
    files = [_resolved(run) for run in runs]
    curves = [read_curves(run) if (run / JSONL).exists() else Curves([], {}) for run in runs]
    logged = dict.fromkeys(name for one in curves for name in one.values)
    if metric is not None and metric not in logged:
        known = suggestion(metric, logged) if logged else "none of them has finished an epoch"
        raise UsageError(f"no value named {metric!r} was logged by these runs; {known}")
    found = Comparison(records, labels, list(differences(files)), curves, metric)
    found.metric = metric or _usual_metric(records, logged)
    return found


def best_of(values: Sequence[float | None], direction: str | None) -> list[int]:
    """The places of the best of the values; of none where nothing is better than anything else."""
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    if direction is None or len(numbers) < 2 or min(numbers) == max(numbers):
        return []
    best = min(numbers) if direction == "min" else max(numbers)
    return [place for place, value in enumerate(values) if value == best]


def _require_several(runs: Sequence[Path]) -> None:
    if len(runs) < 2:
        raise UsageError("comparing takes two runs at the least; seqnet runs lists those there are")
    named = Counter(run.resolve() for run in runs)
    twice = next((run for run in runs if named[run.resolve()] > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice; name each run once")


def _read(run: Path) -> RunRecord:
    record = read_record(run)
    if record.state == DAMAGED:
        raise CheckpointError(f"{run} is damaged: {record.problem}")
    return record


def _resolved(run: Path) -> Any:
    """The resolved file as plain data; it is not checked, since another version may have written it."""
    try:
        data = read_document(run / RESOLVED).data
    except SpecError as error:
        raise CheckpointError(f"{run / RESOLVED} is damaged, or was changed by hand:\n{error}") from error
    plugins = [f"{file.name} {file.sha256[:8]}" for file in plugins_of(run)]  # two versions have one name
    return {**data, "plugins": plugins} if plugins else data


def _usual_metric(records: Sequence[RunRecord], logged: Mapping[str, Any]) -> str | None:
    counts = Counter(record.monitor for record in records if record.monitor in logged)
    return counts.most_common(1)[0][0] if counts else next(iter(logged), None)
