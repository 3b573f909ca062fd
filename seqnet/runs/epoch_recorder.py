"""What is kept of every epoch, and which of them is the best: of a run, and of a fold of a cross-validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqnet.training.callbacks import Callback, Logs, Monitor
from seqnet.training.divergence import Rollback


class EpochRecorder(Callback):
    """The logged values of every epoch and of the best.

    monitor: the logged value that says which epoch is best, mode: which way. rollback: whether to keep the state that
    an epoch began with, to go back to.
    """

    def __init__(self, callbacks: Sequence[Callback], monitor: str, mode: str, *, rollback: bool) -> None:
        self.callbacks = [self, *callbacks]
        self.monitor = monitor
        self.judge = Monitor(mode)
        self.best: float | None = None
        self.best_epoch = 0
        self.best_values: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.rollback = Rollback() if rollback else None

    def add_epoch(self, trainer: Any, logs: Logs) -> bool:
        """Keep what an epoch logged; whether it is the best so far."""
        values = {name: _plain(value) for name, value in logs.items()}
        epoch = trainer.history.epoch[-1] + 1
        rate = float(trainer.compiled.optimizer.effective_learning_rate)
        self.rows.append({"epoch": epoch, "learning_rate": rate, **values})  # a callback may say the epoch's own rate
        value = logs.get(self.monitor)
        number = math.nan if value is None else float(value)
        better = self.judge.better(number, self.judge.worst if self.best is None else self.best)
        if not better and self.best_values:
            return False
        self.best = number if math.isfinite(number) else None
        self.best_epoch, self.best_values = epoch, values
        return True

    @property
    def rollbacks(self) -> int:
        """How often it went back from NaN."""
        return 0 if self.rollback is None else self.rollback.count

    @rollbacks.setter
    def rollbacks(self, count: int) -> None:
        if self.rollback is not None:
            self.rollback.count = int(count)


class FoldRecorder(EpochRecorder):
    """Keeps what a fold logs."""

    stateful = ("best", "best_epoch", "best_values", "rows", "rollbacks")

    def __init__(self, callbacks: Sequence[Callback], monitor: str, mode: str, *, rollback: bool) -> None:
        super().__init__(callbacks, monitor, mode, rollback=rollback)
        self.final_values: dict[str, Any] = {}

    def after_epoch(self, trainer: Any, logs: Logs) -> None:
        self.add_epoch(trainer, logs)
        self.final_values = {name: _plain(value) for name, value in logs.items()}
        if self.rollback is not None:
            self.rollback.keep(trainer, self.callbacks)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
