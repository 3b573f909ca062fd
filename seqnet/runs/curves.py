"""The values that a run logged, epoch by epoch, as its metrics.jsonl holds them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqnet.errors import CheckpointError
from seqnet.runs.folder import JSONL
from seqnet.training.checkpoint import reason

RATE = "learning_rate"


@dataclass
class Curves:
    """epochs: their numbers, from 1. values: by name, one number an epoch, NaN where none was logged."""

    epochs: list[int]
    values: dict[str, list[float]]

    def __len__(self) -> int:
        return len(self.epochs)

    def row(self, index: int) -> dict[str, float]:
        """What one epoch logged."""
        return {name: values[index] for name, values in self.values.items()}

    @property
    def metrics(self) -> list[str]:
        """What was measured on the training rows, the loss first, without the learning rate."""
        bases = dict.fromkeys(name.removeprefix("val_") for name in self.values if name != RATE)
        return sorted(bases, key=lambda name: name != "loss")


def read_curves(folder: Path) -> Curves:
    """The logged values of a run. Raises CheckpointError where its metrics.jsonl is missing or damaged."""
    path = folder / JSONL
    try:
        if path.exists() and not path.is_file():
            raise CheckpointError(f"{path} is no file")
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing") from error
    except OSError as error:
        raise CheckpointError(f"can't read {path}: {reason(error)}") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is damaged: it is no text in UTF-8") from error
    rows = [_row(line, number, path) for number, line in enumerate(lines, start=1)]
    names = dict.fromkeys(name for row in rows for name in row if name != "epoch")
    values = {name: [as_number(row.get(name)) for row in rows] for name in names}
    logged = {name: column for name, column in values.items() if not all(map(math.isnan, column)) or name == "loss"}
    return Curves([row["epoch"] for row in rows], logged)


def _row(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: line {number} is no JSON") from error
    if not isinstance(row, dict) or not isinstance(row.get("epoch"), int):
        raise CheckpointError(f"{path} is damaged: line {number} is no epoch's row")
    return row


def as_number(value: Any) -> float:
    """A logged value as one number: of several (one a class) the mean, as Keras shows it; NaN for what is none."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        numbers = [as_number(one) for one in value]
        return math.fsum(numbers) / len(numbers) if numbers and all(map(math.isfinite, numbers)) else math.nan
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.nan
    return math.nan
