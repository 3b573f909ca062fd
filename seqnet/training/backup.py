"""The callback that makes a fit in Python survive an interruption."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from seqnet.checkers import PathText, PositiveInt
from seqnet.declare import option
from seqnet.errors import CheckpointError
from seqnet.registry import register
from seqnet.training.callbacks import Callback, History, Logs
from seqnet.training.checkpoint import STATE, read_snapshot, reason, write_snapshot
from seqnet.training.state import put_state, take_state

_LATEST, _PREVIOUS = "latest", "previous"


@register()
class BackupAndRestore(Callback):
    """Backs up the state of a fit, and goes on from there when the same fit is begun again after an interruption.

    The History then holds the epochs of the new fit alone, as with Keras. When the fit comes to its end, the backup is
    deleted. `seqnet train` needs no such callback: it always keeps the state in `last/`, for `--resume`.
    Raises CheckpointError when the backup is damaged or is that of another stack of layers.
    Differs from Keras: the backup holds everything (random streams, the order of the rows and the place in it, other
    callbacks), so that the fit goes on exactly, with save_freq also in the middle of an epoch; generators alone begin
    the epoch anew. Only what this callback wrote is deleted.
    """

    backup_dir: PathText = option("the folder of the backup", example="backup")
    save_freq: Literal["epoch"] | PositiveInt = option("after every epoch, or every so many batches", default="epoch")
    double_checkpoint: bool = option(
        "keep the backup before the last one too, in case the last can't be read", default=False
    )
    delete_checkpoint: bool = option("delete the backup when the fit is complete", default=True)

    @classmethod
    def cross_check(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if not values["backup_dir"]:
            yield "backup_dir", "backup_dir must name a folder, got ''"

    def setup(self) -> None:
        self._batches = 0  # since the last backup
        self._callbacks: Sequence[Callback] = ()

    def restore(self, trainer: Any, callbacks: Sequence[Callback]) -> bool:
        self.setup()
        self._callbacks = [callback for callback in callbacks if callback is not self]
        found = [folder for folder in (self._folder(_LATEST), self._folder(_PREVIOUS)) if (folder / STATE).exists()]
        for folder in found:
            try:
                snapshot = read_snapshot(folder)
                break
            except CheckpointError as error:
                if folder == found[-1]:
                    raise CheckpointError(f"{error}; delete {folder} to begin anew") from error
        else:
            return False
        try:
            put_state(trainer, self._callbacks, snapshot)
        except CheckpointError as error:
            raise CheckpointError(f"{folder}: {error}; delete it to begin anew") from error
        trainer.history = History()
        return True

    def after_step(self, trainer: Any) -> None:
        if self.save_freq != "epoch":
            self._batches += 1
            if self._batches >= self.save_freq:
                self._batches = 0
                self._save(trainer)

    def after_epoch(self, trainer: Any, logs: Logs) -> None:
        if self.save_freq == "epoch":
            self._save(trainer)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint:
            for name in (_LATEST, _PREVIOUS):
                shutil.rmtree(self._folder(name), ignore_errors=True)
            with suppress(OSError):  # it is not empty, or not there
                Path(self.backup_dir).rmdir()

    def _folder(self, name: str) -> Path:
        return Path(self.backup_dir) / name

    def _save(self, trainer: Any) -> None:
        latest, previous = self._folder(_LATEST), self._folder(_PREVIOUS)
        if self.double_checkpoint and (latest / STATE).exists():
            try:
                shutil.rmtree(previous, ignore_errors=True)
                latest.rename(previous)
            except OSError as error:
                raise CheckpointError(f"can't keep {latest} as {previous}: {reason(error)}") from error
        write_snapshot(latest, take_state(trainer, self._callbacks))
