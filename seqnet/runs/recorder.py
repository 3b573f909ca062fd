"""Writes a run down while it trains: metrics after every epoch, the last state, and the best weights so far."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqnet.models.saving import describe_model
from seqnet.models.sequential import Sequential
from seqnet.runs.epoch_recorder import EpochRecorder
from seqnet.runs.folder import MetricsFiles
from seqnet.training.averaging import as_validated
from seqnet.training.callbacks import Callback, Logs
from seqnet.training.checkpoint import Snapshot, write_snapshot
from seqnet.training.state import take_state

BEST, LAST = "best", "last"
SPARED = 80  # seconds of training for each second of saving: so it stays below 2 % with the saves that can not wait


class RunRecorder(EpochRecorder):
    """Keeps `last/` and `best/` and the metrics files of a run folder.

    With on_nan "rollback" it also keeps the state that the epoch began with, which `rollback` goes back to.
    columns: of the metrics files. monitor: the logged value that says which epoch is best, mode: which way.
    interval: seconds after which the state is written in the middle of an epoch too.
    """

    stateful = ("best", "best_epoch", "best_values", "rows", "seconds", "rollbacks")

    def __init__(
        self,
        model: Sequential,
        callbacks: Sequence[Callback],
        columns: Sequence[str],
        *,
        monitor: str,
        mode: str,
        extra: dict[str, Any],
        on_nan: str | None = None,
        interval: float = 30.0,
    ) -> None:
        super().__init__(callbacks, monitor, mode, rollback=on_nan == "rollback")
        self.described = describe_model(model)
        self.columns = columns
        self.mode = mode
        self.extra = extra
        self.interval = interval
        self.seconds: list[float] = []
        self.saved_at = time.perf_counter()
        self.saved_step = 0
        self.pause = 0.0  # seconds until the next save is worth the time of the last one
        self.copying = 0.0  # seconds since then that went into keeping the best state in memory
        self._waiting: Snapshot | None = None  # the best state, not yet written
        self._is_now = False  # whether that is the state of this moment
        self._kept: Snapshot | None = None  # the memory of the last one that had to wait

    def open(self, folder: Path) -> None:
        """Write into this folder from now on."""
        self.folder = folder
        self.files = MetricsFiles(folder, self.columns)

    def after_step(self, trainer: Any) -> None:
        since = max(self.saved_at, trainer.epoch_started)  # the end of a short epoch is worth waiting for
        due = time.perf_counter() - since > max(self.interval, self.pause)
        if due and trainer.position.batch < trainer.steps:
            self.save(trainer)

    def after_epoch(self, trainer: Any, logs: Logs) -> None:
        self.seconds.append(time.perf_counter() - trainer.epoch_started)
        is_best = self.add_epoch(trainer, logs)
        if is_best:
            with as_validated(self.callbacks) as swapped:
                self._waiting = self._snapshot(trainer)
                self._is_now = not swapped
                if swapped:
                    self._keep()
        else:
            self._is_now = False
        if self.rollback is not None:
            self.rollback.keep(trainer, self.callbacks)
        last = trainer.history.epoch[-1] + 1 >= trainer.options.epochs
        ends = trainer.stop_training or last or self.seconds[-1] > self.interval
        pause = min(self.pause + SPARED * self.copying, max(self.pause, self.interval))
        if ends or time.perf_counter() - self.saved_at >= pause:
            self.save(trainer)
        elif self._waiting is not None and is_best:
            self._keep()  # the training goes on in its arrays

    def save(self, trainer: Any) -> None:
        """Write everything: the metrics, the best weights, the complete state.

        Saving is to take 2 % of the time, so after a save that took t seconds the next one is due in 80 t, and later
        where the best state was copied meanwhile: an epoch that ends sooner is kept with a later one, an epoch that
        takes longer than the interval is always kept.
        Raises CheckpointError, TrainingError; older files then stay. Raises Diverged for weights that are not finite.
        """
        if trainer.options.on_nan is not None:
            trainer.compiled.require_finite()
        started = time.perf_counter()
        if self._waiting is not None and self._is_now:  # the state is the best one as well
            self.files.write(self.rows)
            write_snapshot(self.folder / BEST, self._waiting, self.folder / LAST)
            self._waiting = None
        else:
            self.save_results()
            snapshot = self._snapshot(trainer)
            if self.rollback is not None and trainer.position.batch:
                self.rollback.add_to(snapshot)
            write_snapshot(self.folder / LAST, snapshot)
        self.saved_at, self.saved_step = time.perf_counter(), trainer.position.step
        # The first epoch is always kept, whatever the save before it took.
        self.pause = SPARED * (self.saved_at - started) if self.rows else 0.0
        self.copying = 0.0

    def _keep(self) -> None:
        """Copy the best state, which is not yet written."""
        assert self._waiting is not None
        started = time.perf_counter()
        self._waiting = self._kept = self._waiting.copied(into=self._kept)
        self._is_now = False
        self.copying += time.perf_counter() - started

    def resume(self, snapshot: Snapshot) -> None:
        """Go on from what a checkpoint holds, after put_state."""
        self.saved_step = int(snapshot.data["position"]["step"])
        if self.rollback is not None:
            self.rollback.take_from(snapshot)
        self.files.write(self.rows)

    def save_results(self) -> None:
        """Write the metrics and the best weights, which are good whatever became of the run since."""
        self.files.write(self.rows)
        if self._waiting is not None:
            write_snapshot(self.folder / BEST, self._waiting)
            self._waiting = None

    def _snapshot(self, trainer: Any) -> Snapshot:
        snapshot = take_state(trainer, self.callbacks)
        snapshot.data |= {"model": self.described, **self.extra}
        return snapshot
