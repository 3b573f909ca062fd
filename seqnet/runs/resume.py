"""Going on with a run: which one is meant, whether it still is the same run, and whether anything is left to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqnet.checkers import show, written
from seqnet.errors import CheckpointError, SeqnetError, SpecError, UsageError
from seqnet.plugins.files import PluginFile
from seqnet.runs.folder import FINISHED, SUMMARY, find_run, read_json, runs_in
from seqnet.runs.lock import locked
from seqnet.runs.opening import read_run_spec, stored_threads
from seqnet.runs.recorder import LAST
from seqnet.spec.run import RunSpec
from seqnet.training.checkpoint import STATE, Snapshot, read_snapshot

# What must not change within a run. Other sections may: a run can be extended, or watched by other callbacks.
FIXED = ("seed", "data", "model", "loss", "metrics")
FREE = ("optimizer", "training", "callbacks")
# Where the loop stands inside an epoch means something only with these.
LOOP = ("batch_size", "shuffle", "weighted_sampling", "steps_per_epoch")
COUNTS = ("epoch", "batch", "step", "cursor")


@dataclass(frozen=True)
class Resumed:
    """A run to go on with.

    changes: "training.epochs: 20 → 40" for everything that the file now says otherwise. changed: how long to train or
    what watches the training is among it. new_rate: the file now gives another learning rate; otherwise the run goes
    on with what callbacks have made of the old. plugins: the run's own copies, which are those that count.
    """

    folder: Path
    snapshot: Snapshot
    changed: bool
    changes: tuple[str, ...] = ()
    new_rate: bool = False
    plugins: tuple[PluginFile, ...] = ()

    @property
    def threads(self) -> int | None:
        """The worker threads that it was trained with."""
        return stored_threads(self.snapshot)

    @property
    def adapted(self) -> dict[str, Any]:
        """What its layers learned that is in no variable. Raises CheckpointError."""
        model = self.snapshot.data.get("model")
        states = model.get("adapted", {}) if isinstance(model, dict) else {}
        if not isinstance(states, dict):
            raise CheckpointError(f"{self.folder / LAST} is damaged: what its layers learned is no mapping")
        return states


def resumable(spec: RunSpec, runs: Path, resume: str | bool, stack: ExitStack) -> Resumed:
    """The run to go on with (True: the latest of the file's name), at its last checkpoint; `stack` holds its folder.

    Raises UsageError when there is none, when the file describes another run, when the run is finished or another
    process is at it; CheckpointError when it can't be read.
    """
    folder = _find(spec, runs, resume)
    stack.enter_context(locked(folder))
    if not (folder / LAST / STATE).exists():
        raise CheckpointError(f"{folder} has no checkpoint to go on from; train anew, without --resume")
    own = read_run_spec(folder)  # its plugins are the ones that are known from here on
    before = own.resolved()
    try:
        now = spec.resolved()
    except SpecError as error:
        raise UsageError(
            f"{folder} was trained with another version of a plugin than the file is for: {error}"
        ) from error
    snapshot = read_snapshot(folder / LAST)
    _require_same(folder, before, now)
    position = snapshot.data.get("position")
    if not isinstance(position, Mapping) or not all(_is_count(position.get(key)) for key in COUNTS):
        raise CheckpointError(f"{folder / LAST} holds no place to go on from; train anew, without --resume")
    if position["batch"] or position["cursor"]:
        changed = [key for key in LOOP if before["training"][key] != now["training"][key]]
        if changed:
            raise UsageError(
                f"{folder} was stopped in the middle of an epoch, so this can't change here:\n"
                + "\n".join(
                    f"  training.{key}: {_arrow(before['training'][key], now['training'][key])}" for key in changed
                )
                + f"\nfirst end the epoch as it was begun: -s training.epochs={position['epoch'] + 1}"
            )
    same = all(before[key] == now[key] for key in ("training", "callbacks"))
    _require_unfinished(folder, position["epoch"], now["training"]["epochs"], same=same)
    found = [one for key in FREE for one in differences(before.get(key), now.get(key), key)]
    rates = [next(iter(plain["optimizer"].values())).get("learning_rate") for plain in (before, now)]
    return Resumed(
        folder,
        snapshot,
        not same,
        tuple(f"{path}: {_arrow(was, given)}" for path, was, given in found),
        rates[0] != rates[1],
        tuple(own.plugins),
    )


def differences(before: Any, now: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(place, value before, value now) wherever two pieces of plain data differ; a missing value is None."""
    names = _name(before), _name(now)
    if None not in names and names[0] != names[1]:
        yield path, *names
    elif isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*before, *now)):
            yield from differences(before.get(key), now.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, pair in enumerate(zip(before, now, strict=True)):
            yield from differences(*pair, f"{path}.{index}")
    elif before != now:
        yield path, before, now


def _name(value: Any) -> str | None:
    """The name of what may be a component: `relu`, or `{Dense: {…}}`."""
    if isinstance(value, Mapping) and len(value) == 1 and isinstance(next(iter(value.values())), Mapping):
        return str(next(iter(value)))
    return value if isinstance(value, str) else None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _find(spec: RunSpec, runs: Path, resume: str | bool) -> Path:
    if resume is not True:
        return find_run(str(resume), runs)
    if not any(run.parent.name == spec.name for run in runs_in(runs)):
        raise UsageError(f"there is no run named {spec.name} in {runs} to go on with; train without --resume first")
    return find_run(spec.name, runs)


def _require_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    found = [one for key in FIXED for one in differences(before.get(key), now.get(key), key)]
    optimizers = [next(iter(plain["optimizer"])) for plain in (before, now)]
    if optimizers[0] != optimizers[1]:
        found.append(("optimizer", *optimizers))
    if not found:
        return
    lines = []
    for path, was, given in found[:8]:
        if path == "model":
            lines.append(f"  model: {len(was)} layers → {len(given)}")
        else:
            lines.append(f"  {path}: {_arrow(was, given)}")
    if len(found) > 8:
        lines.append(f"  and {len(found) - 8} more")
    listed = "\n".join(lines)
    raise UsageError(
        f"{folder} was trained otherwise than this file says, so it can't go on with it:\n{listed}\n"
        "undo that, or train anew, without --resume; what may change are epochs, the learning rate and other numbers "
        "of the optimizer, the batch size, and callbacks"
    )


def _arrow(was: Any, given: Any) -> str:
    return f"{_shown(was)} → {_shown(given)}"


def _shown(value: Any) -> str:
    return "none" if value is None else written(value) if isinstance(value, str) else show(value)


def _require_unfinished(folder: Path, epoch: int, epochs: int, *, same: bool) -> None:
    """Refuse to go on with a run that came to its end, unless the file now asks for more."""
    try:
        finished = read_json(folder / SUMMARY).get("state") == FINISHED
    except SeqnetError:  # stopped before it could say
        finished = False
    if epoch > epochs or (finished and epoch == epochs):
        raise UsageError(
            f"{folder} is finished: it has trained {epoch} epochs, and the file asks for {epochs}; "
            f"for more, raise training.epochs: -s training.epochs={2 * max(epoch, epochs)}"
        )
    if finished and same:
        raise UsageError(
            f"{folder} is finished: a callback ended it after epoch {epoch} of {epochs}; "
            "to go on, change that callback (more patience, say), or train anew, without --resume"
        )
