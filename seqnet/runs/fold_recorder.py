"""What a fold of a cross-validation logs, and which of its epochs is the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqnet.training.callbacks import Callback, Logs, Monitor
from seqnet.training.divergence import Rollback


class FoldRecorder(Callback):
    """Keeps what a fold logs, epoch after epoch, and which epoch is the best."""

    stateful = ("best", "best_epoch", "best_values", "rows", "rollbacks")

    def __init__(self, callbacks: Sequence[Callback], monitor: str, mode: str, *, rollback: bool) -> None:
        self.callbacks = [self, *callbacks]
        self.monitor = monitor
        self.judge = Monitor(mode)
        self.best: float | None = None
        self.best_epoch = 0
        self.best_values: dict[str, Any] = {}
        self.final_values: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.rollback = Rollback() if rollback else None

    def after_epoch(self, trainer: Any, logs: Logs) -> None:
        values = {name: np.asarray(value).tolist() for name, value in logs.items()}
        epoch = trainer.history.epoch[-1] + 1
        rate = float(trainer.compiled.optimizer.effective_learning_rate)
        self.rows.append({"epoch": epoch, "learning_rate": rate, **values})
        value = logs.get(self.monitor)
        number = math.nan if value is None else float(value)
        better = self.judge.better(number, self.judge.worst if self.best is None else self.best)
        if better or not self.best_values:
            self.best = number if math.isfinite(number) else None
            self.best_epoch, self.best_values = epoch, values
        self.final_values = values
        if self.rollback is not None:
            self.rollback.keep(trainer, self.callbacks)

    @property
    def rollbacks(self) -> int:
        """How often the fold went back from NaN."""
        return 0 if self.rollback is None else self.rollback.count

    @rollbacks.setter
    def rollbacks(self, count: int) -> None:
        if self.rollback is not None:
            self.rollback.count = int(count)
