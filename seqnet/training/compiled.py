"""A network with its optimizer, loss and metrics: what one batch does in training, testing and predicting."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any, Literal

import numpy as np

from seqnet.arrays import Array
from seqnet.datasets.labels import is_text
from seqnet.datasets.lazy import LazyRows, as_rows
from seqnet.errors import DataError, ShapeError, TrainingError
from seqnet.layers.preparing import as_array
from seqnet.losses import Loss
from seqnet.metrics import Metric
from seqnet.network.blas import running
from seqnet.network.engine import Engine, Update
from seqnet.network.network import Network
from seqnet.network.sizing import helpers_for
from seqnet.optimizers.base import Optimizer
from seqnet.optimizers.elementwise import Elementwise
from seqnet.registry import is_built_in
from seqnet.training.metricset import Logs, MetricSet


class Guard(Enum):
    """What a training step looks at for NaN and infinity: nothing; its loss; loss, gradient and weights."""

    OFF, LOSS, ALL = range(3)


class Diverged(TrainingError):
    """Training has come to NaN or infinity. kind: loss, gradient or weights, where it was seen; found: what exactly."""

    def __init__(self, kind: Literal["loss", "gradient", "weights"], found: str) -> None:
        super().__init__(f"the {kind} {'is' if kind == 'loss' else 'of'} {found}")
        self.kind = kind
        self.found = found


class Compiled:
    """Everything `compile` decides, ready to run on batches.

    Training and testing have metrics of their own, so that a validation in the middle of an epoch disturbs nothing.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        loss: Loss,
        metrics: dict[str, Metric],
        weighted: dict[str, Metric] | None = None,
        *,
        threads: int = 1,
        helped: bool = False,
    ) -> None:
        """helped: where one worker does a step, others may still share the optimizer's part of it."""
        self.network = network
        self.optimizer = optimizer
        self.loss = loss
        self.engine = Engine(network, loss, threads=threads)
        self.helpers = helpers_for(network) if helped and threads == 1 else threads
        self.running = MetricSet(metrics, weighted)
        self.testing = MetricSet(copy.deepcopy(metrics), copy.deepcopy(weighted))
        self.engine.wants_probabilities = not all(
            metric.ranks_only for metric in (*metrics.values(), *(weighted or {}).values())
        )
        optimizer.build(network.parameters.segments, network.dtype)
        self.engine.keep_zeros(not optimizer.spoils_gradient)
        self.guard = Guard.OFF

    def train_batch(self, x: Array, y: Array, weight: Array | None = None, labels: Array | None = None) -> float:
        """One step: forward, backward, update, metrics. Returns the loss before the update.

        labels: what the metrics count as true, where that is not y.
        Raises Diverged as the guard says, before the update where it can be known then.
        """
        engine, optimizer = self.engine, self.optimizer
        if optimizer.swapped:
            optimizer.swap_average(self.network.parameters.theta)  # steps go on from the weights themselves
        loss, prediction, mask = engine.train_shards(x, y, weight)
        if not math.isfinite(loss) and self.guard is not Guard.OFF:
            raise Diverged("loss", str(loss))
        if engine.shares_updates and self.guard is not Guard.ALL:
            optimizer.apply(self.network.parameters.theta, engine.gradient, engine.update_together)
        else:
            engine.sum_shards()
            gradient = engine.gradient
            if self.guard is Guard.ALL:
                self.require_finite("gradient", gradient)
            if optimizer.loss_scale_factor is not None:
                gradient *= optimizer.loss_scale_factor  # which apply takes out again
            optimizer.apply(self.network.parameters.theta, gradient)
        if self.guard is Guard.ALL:
            self.require_finite("weights")
        self.running.update(loss, y if labels is None else labels, prediction, weight, mask)
        return loss

    def require_finite(self, kind: Literal["weights", "gradient"] = "weights", vector: Array | None = None) -> None:
        """Raise Diverged where a weight, or a number of a vector like theta, is NaN or infinite."""
        parameters = self.network.parameters
        looked_at = [(parameters.theta, True), (parameters.frozen, False)] if vector is None else [(vector, True)]
        for whole, trained in looked_at:
            with np.errstate(all="ignore"):
                fine = math.isfinite(float(whole.sum()))  # one pass without memory; a sum that overflows says little
            if fine or np.isfinite(whole).all():
                continue
            for variable in parameters.variables:
                part = whole[variable.start : variable.start + variable.view.size]
                bad = part.size - int(np.isfinite(part).sum())
                if variable.trainable is trained and bad:
                    what = "NaN" if np.isnan(part).any() else "infinite"
                    raise Diverged(kind, f"{variable.path} ({bad:,} of {part.size:,} numbers {what})")

    def processes(self) -> AbstractContextManager[None]:
        """While it lasts, processes may share the work of train_batch."""
        optimizer, others = self.optimizer, [shard.gradient for shard in self.engine.shards[1:]]
        if not isinstance(optimizer, Elementwise) or not optimizer.takes_parts or not is_built_in(type(optimizer)):
            return self.engine.processes()

        def update(index: int, number: int, learning_rate: float) -> None:
            optimizer.step_share(index, others, number, learning_rate)

        return self.engine.processes(Update(optimizer.cut_at, update), self.helpers)

    def evaluate(self, x: Array, y: Array, weight: Array | None, batch_size: int, steps: int | None = None) -> Logs:
        """Loss and metrics over rows, in inference mode."""
        self.testing.reset()
        with running():
            for count, rows in enumerate(slices(len(x), batch_size)):
                if steps is not None and count >= steps:
                    break
                part = None if weight is None else weight[rows]
                loss, prediction, mask = self.engine.test_step(prepare(self.network, x[rows]), y[rows], part)
                self.testing.update(loss, y[rows], prediction, part, mask)
        return self.testing.result()


def predict(engine: Engine, x: Array, batch_size: int) -> Array:
    """The outputs for all rows. x: (N, ...) -> y: (N, ...).

    batch_size: the least number of rows at a time. More go together where that is faster and changes nothing.
    """
    size = max(batch_size, engine.prediction_rows)
    with running():
        if 0 < len(x) <= size:
            return engine.predict(prepare(engine.network, x[:]))
        parts = [engine.predict(prepare(engine.network, x[rows])) for rows in slices(len(x), size)]
    if not parts:
        empty = tuple(n or 0 for n in engine.network.output_shape)
        return np.zeros((0, *empty), engine.network.dtype)
    return np.concatenate(parts)


def prepare(network: Network, x: Array) -> Array:
    """Rows in the network's precision; integers stay integers where the first layer takes them.

    x: rows that check_rows gave, or a batch of them.
    """
    x = network.front.cut(x)
    if x.dtype == network.dtype or (network.takes_integers and x.dtype.kind in "iu"):
        return x
    return x.astype(network.dtype)


def slices(rows: int, batch_size: int) -> Iterator[slice]:
    """Consecutive batches; the last may be short."""
    for start in range(0, rows, batch_size):
        yield slice(start, min(start + batch_size, rows))


def check_rows(network: Network, x: Any, what: str = "x") -> Array:
    """`x` as an array of numbers whose rows the network can take; (N,) becomes (N, 1) where rows are single values.

    Layers in front that only prepare, such as TextVectorization, have been applied to what it gives.
    Raises ShapeError or DataError, UsageError where such a layer is not adapted.
    """
    return network.front(check_raw(network, x, what))


def check_raw(network: Network, x: Any, what: str = "x") -> Array:
    """As check_rows, before the layers in front have been applied."""
    array = as_rows(x) if isinstance(x, LazyRows) else as_array(x)
    if is_text(array):
        if not network.front.takes_text:
            first = next(
                (node.layer.spec_name for node in network.nodes if node.layer.spec_name != "Input"), "no layer"
            )
            raise DataError(
                f"{what} holds texts, but the model begins with {first}, which takes numbers; let it begin with "
                "TextVectorization, which numbers the words of a text, or StringLookup, which numbers whole texts"
            )
    elif array.dtype.kind not in "biuf":
        hint = texts_where(array)
        raise DataError(f"{what} must hold numbers, got an array of dtype {array.dtype}{hint}")
    elif network.front.takes_text and network.front.layers[0].spec_name != "Hashing":
        name = network.front.layers[0].spec_name
        raise DataError(f"{what} must hold texts, since the model begins with {name}, got numbers ({array.dtype})")
    want = network.input_shape
    if array.ndim == 1 and want == (1,):
        array = array[:, None]
    if array.ndim == 2 and array.shape[1] == 1 and want == ():
        array = array[:, 0]
    fits = array.ndim == len(want) + 1 and all(
        size is None or size == got for size, got in zip(want, array.shape[1:], strict=True)
    )
    if not fits:
        advice = ""
        if array.shape == want or (array.ndim == len(want) and array.ndim > 0):
            advice = "; for a single row, add the batch axis: x[None]"
        elif math.prod(array.shape[1:]) == math.prod(n or 1 for n in want):
            advice = f"; reshape it: x.reshape(-1, {', '.join(str(n) for n in want)})"
        raise ShapeError(f"the model takes rows of shape {want}, but {what} has shape {array.shape}{advice}")
    return array


def texts_where(array: Array) -> str:
    """Where an array of objects has something else among its texts, for a message."""
    if array.dtype != object or not array.size:
        return ""
    kinds = [isinstance(item, str) for item in array.reshape(-1)[:100_000]]
    if not any(kinds):
        return ""
    place = kinds.index(False)
    return f": entry {place} is {array.reshape(-1)[place]!r:.40}, no text"


def take(array: Array, rows: slice | Array) -> Array:
    """Rows by slice (a view) or by numbers (a copy)."""
    return array[rows] if isinstance(rows, slice) else array.take(rows, axis=0)
