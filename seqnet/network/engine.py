"""One step over a batch: shards through the whole stack and back, gradients summed in a fixed order.

Each worker takes a slice of the batch through every layer, forward and backward, in pieces small enough to stay in
its cache. Layers that need the whole batch meet through Context.all_reduce. During a fit the workers are processes
where the system has them, else threads; where a step is too short for threads, one worker does one slice after the
other. All three give the same numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from seqnet.arrays import Array
from seqnet.declare import parts_of
from seqnet.kernels.draws import Draws
from seqnet.layers.base import Worker
from seqnet.losses import Loss
from seqnet.network import crew
from seqnet.network.crew import Crew, Result
from seqnet.network.deferred import Deferred
from seqnet.network.memory import keep_memory
from seqnet.network.network import Network
from seqnet.network.plans import Plan, plan_inference, plan_training
from seqnet.network.shard import Shard
from seqnet.network.sizing import (
    THREAD_S,
    choose_threads,
    piece_rows,
    prediction_rows,
    prediction_seconds,
    step_seconds,
)
from seqnet.network.team import Team
from seqnet.registry import is_built_in

__all__ = ["Engine", "Shard", "Step", "choose_threads"]

ALONE_S = 0.01  # seconds of a fit that are over before processes are worth their start
LONG_TABLE = 1 << 20  # numbers in a gradient of which a batch touches a few rows: more is not to be summed whole
REST_S = 1.0  # seconds without a crew after one that was crowded out; doubled while that goes on


class Update(NamedTuple):
    """An optimizer's step that can be shared out.

    cut(edges): worker i's stretch of the variables is edges[i] to edges[i + 1]; do(worker, number, learning rate): the
    step on that worker's stretch.
    """

    cut: Callable[[Sequence[int]], None]
    do: Callable[[int, int, float], None]


class Step(NamedTuple):
    """What came of a batch: the loss, y_pred (N, ...), and the mask beside it where there is one."""

    loss: float
    prediction: Array
    mask: Array | None


class Engine:
    """Runs a network: training steps, test steps and predictions."""

    def __init__(self, network: Network, loss: Loss | None = None, *, threads: int = 1) -> None:
        keep_memory()
        self.network = network
        self.parameters = network.parameters
        self.plain = Plan(tuple(network.computed))
        self.inference = plan_inference(network)
        self.testing = plan_inference(network, loss) if loss is not None else None
        self.training = plan_training(network, loss) if loss is not None else None
        self.loss = self._lowered = loss
        self.watched = self.parameters.penalties()
        self.draws = Draws(network.stream("draws").generate_state(2, np.uint64))
        self.workers = [
            Worker(np.random.default_rng(network.stream("layers", index)), index, threads, self.draws)
            for index in range(threads)
        ]
        self.shards = [Shard(network, worker) for worker in self.workers]
        self.team: Team | None = None
        self.crew: Crew | None = None
        layers = list(network.parameters.layers())
        couples = any(layer.couples_rows for layer in layers) or (loss is not None and loss.couples_rows)
        masked = any(layer.makes_mask for layer in layers)
        whole = loss is not None and loss.whole_batch
        carries = any(layer.carries_state for layer in layers)
        self.divisible = not (whole or carries)
        # Shards that never meet can be computed one after the other.
        self.separable = not (couples or masked)
        uncut = couples or masked or whole or carries or any(layer.walks_steps for layer in layers)
        self.piece = 0 if uncut else piece_rows(network)
        self.inference_piece = 0 if uncut else piece_rows(network, training=False)
        self.row_seconds = step_seconds(network, 1)
        self.prediction_seconds = prediction_seconds(network, 1)
        # How many rows may be predicted at once whatever batch size is asked for; 0 where batches mean something.
        self.prediction_rows = 0 if carries or network.front.open else prediction_rows(network)
        # False: no one needs more of the predictions than their order, so a last softmax is not worth computing.
        self.wants_probabilities = True
        # What others have written may keep something of a call on itself, which a process would keep to itself.
        everything = [part for one in (*layers, loss) if one is not None for part in parts_of(one)]
        own = all(is_built_in(type(part)) for part in everything)
        fixed = all(n is not None for n in network.output_shape) and not network.front.open
        self._own = own
        self._shards_can_fork = crew.possible() and threads > 1 and self.divisible and own and fixed
        self._may_fork = False
        self._started: float | None = None
        self._like: Step | None = None
        self._rest, self._rested_at = REST_S, 0.0
        self._update: Update | None = None
        self._deferred: Deferred | None = None

    def train_on(self, loss: Loss) -> None:
        """Lower this loss in training steps from now on, which has the same place for a value as the engine's own."""
        if loss is not self._lowered:
            self._drop_crew()  # whose members know the loss before
            self._lowered, self.training = loss, plan_training(self.network, loss)

    def keep_zeros(self, kept: bool) -> None:
        """Say whether those who get `gradient` leave a zero in it a zero; at first, nobody is trusted to.

        Then the gradient of a table of which a batch touches a few rows costs no pass over the table: only the rows of
        the step before have to be cleared.
        """
        for grads in self.shards[0].grads:
            grads.set_private(kept and not grads.penalized)

    @contextmanager
    def processes(self, update: Update | None = None, helpers: int = 1) -> Iterator[None]:
        """While it lasts, processes may carry the shards of training steps.

        update: an optimizer's step, where it can be shared out; then `update_together` may take the place of a sum and
        the whole step. helpers: for how many it is shared out, where one worker alone does the rest.
        """
        alone = len(self.shards) == 1
        self._members = helpers if alone else len(self.shards)
        helped = crew.possible() and self._own and update is not None and helpers > 1
        forks = helped if alone else self._shards_can_fork
        self._may_fork, self._started, self._like, self._update = forks, None, None, update
        self._defer(Deferred(self.gradient) if alone and forks else None)
        try:
            yield
        finally:
            self._may_fork = False
            self._dismiss()
            self._defer(None)

    # -- steps ------------------------------------------------------------------------------------------------------

    def train_step(self, x: Array, y: Array, weight: Array | None = None) -> Step:
        """A batch in training mode; leaves the gradient in `self.gradient`.

        x: (N, ...), y: (N, ...), weight: (N,) or as the loss takes it.
        """
        step = self.train_shards(x, y, weight)
        self.sum_shards()
        return step

    def train_shards(self, x: Array, y: Array, weight: Array | None = None) -> Step:
        """As train_step, but leaves the gradient in parts, which sum_shards or update_together add up."""
        self.draws.batch += 1
        rows = len(x)
        shards = self._shards_for(rows)
        results = None
        if len(shards) == 1:  # the shortest way, for short steps
            worker = shards[0].worker
            worker.rows, worker.exchange = rows, None
            if self._deferred is not None:
                self._deferred.begin()
            results = [self._shard_step(0, 1, x, y, weight, training=True)]
            if self._may_fork and len(self.shards) == 1:
                self._has_crew(x, y, weight)
        elif self._may_fork:
            results = self._by_crew(x, y, weight)
        if results is None:
            results = self._by_ourselves(shards, x, y, weight, training=True)
        self._used = shards
        value = sum(result.value for result in results) + self._penalties(shards[0].gradient)
        step = _joined(value, results)
        if self._may_fork and self.crew is None:
            self._like = step  # tells a crew what will come
        return step

    def sum_shards(self) -> None:
        """Add the shards' gradients up."""
        first, *others = self._used
        if self._deferred is not None:
            self._deferred.make_all()
        for shard in others:
            if self.crew is None:
                first.add_gradient(shard)
            else:  # which rows of a table the others touched is known to them alone
                first.gradient += shard.gradient
                first.forget_zeros()

    @property
    def shares_updates(self) -> bool:
        """Whether update_together can take the place of sum_shards and the optimizer's step, this time."""
        return self.crew is not None and self._update is not None and len(self._used) == len(self.shards)

    def update_together(self, number: int, learning_rate: float) -> None:
        """Every worker adds up its stretch of the gradients and makes the optimizer's step on it."""
        assert self.crew is not None
        try:
            self.crew.update(number, learning_rate)
        except BaseException:
            self._drop_crew()
            raise
        if len(self._used) > 1:  # those who help a lone worker add nothing to its gradient
            self._used[0].forget_zeros()

    def test_step(self, x: Array, y: Array, weight: Array | None = None) -> Step:
        """A batch in inference mode."""
        results = self._by_ourselves(self._shards_for(len(x)), x, y, weight, training=False)
        return _joined(sum(result.value for result in results) + self._penalties(None), results)

    def predict(self, x: Array, *, training: bool = False) -> Array:
        """The network's output for a batch."""
        self.draws.batch += training
        rows, layers = len(x), (self.plain if training else self.inference).layers
        shards = self._shards_for(rows)
        if rows * self.prediction_seconds < 2 * THREAD_S:
            shards = shards[:1]
        parts: list[list[Array]] = [[] for _ in shards]

        def work(index: int) -> None:
            for piece in _pieces(index, len(shards), rows, self.inference_piece):
                shards[index].worker.first = piece.start
                done = shards[index].forward(layers, x[piece], training=training, keep=False)
                parts[index].append(done.y)

        self._run(work, shards, rows)
        return _one([part for found in parts for part in found])

    def outputs_before(self, index: int, x: Array) -> Array:
        """What the layer of node `index` gets for these rows, in inference mode."""
        shard = self.shards[0]
        self._run(lambda _: None, [shard], len(x))
        return shard.forward(self.plain.layers[:index], x, training=False, keep=False).y

    def layer_outputs(self, x: Array) -> Iterator[tuple[Array, Array | None]]:
        """What each layer in turn makes of a batch in training mode, and the mask after it, for looking for faults.

        It is all done by the first worker, so that random streams and variables that are not trained move on.
        """
        shard, mask = self.shards[0], None
        self._run(lambda _: None, [shard], len(x))
        shard.worker.first = 0
        for layer, context in zip(self.plain.layers, shard.contexts, strict=True):
            context.training, context.mask = True, mask
            y, _ = layer.forward(x, context)
            if mask is not None or layer.makes_mask:
                mask = layer.output_mask(x, mask)
            yield y, mask
            x = y

    @property
    def gradient(self) -> Array:
        """d loss / d theta of the last training step."""
        return self.shards[0].gradient

    def close(self) -> None:
        """End the workers."""
        if self.team is not None:
            self.team.close()
            self.team = None
        self._drop_crew()

    def __del__(self) -> None:
        if hasattr(self, "crew"):
            self.close()

    # -- state for checkpoints --------------------------------------------------------------------------------------

    def random_state(self) -> list[dict[str, Any]]:
        """Where each worker's random stream stands."""
        own = [dict(worker.rng.bit_generator.state) for worker in self.workers]
        return own if self.crew is None or len(own) == 1 else [own[0], *self.crew.random_states()]

    def set_random_state(self, states: Sequence[dict[str, Any]]) -> None:
        self._drop_crew()
        for worker, state in zip(self.workers, states, strict=True):
            worker.rng.bit_generator.state = state

    # -- a shard of a step ------------------------------------------------------------------------------------------

    def _shard_step(
        self, index: int, count: int, x: Array, y: Array, weight: Array | None, *, training: bool
    ) -> Result:
        """Shard `index` of `count` of a batch."""
        plan, rows, shard = self.training if training else self.testing, len(x), self.shards[index]
        assert plan is not None and plan.loss is not None
        finish = plan.finish
        if not self.wants_probabilities and finish is not None and finish.spec_name == "softmax":
            finish = None
        worker = shard.worker
        reduce = None if worker.exchange is None else shard.contexts[-1].all_reduce
        total, outputs, masks = 0.0, [], []
        if training:
            for grads in shard.grads:
                grads.start()
        for piece in _pieces(index, count, rows, self.piece if training else self.inference_piece):
            worker.first = piece.start
            done = shard.forward(plan.layers, x[piece], training=training, keep=training)
            part = None if weight is None else weight[piece]
            value, dy = plan.loss.value_and_gradient(
                y[piece], done.y, part, done.mask, rows=rows, all_reduce=reduce, need_gradient=training
            )
            total += value + done.penalty
            outputs.append(done.y if finish is None else finish(done.y))
            if done.mask is not None:
                masks.append(done.mask)
            if dy is not None:
                shard.backward(plan.layers, done, dy)
        if training:
            for grads in shard.grads:
                grads.close()
        return Result(total, _one(outputs), _one(masks) if masks else None)

    def _by_ourselves(
        self, shards: Sequence[Shard], x: Array, y: Array, weight: Array | None, *, training: bool
    ) -> list[Result]:
        results: list[Any] = [None] * len(shards)

        def work(index: int) -> None:
            results[index] = self._shard_step(index, len(shards), x, y, weight, training=training)

        self._run(work, shards, len(x))
        return results

    def _by_crew(self, x: Array, y: Array, weight: Array | None) -> list[Result] | None:
        """The step by processes; None where there are none, or no longer."""
        if not self._has_crew(x, y, weight):
            return None
        working = self.crew
        assert working is not None
        if not working.fits(x, y, weight):
            self._dismiss()
            return None
        try:
            return working.step(x, y, weight)
        except BaseException:
            self._drop_crew()
            raise

    # -- workers ----------------------------------------------------------------------------------------------------

    def _has_crew(self, x: Array, y: Array, weight: Array | None) -> bool:
        """Whether there are processes, which are formed and given up here."""
        if self.crew is None:
            return self._form_crew(x, y, weight)
        if self.crew.crowded:
            self._rested_at = time.monotonic() + self._rest
            self._rest *= 2
            self._dismiss()
            return False
        if self.crew.tried:
            self._rest = REST_S
        return True

    def _form_crew(self, x: Array, y: Array, weight: Array | None) -> bool:
        """Fork the processes, when enough is done to say that it pays."""
        now = time.monotonic()
        self._started = self._started or now
        if self._like is None or now < max(self._started + ALONE_S, self._rested_at):
            return False
        if self.gradient.size > LONG_TABLE and any(grads.touched for s in self.shards for grads in s.grads):
            self._may_fork = False
            return False
        count = len(self.shards)
        largest = max(math.prod(n or 1 for n in node.out_shape) for node in self.network.nodes)

        def step(index: int, x: Array, y: Array, weight: Array | None) -> Result:
            worker = self.workers[index]
            worker.rows, worker.exchange = len(x), made.exchange
            return self._shard_step(index, count, x, y, weight, training=True)

        deferred, shared_out = self._deferred, self._update
        if deferred is not None:
            deferred.prepare()
        edges = (deferred or Deferred(self.gradient)).edges(self._members)
        if shared_out is not None:
            shared_out.cut(edges)

        def update(index: int, number: int, learning_rate: float) -> None:
            assert shared_out is not None
            if deferred is not None:
                deferred.make(edges[index], edges[index + 1])
            shared_out.do(index, number, learning_rate)

        def random(index: int) -> dict[str, Any]:
            return dict(self.workers[index].rng.bit_generator.state)

        made = Crew(self._members, (x, y, weight), Result(*self._like), 65_536 + 32 * largest, step, update, random)
        try:
            made.start()
        except OSError:  # no more processes allowed
            self._may_fork = False
            made.close()
            return False
        self.crew = made
        return True

    def _dismiss(self) -> None:
        """End the processes, and go on from where their random streams stand."""
        if self.crew is None:
            return
        try:
            states = self.crew.random_states() if len(self.workers) > 1 else []
        finally:
            self._drop_crew()
        for worker, state in zip(self.workers[1:], states, strict=True):
            worker.rng.bit_generator.state = state

    def _defer(self, deferred: Deferred | None) -> None:
        self._deferred = deferred
        for grads in self.shards[0].grads:
            grads.deferral = None if grads.penalized else deferred

    def _drop_crew(self) -> None:
        working, self.crew = self.crew, None
        if working is not None:
            working.close()
            for shard in self.shards:
                shard.forget_zeros()

    def _run(self, work: Callable[[int], None], shards: Sequence[Shard], rows: int) -> None:
        short = self.separable and rows * self.row_seconds < 2 * THREAD_S
        exchange = None
        if len(shards) > 1 and not short:
            if self.team is None:
                self.team = Team(len(self.shards))
            exchange = self.team.exchange
        for shard in shards:
            shard.worker.rows = rows
            shard.worker.exchange = exchange
        if exchange is not None and self.team is not None:
            self.team.run(work)
        else:
            for index in range(len(shards)):
                work(index)

    def _shards_for(self, rows: int) -> list[Shard]:
        alone = not self.divisible or rows < 2 * len(self.shards)
        return self.shards[:1] if alone else self.shards

    def _penalties(self, gradient: Array | None) -> float:
        """The regularizers' part of the loss; their gradients are added to `gradient`."""
        total = 0.0
        for variable in self.watched:
            regularizer = variable.spec.regularizer
            assert regularizer is not None
            total += regularizer(variable.view)
            if gradient is not None:
                part = gradient[variable.start : variable.start + variable.view.size]
                regularizer.add_gradient(variable.view, part.reshape(variable.view.shape))
        return total


def _pieces(index: int, count: int, rows: int, size: int) -> list[slice]:
    """Shard `index` of `count` of a batch, in pieces of about `size` rows; 0 for one piece."""
    start, stop = rows * index // count, rows * (index + 1) // count
    if not size:
        return [slice(start, stop)]
    number = max(1, round((stop - start) / size))
    edges = [start + (stop - start) * i // number for i in range(number + 1)]
    return [slice(a, b) for a, b in zip(edges, edges[1:], strict=False)]


def _joined(value: float, results: Sequence[Result]) -> Step:
    if len(results) == 1:
        return Step(value, results[0].prediction, results[0].mask)
    masks = [result.mask for result in results if result.mask is not None]
    return Step(value, _one([result.prediction for result in results]), _one(masks) if masks else None)


def _one(parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
