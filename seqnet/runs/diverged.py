"""A run that came to NaN or infinity: the way back where the file asks for it, else a message that helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from seqnet.errors import SeqnetError, TrainingError
from seqnet.optimizers.base import CLIPS
from seqnet.runs.recorder import BEST, LAST, RunRecorder
from seqnet.training.callbacks import Callback
from seqnet.training.checkpoint import read_snapshot
from seqnet.training.compiled import Diverged
from seqnet.training.divergence import ROLLBACKS, Culprit, culprit, search
from seqnet.training.trainer import FitOptions, Rows, Trainer

_LARGE = 30.0  # inputs beyond this are worth scaling


def go_on_or_explain(
    error: Diverged,
    trainer: Trainer,
    recorder: RunRecorder,
    folder: Path,
    train: Rows,
    validation: Rows | None,
    options: FitOptions,
    watching: Sequence[Callback],
    say: Callable[[str], None],
) -> None:
    """Put the trainer where it can go on from. Raises TrainingError, with what is known, where the run is to end."""
    found = culprit(trainer, train, error)
    rollback = recorder.rollback
    if rollback is not None and rollback.go_back(trainer, recorder.callbacks, lambda way: say(f"{found}\n  {way}")):
        return
    optimizer = trainer.compiled.optimizer
    rate = optimizer.effective_learning_rate
    clips = any(getattr(optimizer, name) is not None for name in CLIPS)
    rollbacks, best_epoch = recorder.rollbacks, recorder.best_epoch  # which the search sets back
    if not trainer.interrupted:
        found = _first(trainer, recorder, folder, train, validation, options, watching) or found
    tries = [f"a learning rate below {rate:.4g}"]
    if found.largest > _LARGE:
        tries.append(f"inputs that are scaled (they reach {found.largest:.4g}): Normalization or Rescaling")
    if not clips:
        tries.append("clipnorm: 1.0 on the optimizer")
    if rollback is None:
        tries.append("-s training.on_nan=rollback, which halves the learning rate by itself")
    given_up = f"\n  it happened again after {ROLLBACKS} rollbacks" if rollbacks else ""
    best = f", {folder / BEST} the weights of epoch {best_epoch}" if best_epoch else ""
    raise TrainingError(
        f"the run ended because its numbers are no longer finite\n  {found}{given_up}\n"
        f"  kept: {folder / LAST} has the state after step {recorder.saved_step}{best}\n"
        f"  to try: {'; '.join(tries)}"
    ) from error


def _first(
    trainer: Trainer,
    recorder: RunRecorder,
    folder: Path,
    train: Rows,
    validation: Rows | None,
    options: FitOptions,
    watching: Sequence[Callback],
) -> Culprit | None:
    """What the steps since the last checkpoint show, made again."""
    try:
        snapshot = read_snapshot(folder / LAST)
    except SeqnetError:
        return None
    taking_part = [callback for callback in recorder.callbacks if callback is not recorder and callback in watching]
    return search(trainer, train, validation, options, taking_part, recorder.callbacks, snapshot)
