"""What ended a run, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seqnet.callbacks import Callback, EarlyStopping, Timer
from seqnet.console.format import plural, seconds
from seqnet.errors import SeqnetError
from seqnet.runs.folder import FAILED, FINISHED, INTERRUPTED, RUNNING
from seqnet.runs.recorder import LAST
from seqnet.runs.records import STOPPED_EARLY, RunRecord
from seqnet.training.checkpoint import read_snapshot


def how_it_ended(record: RunRecord, callbacks: Sequence[Callback]) -> str:
    """The state of a run as a sentence. callbacks: of its file."""
    planned = record.planned_epochs
    of = f"{record.epochs:,} of {plural(planned, 'epoch')}" if planned is not None else plural(record.epochs, "epoch")
    if record.state == STOPPED_EARLY:
        return f"Stopped after {of}: {_stopped_by(record, callbacks)}."
    return {
        FINISHED: f"All {plural(record.epochs, 'epoch')} were trained."
        if record.epochs != 1
        else "The epoch was trained.",
        RUNNING: f"Still being trained: {of} done.",
        INTERRUPTED: f"Interrupted after {of}, by Ctrl-C or because its process ended; train --resume goes on with it.",
        FAILED: f"Failed after {of}: {record.problem or 'why was not recorded'}",
    }.get(record.state, f"{record.state} after {of}.")


def _stopped_by(record: RunRecord, callbacks: Sequence[Callback]) -> str:
    """The callback whose condition is met, as the last checkpoint tells."""
    for callback, state in _states(record.folder, callbacks):
        if isinstance(callback, EarlyStopping) and state.get("stopped_epoch"):
            waited = plural(max(callback.patience, 1), "epoch")
            return f"{callback.monitor} had not improved for {waited} (EarlyStopping)"
        elapsed = state.get("elapsed")
        if isinstance(callback, Timer) and isinstance(elapsed, (int, float)) and elapsed >= callback.max_time:
            return f"its {seconds(callback.max_time)} of training were over (Timer)"
    return "a callback ended it"


def _states(run: Path, callbacks: Sequence[Callback]) -> Iterator[tuple[Callback, dict[str, Any]]]:
    """Each callback of the file with its state in the last checkpoint, which begins with the recorder's own."""
    try:
        kept = read_snapshot(run / LAST).data.get("callbacks")
    except SeqnetError:
        return
    if not isinstance(kept, list) or len(kept) != len(callbacks) + 1:
        return
    for callback, entry in zip(callbacks, kept[1:], strict=True):
        if isinstance(entry, dict) and isinstance(entry.get("state"), dict):
            yield callback, entry["state"]
