"""Run folders made by hand, as a training would leave them, for the tests of what looks at runs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESOLVED = "name: {name}\nseed: 0\nmodel:\n- Dense:\n    units: {units}\n"
LOSSES = (0.9, 0.5, 0.7)
ACCURACIES = (0.5, 0.75, 0.7)


def rows_of(losses: Sequence[float | None] = LOSSES) -> list[dict[str, Any]]:
    """Rows of metrics.jsonl: the loss of the validation is twice that of the training."""
    return [
        {
            "epoch": epoch,
            "accuracy": accuracy,
            "loss": loss,
            "val_accuracy": accuracy,
            "val_loss": None if loss is None else 2 * loss,
            "learning_rate": 0.01,
        }
        for epoch, (loss, accuracy) in enumerate(zip(losses, ACCURACIES, strict=False), start=1)
    ]


def make_run(
    folder: Path,
    state: str = "finished",
    *,
    losses: Sequence[float | None] = LOSSES,
    units: int = 8,
    started: str = "2026-01-02T03:04:05+00:00",
    **changes: Any,
) -> Path:
    """A run folder; changes: to summary.json, None takes a key out."""
    folder.mkdir(parents=True)
    rows = rows_of(losses)
    written = [{key: row[key] for key in row if key not in ("epoch", "learning_rate")} for row in rows]
    best = min(range(len(rows)), key=lambda i: rows[i]["val_loss"] or 99.0) if rows else 0
    ended = state not in ("running", "trained")
    summary: dict[str, Any] = {
        "name": folder.parent.name,
        "state": state,
        "started": started,
        "epochs": len(rows) if ended else 0,
        "planned_epochs": 3,
        "monitor": {"name": "val_loss", "mode": "min"},
        "directions": {"loss": "min", "accuracy": "max", "val_loss": "min", "val_accuracy": "max"},
        "best": {"epoch": best + 1, "monitor": "val_loss", **written[best]} if ended and rows else {},
        "final": written[-1] if ended and rows else {},
        "test": {"loss": 1.5, "accuracy": 0.5} if state == "finished" else None,
        "parameters": 42,
        "seconds": {"total": 2.0, "epochs": [0.5] * len(rows) if ended else []},
        **changes,
    }
    (folder / "spec.yaml").write_text("model: []\n")
    (folder / "resolved.yaml").write_text(RESOLVED.format(name=folder.parent.name, units=units))
    (folder / "summary.json").write_text(json.dumps({k: v for k, v in summary.items() if v is not None}))
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def age(folder: Path, seconds: float) -> None:
    """Make the files of a run as old as that."""
    for path in folder.iterdir():
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))
