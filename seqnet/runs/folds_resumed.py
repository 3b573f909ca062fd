"""Going on with a cross-validation: which one is meant, and whether its folds are still the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqnet.errors import CheckpointError, UsageError
from seqnet.runs.folder import FINISHED, FOLDS_RECORD, finite, is_number, read_json
from seqnet.runs.resume import differences
from seqnet.runs.splits import read_splits
from seqnet.spec.division import Folds

_SHOWN = 8  # differences that are named
NEW = "or begin anew, without --resume"


def latest_folds(runs: Path, name: str, prefix: str) -> tuple[Path, dict[str, Any]]:
    """The newest cross-validation of a name, and what it wrote down.

    Raises UsageError where there is none or it is finished, CheckpointError where its record is damaged.
    """
    place = runs / name
    try:
        found = [path for path in place.iterdir() if is_number(path.name.removeprefix(prefix)) and path.is_dir()]
    except OSError:
        found = []
    found = [path for path in found if path.name.startswith(prefix)]
    if not found:
        raise UsageError(f"there is no cross-validation in {place} to go on with; begin one without --resume")
    folder = max(found, key=lambda path: int(path.name.removeprefix(prefix)))
    record = read_json(folder / FOLDS_RECORD)
    results, counts = record.get("results"), [record.get("folds"), record.get("repeats")]
    whole = isinstance(results, list) and all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in counts)
    if not whole or not all(_is_result(one) for one in results or ()):
        raise CheckpointError(
            f"{folder / FOLDS_RECORD} is damaged: it does not list its folds; begin anew without --resume"
        )
    if record.get("state") == FINISHED:
        raise UsageError(f"{folder} is finished: all its folds are done; begin a new one without --resume")
    return folder, record


def require_same_folds(
    folder: Path, before: Mapping[str, Any], now: Mapping[str, Any], asked: Mapping[str, int | None]
) -> None:
    """Raise UsageError where the file, the data or the number of folds are others than those it was begun with."""
    found = [(name, before[name], count) for name, count in asked.items() if count not in (None, before[name])]
    plain = json.loads(json.dumps(finite({key: now[key] for key in ("resolved", "way", "data")})))
    for key, title in (("resolved", ""), ("way", "division"), ("data", "data")):
        found += differences(before.get(key), plain[key], title)
    if not found:
        return
    told = [f"  {place or 'file'}: {_short(was)} → {_short(given)}" for place, was, given in found[:_SHOWN]]
    more = [f"  and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else []
    lines = "\n".join([*told, *more])
    raise UsageError(
        f"{folder} was begun with another file or other data, so its folds can't be joined by new ones:\n{lines}\n"
        f"put them back as they were, {NEW}"
    )


def require_same_rows(inner: Path, plan: Folds, fold: int) -> None:
    """Raise UsageError where a fold that is done had other rows than it would have now; CheckpointError."""
    recorded, parts = read_splits(inner), plan.parts[fold - 1]
    if recorded is None:
        raise CheckpointError(f"{inner} lacks the rows it was trained on; begin anew without --resume")
    same = recorded[0].keys() == parts.keys()
    if not same or not all(np.array_equal(recorded[0][name], parts[name]) for name in parts):
        raise UsageError(f"{inner} was trained on other rows than the data now give it; put them back, {NEW}")


def _is_result(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and all(isinstance(one.get(key), int) for key in ("repeat", "fold", "epochs", "best_epoch"))
        and all(isinstance(one.get(key), dict) for key in ("best", "final", "rows"))
        and isinstance(one.get("seconds"), (int, float))
    )


def _short(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def done_of(results: Sequence[Mapping[str, Any]]) -> set[tuple[int, int]]:
    """(repeat, fold) of those that are done."""
    return {(one["repeat"], one["fold"]) for one in results}
