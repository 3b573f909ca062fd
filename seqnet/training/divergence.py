"""Where NaN and infinity came from, and the way back to where the numbers were good.

A healthy step costs one look at the loss. Only when that is not finite is the culprit looked for: the state of the
last checkpoint is put back, the steps since then are made again, exactly as they were, and now every gradient and
every weight is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seqnet.arrays import Array
from seqnet.errors import SeqnetError
from seqnet.losses import Loss
from seqnet.network.blas import running
from seqnet.training.callbacks import Callback
from seqnet.training.checkpoint import Snapshot
from seqnet.training.compiled import Compiled, Diverged, Guard, prepare, take
from seqnet.training.feed import Rows
from seqnet.training.state import put_state, take_state
from seqnet.training.trainer import FitOptions, Trainer

ROLLBACKS = 5  # in one run; half of the rate each time, 1/32 in the end
SLOWER = 0.5
_NAMED = 5  # rows of a batch that a message names


@dataclass(frozen=True)
class Culprit:
    """step: from 1; batch: within the epoch, from 1; what: "the output of layer dense is NaN …"; rows: of the training
    rows, from 0, those at fault where they are known, else those of the batch; largest: input in the batch."""

    step: int
    epoch: int
    batch: int
    what: str
    rows: Array
    of: int
    largest: float

    def __str__(self) -> str:
        named = ", ".join(str(row) for row in self.rows[:_NAMED])
        more = ", …" if len(self.rows) > _NAMED else ""
        which = f"training row {named}" if len(self.rows) == 1 else f"training rows {named}{more}"
        return f"step {self.step} (epoch {self.epoch}, batch {self.batch} of {self.of}): {self.what}; {which}"


def culprit(trainer: Trainer, train: Rows, error: Diverged) -> Culprit:
    """What a trainer that has just raised Diverged ran into. It moves random streams, and is no good for going on."""
    position, compiled = trainer.position, trainer.compiled
    rows = np.arange(len(train))[trainer.taken] if isinstance(trainer.taken, slice) else np.asarray(trainer.taken)
    x, y = take(train.x, rows), take(train.y, rows)
    if trainer.mixing.mixers:  # a row at fault spoils the one that it is mixed into
        mixed = trainer.mixing.batch(prepare(compiled.network, x), y, None, position.step)
        x, y = mixed.x, mixed.y
    what, bad = str(error), None
    done = position.step
    before = error.kind == "weights" and compiled.guard is not Guard.ALL  # seen after the step was counted
    if error.kind == "loss":
        what, bad = _loss_culprit(compiled, trainer.mixing.loss, x, y, error)
    elif error.kind == "gradient":
        what = f"the gradient of {error.found}"
    else:
        rate = compiled.optimizer.effective_learning_rate
        what = f"the update, with the learning rate {rate:.4g}, made the weights {error.found}"
    shift = 0 if before else 1
    return Culprit(
        step=done + shift,
        epoch=position.epoch + 1,
        batch=position.batch + shift,
        what=what,
        rows=rows if bad is None else rows[bad],
        of=trainer.steps,
        largest=_largest(x),
    )


def _loss_culprit(compiled: Compiled, loss: Loss, x: Array, y: Array, error: Diverged) -> tuple[str, Array | None]:
    """The first layer whose output is not finite, or the rows whose loss is not; the rows' numbers in the batch."""
    try:
        compiled.require_finite()
    except Diverged as earlier:
        return f"the loss is {error.found}, as the weights before it already were: {earlier.found}", None
    out, mask, given = x, None, x
    with running():
        outputs = compiled.engine.layer_outputs(prepare(compiled.network, x))
        for node, (out, mask) in zip(compiled.network.nodes, outputs, strict=True):  # noqa: B007 (used below)
            bad = np.flatnonzero(~np.isfinite(out).reshape(len(out), -1).all(axis=1))
            if bad.size:
                kind = "NaN" if np.isnan(out).any() else "infinite"
                many = f"{bad.size:,} of {len(out):,} rows of the batch"
                weights = max((_largest(view) for view in (node.layer.variables or {}).values()), default=0.0)
                from_ = f"from inputs up to {_largest(given):.4g}" + (
                    f" and weights up to {weights:.4g}" if weights else ""
                )
                return f"the output of layer {node.layer.name} is {kind} in {many}, {from_}", bad
            given = out
        if not loss.whole_batch:
            values = []
            for row in range(len(x)):
                part = None if mask is None else mask[row : row + 1]
                pair = y[row : row + 1], out[row : row + 1]
                value, _ = loss.value_and_gradient(*pair, None, part, rows=1, need_gradient=False)
                values.append(value)
            bad = np.flatnonzero(~np.isfinite(values))
            if bad.size:
                many = f"{bad.size:,} of {len(x):,} rows of the batch"
                return f"the loss is {error.found} in {many}, with outputs up to {_largest(out):.4g}", bad
    return f"the loss is {error.found}, though every layer's output is finite, up to {_largest(out):.4g}", None


def _largest(values: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.abs(values.astype(np.float64)).max()) if values.dtype.kind in "fiu" and values.size else 0.0


def search(
    trainer: Trainer,
    train: Rows,
    validation: Rows | None,
    options: FitOptions,
    callbacks: Sequence[Callback],
    kept: Sequence[Callback],
    snapshot: Snapshot,
) -> Culprit | None:
    """Make the steps since a checkpoint again, looking at everything; None where they go well this time.

    callbacks: that take part; kept: those whose state the snapshot holds. What they write they write again, as after
    any resume. The trainer is no good for going on afterwards.
    """
    guard, trainer.compiled.guard = trainer.compiled.guard, Guard.ALL
    try:
        put_state(trainer, kept, snapshot)
        trainer.fit(train, validation, options, callbacks)
    except Diverged as error:
        return culprit(trainer, train, error)
    except SeqnetError:
        return None
    finally:
        trainer.compiled.guard = guard
    return None


class Rollback:
    """Goes back to where an epoch began, and on with half the learning rate.

    Where it goes back to depends on the rows and the seed alone, never on when a checkpoint was written, so that a run
    that is interrupted and resumed goes the same way. A checkpoint inside an epoch carries the state of its beginning.
    """

    def __init__(self) -> None:
        self.count = 0
        self.good: Snapshot | None = None

    def keep(self, trainer: Trainer, callbacks: Sequence[Callback]) -> None:
        """Remember this state as good."""
        self.good = take_state(trainer, callbacks).copied(into=self.good)

    def add_to(self, snapshot: Snapshot) -> None:
        """Let a checkpoint of a later moment carry the good state."""
        if self.good is not None:
            snapshot.put("good", self.good.arrays)
            snapshot.data["good"] = self.good.data

    def take_from(self, snapshot: Snapshot) -> None:
        """The good state that a checkpoint carries, or itself."""
        good = snapshot.part("good")
        own = {name: array for name, array in snapshot.arrays.items() if not name.startswith("good/")}
        self.good = Snapshot(good, snapshot.data["good"]) if good else Snapshot(own, snapshot.data)

    def go_back(self, trainer: Trainer, callbacks: Sequence[Callback], say: Callable[[str], None]) -> bool:
        """Whether the trainer stands where the epoch began, ready to go on; False once it has been there too often."""
        if self.good is None or self.count >= ROLLBACKS or not math.isfinite(trainer.compiled.optimizer.rate_scale):
            return False
        count = self.count + 1
        put_state(trainer, callbacks, self.good)
        optimizer = trainer.compiled.optimizer
        optimizer.rate_scale *= SLOWER
        self.count = count
        self.keep(trainer, callbacks)
        say(
            f"back to step {trainer.position.step}, where epoch {trainer.position.epoch + 1} began, and on with half "
            f"the learning rate: {optimizer.effective_learning_rate:.4g} (rollback {count} of {ROLLBACKS})"
        )
        return True
