"""The only training loop.

Where it stands is in `Position`, what is random comes from streams that a checkpoint keeps; so a loop started from a
checkpoint, even in the middle of an epoch, goes on exactly as the interrupted one would have.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets.lazy import LazyRows
from seqnet.errors import DataError, UsageError
from seqnet.network.blas import running
from seqnet.training.ahead import Ahead
from seqnet.training.callbacks import Callback, History, Logs, overrides
from seqnet.training.compiled import Compiled, Guard, prepare, take
from seqnet.training.feed import Batch, Feed, steps_of, warn_of_end
from seqnet.training.feed import Rows as Rows  # a part of how the loop is called
from seqnet.training.mixing import Mixer, Mixing
from seqnet.training.testing import test
from seqnet.training.weighting import draw_rows


@dataclass(frozen=True)
class FitOptions:
    """The arguments of fit that shape the loop; `epochs` is the number of the last epoch, as in Keras.

    augment: what mixes the rows of each training batch.
    on_nan: None trains on whatever the numbers become, as Keras does; otherwise fit raises Diverged before a batch
    whose loss is not finite changes a weight, and before a validation with weights that are not.
    """

    epochs: int = 1
    batch_size: int = 32
    shuffle: bool | Literal["batch"] = True
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    validation_freq: int | Sequence[int] = 1
    on_nan: Literal["stop", "rollback"] | None = None
    augment: Sequence[Mixer] = ()

    def validates(self, epoch: int) -> bool:
        """Whether the epoch (from 0) ends with a validation."""
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq

    def ever_validates(self) -> bool:
        """Whether any epoch of the fit ends with a validation."""
        return any(self.validates(epoch) for epoch in range(self.initial_epoch, self.epochs))


@dataclass
class Position:
    """Where the loop stands: the epoch, the next batch in it, the steps done, and this epoch's order of rows.

    With steps_per_epoch below the number of batches, an epoch ends inside a pass over the data and the next one goes
    on there; `cursor` is the next batch of the pass.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    cursor: int = 0
    order_state: dict[str, Any] = field(default_factory=dict)  # of the stream before it drew the order of this pass


class Trainer:
    """Runs a compiled network over rows.

    `stop_training` ends the run after the batch (callbacks set it on the model, which passes it on);
    `interrupted` does too, and is kept apart because an interrupted run is not finished.
    """

    def __init__(self, compiled: Compiled, order: np.random.Generator) -> None:
        self.compiled = compiled
        self.order = order
        self.position = Position()
        self.history = History()
        self.interrupted = False
        self.stop_training = False
        self.steps = 0
        self.options = FitOptions()
        self.resumed = False
        self.epoch_started = 0.0
        self.last_loss = 0.0  # of the batch that was trained on last, before its step
        self.taken: slice | Array = slice(0)  # the rows of the last batch
        self.ahead: Ahead[Batch] | None = None  # gathers batches of rows while a fit lasts

    def fit(
        self,
        train: Rows | Feed[Batch],
        validation: Rows | Feed[Batch] | None = None,
        options: FitOptions = FitOptions(),  # noqa: B008 (frozen)
        callbacks: Sequence[Callback] = (),
    ) -> History:
        """Train. Raises DataError, UsageError, Diverged, and whatever a callback raises."""
        self.options = options
        self.mixing = Mixing(options.augment, self.compiled.network, self.compiled.loss)
        self.compiled.engine.train_on(self.mixing.loss)
        if self.compiled.guard is not Guard.ALL:
            self.compiled.guard = Guard.OFF if options.on_nan is None else Guard.LOSS
        if isinstance(train, Rows) and not len(train):
            raise DataError("there are no training rows")
        batches = train.length if isinstance(train, Feed) else math.ceil(len(train) / options.batch_size)
        self.steps = steps_of(options.steps_per_epoch, batches)
        if isinstance(train, Rows) and self.steps > (batches or 0) and not self.resumed:
            raise UsageError(
                f"steps_per_epoch {self.steps} is more than the {batches} batches of {options.batch_size} "
                f"in {len(train)} rows"
            )
        if options.steps_per_epoch or batches:
            self.compiled.optimizer.resolve(self.steps)
        if not self.resumed:
            self.stop_training = False  # but an interruption that came before the first batch counts
            self.position = Position(epoch=options.initial_epoch)
            self._begin(callbacks)
            if isinstance(train, Feed):
                self.position.batch = 0  # batches that were handed out don't come again
        batch_hooks = [c for c in callbacks if overrides(c, "on_train_batch_end", "on_train_batch_begin")]
        position = self.position
        logs: Logs = {}
        with running(), self._gathering(train), self.compiled.processes():
            while position.epoch < options.epochs and not self.stop_training and not self.interrupted:
                if isinstance(train, Feed) and not train.supplied():
                    warn_of_end(f"after {position.epoch} of {options.epochs} epochs")
                    break
                logs = self._epoch(train, validation, callbacks, batch_hooks, batches or 0)
                if self.interrupted:
                    break
                self.resumed = False
        self.resumed = False
        if not self.interrupted:
            self.compiled.optimizer.finish(self.compiled.network.parameters.theta)
            for callback in callbacks:
                callback.on_train_end(logs)
        return self.history

    @contextmanager
    def _gathering(self, train: Rows | Feed[Batch]) -> Iterator[None]:
        """While it lasts, batches are gathered from the rows, ahead where that pays."""
        if isinstance(train, Feed):
            yield
            return

        def gather(rows: slice | Array) -> Batch:
            weight = None if train.weight is None else take(train.weight, rows)
            return prepare(self.compiled.network, take(train.x, rows)), take(train.y, rows), weight

        self.ahead = Ahead(gather)
        try:
            yield
        finally:
            self.ahead.close()
            self.ahead = None

    def _begin(self, callbacks: Sequence[Callback]) -> None:
        """A new fit begins, or goes on where a callback says that an earlier one was interrupted."""
        if not any([callback.restore(self, callbacks) for callback in callbacks]):
            for callback in callbacks:
                callback.on_train_begin({})
        elif self.position.batch:
            for callback in callbacks:
                if not type(callback).__module__.startswith("seqnet.training."):  # ours have that behind them
                    callback.on_epoch_begin(self.position.epoch, {})

    def running_logs(self) -> Logs:
        """The running means of the epoch so far."""
        return self.compiled.running.result()

    def _epoch(
        self,
        train: Rows | Feed[Batch],
        validation: Rows | Feed[Batch] | None,
        callbacks: Sequence[Callback],
        batch_hooks: Sequence[Callback],
        batches: int,
    ) -> Logs:
        position, compiled = self.position, self.compiled
        self.epoch_started = time.perf_counter()
        if position.batch == 0:
            compiled.running.reset()
            for callback in callbacks:
                callback.on_epoch_begin(position.epoch, {})
        if isinstance(train, Feed):
            return self._fed_epoch(train, validation, callbacks, batch_hooks)
        order = self._order(train, fresh=position.cursor == 0 and position.batch == 0)
        while position.batch < self.steps:
            if position.cursor == batches:
                position.cursor = 0
                order = self._order(train, fresh=True)
            self._batch(train, order, batch_hooks)
            for callback in callbacks:
                callback.after_step(self)
            if self.stop_training or self.interrupted:
                break
        if self.interrupted and position.batch < self.steps:
            return {}
        if position.cursor == batches:
            position.cursor = 0
        return self._end_epoch(validation, callbacks)

    def _fed_epoch(
        self,
        feed: Feed[Batch],
        validation: Rows | Feed[Batch] | None,
        callbacks: Sequence[Callback],
        hooks: Sequence[Callback],
    ) -> Logs:
        """An epoch of the batches that a feed gives: a pass, or steps_per_epoch of them."""
        position, compiled = self.position, self.compiled
        feed.order = self.order if self.options.shuffle is True else None
        feed.begin_epoch()
        if feed.numbered and self.options.steps_per_epoch is None:
            feed.rewind()  # others stand at the beginning of a pass, of which the first batch may have been looked at
        while position.batch < self.steps and not self.stop_training and not self.interrupted:
            batch = feed.take() if self.options.steps_per_epoch is None else feed.another()
            if batch is None:
                break
            number = position.batch
            for callback in hooks:
                callback.on_train_batch_begin(number, {})
            x, y, weight = batch
            self._step(prepare(compiled.network, x), y, weight)
            position.batch += 1
            position.step += 1
            logs = self.running_logs() if hooks else {}
            for callback in hooks:
                callback.on_train_batch_end(number, logs)
            for callback in callbacks:
                callback.after_step(self)
        if self.interrupted:
            return {}
        if self.options.steps_per_epoch is not None and batch is None:
            warn_of_end(f"after {position.batch} of {self.steps} batches of epoch {position.epoch + 1}")
            self.stop_training = True
        feed.end_epoch()
        return self._end_epoch(validation, callbacks)

    def _batch(self, train: Rows, order: Array | None, hooks: Sequence[Callback]) -> None:
        position, size = self.position, self.options.batch_size
        start = position.cursor * size
        stop = min(start + size, len(train))
        self.taken = _rows_between(order, start, stop)
        then = None
        if stop < len(train) and position.batch + 1 < self.steps:
            then = _rows_between(order, stop, min(stop + size, len(train)))
        for callback in hooks:
            callback.on_train_batch_begin(position.batch, {})
        assert self.ahead is not None
        self._step(*self.ahead.get(self.taken, then))
        number = position.batch
        position.batch += 1
        position.cursor += 1
        position.step += 1
        if hooks:
            logs = self.running_logs()
            for callback in hooks:
                callback.on_train_batch_end(number, logs)

    def _step(self, x: Array, y: Array, weight: Array | None) -> None:
        if not self.mixing.mixers:
            self.last_loss = self.compiled.train_batch(x, y, weight)
            return
        mixed = self.mixing.batch(x, y, weight, self.position.step)
        self.last_loss = self.compiled.train_batch(mixed.x, mixed.y, mixed.weight, mixed.labels)

    def _end_epoch(self, validation: Rows | Feed[Batch] | None, callbacks: Sequence[Callback]) -> Logs:
        position, options = self.position, self.options
        if options.on_nan is not None:
            self.compiled.require_finite()  # no later batch would show what the last one did
        logs = self.running_logs()
        due = validation is not None and options.validates(position.epoch)
        if isinstance(validation, Feed) and due and not validation.supplied():
            warn_of_end(f"before the validation of epoch {position.epoch + 1}, which is left out")
            due = False
        if validation is not None and due:
            size = options.validation_batch_size or options.batch_size
            found = test(self.compiled, validation, size, options.validation_steps, callbacks)
            logs.update({f"val_{name}": value for name, value in found.items()})
        logs = dict(sorted(logs.items()))  # Keras's order
        finished = position.epoch
        position.epoch += 1
        position.batch = 0
        # User callbacks come before the history, so that values they add are kept.
        for callback in callbacks:
            callback.on_epoch_end(finished, logs)
        if "learning_rate" in logs:
            logs["learning_rate"] *= self.compiled.optimizer.rate_scale
        self.history.on_epoch_end(finished, logs)
        for callback in callbacks:
            callback.after_epoch(self, logs)
        return logs

    def _order(self, train: Rows, *, fresh: bool) -> Array | None:
        """The order in which this pass takes the rows; drawn again from the same state when an epoch is resumed."""
        rows = len(train)
        if self.options.shuffle is False and train.sampling is None:
            return None
        if not fresh and self.position.order_state:
            self.order.bit_generator.state = self.position.order_state
        self.position.order_state = dict(self.order.bit_generator.state)
        if train.sampling is not None:
            order = draw_rows(train.sampling, self.order)
        elif self.options.shuffle == "batch":
            size = self.options.batch_size  # within each batch only, as Keras does
            order = np.concatenate(
                [start + self.order.permutation(min(size, rows - start)) for start in range(0, rows, size)]
            )
        else:
            order = self.order.permutation(rows)
        for array in (train.x, train.y):
            if isinstance(array, LazyRows):
                array.expect(order)
        return order


def _rows_between(order: Array | None, start: int, stop: int) -> slice | Array:
    """The rows that come at these places of a pass."""
    return slice(start, stop) if order is None else order[start:stop]
