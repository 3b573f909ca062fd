"""One step over a batch: shards through the whole stack and back, gradients summed in a fixed order.

Each worker takes a slice of the batch through every layer, forward and backward, in pieces small enough to stay in
its cache. Layers that need the whole batch meet through Context.all_reduce.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqnet.arrays import Array, Cache, zeros
from seqnet.layers.base import Context, Layer, Worker
from seqnet.losses import Loss
from seqnet.network.memory import keep_memory
from seqnet.network.network import Network
from seqnet.network.plans import plan_inference, plan_training
from seqnet.network.team import Team


@dataclass
class Pass:
    """What a forward pass leaves for its backward."""

    y: Array
    mask: Array | None
    caches: list[Cache]
    outputs: list[Array]  # of the layers with a penalty on their output
    penalty: float


class Step(NamedTuple):
    """What came of a batch: the loss, y_pred (N, ...), and the mask beside it where there is one."""

    loss: float
    prediction: Array
    mask: Array | None


class Shard:
    """One worker's way through the network: its contexts and its gradient vector."""

    def __init__(self, network: Network, worker: Worker) -> None:
        parameters = network.parameters
        self.worker = worker
        self.gradient = zeros(parameters.theta.size, parameters.dtype)
        by_layer: dict[int, Context] = {}
        self.contexts: list[Context] = []
        for node in network.nodes:
            first = by_layer.get(id(node.layer))
            if first is None:
                context = by_layer[id(node.layer)] = parameters.context(node.layer, self.gradient, worker)
            else:  # used again: the same variables and gradients, a mask of its own
                context = Context(first.params, first.grads, worker, first.children, first.carried)
            self.contexts.append(context)
        self.grads = [grads for context in by_layer.values() for grads in _all_grads(context)]
        for grads in self.grads:
            grads.set_private(worker.index > 0)  # the first shard's vector is handed out: see keep_zeros
        self.penalties = [node.layer.output_penalty() for node in network.nodes]
        # No gradient is needed below the first layer that has trained variables.
        self.lowest = next(
            (i for i, c in enumerate(self.contexts) if any(g.views for g in _all_grads(c))), len(self.contexts)
        )

    def add_gradient(self, other: Shard) -> None:
        """Add the gradient of another shard: row by row where there are tables of which a few rows were touched."""
        if any(grads.touched for grads in (*self.grads, *other.grads)):
            for mine, theirs in zip(self.grads, other.grads, strict=True):
                mine.add_all(theirs)
        else:
            self.gradient += other.gradient

    def forward(self, layers: Sequence[Layer], x: Array, *, training: bool, keep: bool) -> Pass:
        mask: Array | None = None
        caches: list[Cache] = []
        outputs: list[Array] = []
        penalty = self.worker.penalty = 0.0
        for layer, context, regularizer in zip(layers, self.contexts, self.penalties, strict=False):
            context.training = training
            context.mask = mask
            y, cache = layer.forward(x, context)
            if mask is not None or layer.makes_mask:
                mask = layer.output_mask(x, mask)
            if keep:
                caches.append(cache)
            if regularizer is not None:
                penalty += regularizer(y) / self.worker.rows
                outputs.append(y)
            x = y
        return Pass(x, mask, caches, outputs, penalty + self.worker.penalty)

    def backward(self, layers: Sequence[Layer], done: Pass, dy: Array) -> None:
        outputs = done.outputs
        for index in range(len(layers) - 1, self.lowest - 1, -1):
            regularizer = self.penalties[index]
            if regularizer is not None:
                slope = np.zeros_like(dy)
                regularizer.add_gradient(outputs.pop(), slope)
                slope /= self.worker.rows
                dy = dy + slope
            dx = layers[index].backward(dy, done.caches[index], self.contexts[index], need_dx=index > self.lowest)
            done.caches[index] = None  # frees its memory while the layers below still run
            if dx is not None:
                dy = dx


class Engine:
    """Runs a network: training steps, test steps and predictions."""

    def __init__(self, network: Network, loss: Loss | None = None, *, threads: int = 1) -> None:
        keep_memory()
        self.network = network
        self.parameters = network.parameters
        self.inference = plan_inference(network)
        self.training = plan_training(network, loss) if loss is not None else None
        self.loss = loss
        self.watched = self.parameters.penalties()
        self.workers = [
            Worker(np.random.default_rng(network.stream("layers", index)), index, threads) for index in range(threads)
        ]
        self.shards = [Shard(network, worker) for worker in self.workers]
        self.team = Team(threads) if threads > 1 else None
        layers = list(network.parameters.layers())
        couples = any(layer.couples_rows for layer in layers) or (loss is not None and loss.couples_rows)
        masked = any(layer.makes_mask for layer in layers)
        whole = loss is not None and loss.whole_batch
        carries = any(layer.carries_state for layer in layers)
        self.divisible = not (whole or carries)
        uncut = couples or masked or whole or carries or any(layer.walks_steps for layer in layers)
        self.piece = 0 if uncut else _piece_rows(network)
        # False: no one needs more of the predictions than their order, so a last softmax is not worth computing.
        self.wants_probabilities = True

    def keep_zeros(self, kept: bool) -> None:
        """Say whether those who get `gradient` leave a zero in it a zero; at first, nobody is trusted to.

        Then the gradient of a table of which a batch touches a few rows costs no pass over the table: only the rows of
        the step before have to be cleared.
        """
        for grads in self.shards[0].grads:
            grads.set_private(kept and not grads.penalized)

    # -- steps ------------------------------------------------------------------------------------------------------

    def train_step(self, x: Array, y: Array, weight: Array | None = None) -> Step:
        """A batch in training mode; leaves the gradient in `self.gradient`.

        x: (N, ...), y: (N, ...), weight: (N,) or as the loss takes it.
        """
        return self._step(x, y, weight, training=True)

    def test_step(self, x: Array, y: Array, weight: Array | None = None) -> Step:
        """A batch in inference mode."""
        return self._step(x, y, weight, training=False)

    def predict(self, x: Array, *, training: bool = False) -> Array:
        """The network's output for a batch."""
        rows, layers = len(x), self.inference.layers
        shards = self._shards_for(rows)
        parts: list[list[Array]] = [[] for _ in shards]

        def work(index: int) -> None:
            for piece in self._pieces(index, len(shards), rows):
                shards[index].worker.first = piece.start
                done = shards[index].forward(layers, x[piece], training=training, keep=False)
                parts[index].append(done.y)

        self._run(work, shards, rows)
        return _joined(parts)

    def outputs_before(self, index: int, x: Array) -> Array:
        """What the layer of node `index` gets for these rows, in inference mode."""
        shard = self.shards[0]
        self._run(lambda _: None, [shard], len(x))
        layers = [node.layer for node in self.network.nodes[:index]]
        return shard.forward(layers, x, training=False, keep=False).y

    def _step(self, x: Array, y: Array, weight: Array | None, *, training: bool) -> Step:
        plan, rows = self.training, len(x)
        assert plan is not None and plan.loss is not None
        loss, finish = plan.loss, plan.finish
        if not self.wants_probabilities and finish is not None and finish.spec_name == "softmax":
            finish = None
        shards = self._shards_for(rows)
        values: list[float] = [0.0] * len(shards)
        outputs: list[list[Array]] = [[] for _ in shards]
        masks: list[list[Array]] = [[] for _ in shards]

        def work(index: int) -> None:
            shard = shards[index]
            worker = shard.worker
            reduce = None if worker.exchange is None else shard.contexts[-1].all_reduce
            if training:
                for grads in shard.grads:
                    grads.start()
            for piece in self._pieces(index, len(shards), rows):
                worker.first = piece.start
                done = shard.forward(plan.layers, x[piece], training=training, keep=training)
                part = None if weight is None else weight[piece]
                value, dy = loss.value_and_gradient(
                    y[piece], done.y, part, done.mask, rows=rows, all_reduce=reduce, need_gradient=training
                )
                values[index] += value + done.penalty
                outputs[index].append(done.y if finish is None else finish(done.y))
                if done.mask is not None:
                    masks[index].append(done.mask)
                if dy is not None:
                    shard.backward(plan.layers, done, dy)
            if training:
                for grads in shard.grads:
                    grads.close()

        self._run(work, shards, rows)
        gradient = shards[0].gradient if training else None
        if gradient is not None:
            for shard in shards[1:]:
                shards[0].add_gradient(shard)
        value = sum(values) + self._penalties(gradient)
        return Step(value, _joined(outputs), _joined(masks) if masks[0] else None)

    @property
    def gradient(self) -> Array:
        """d loss / d theta of the last training step."""
        return self.shards[0].gradient

    def close(self) -> None:
        """End the worker threads."""
        if self.team is not None:
            self.team.close()

    def __del__(self) -> None:
        if hasattr(self, "team"):
            self.close()

    # -- state for checkpoints --------------------------------------------------------------------------------------

    def random_state(self) -> list[dict[str, Any]]:
        """Where each worker's random stream stands."""
        return [dict(worker.rng.bit_generator.state) for worker in self.workers]

    def set_random_state(self, states: Sequence[dict[str, Any]]) -> None:
        for worker, state in zip(self.workers, states, strict=True):
            worker.rng.bit_generator.state = state

    # -- parts ------------------------------------------------------------------------------------------------------

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

    def _shards_for(self, rows: int) -> list[Shard]:
        alone = not self.divisible or rows < 2 * len(self.shards)
        return self.shards[:1] if alone else self.shards

    def _pieces(self, index: int, count: int, rows: int) -> list[slice]:
        start, stop = rows * index // count, rows * (index + 1) // count
        if not self.piece:
            return [slice(start, stop)]
        number = max(1, round((stop - start) / self.piece))
        edges = [start + (stop - start) * i // number for i in range(number + 1)]
        return [slice(a, b) for a, b in zip(edges, edges[1:], strict=False)]

    def _run(self, work: Any, shards: Sequence[Shard], rows: int) -> None:
        together = len(shards) > 1
        for shard in shards:
            shard.worker.rows = rows
            shard.worker.exchange = self.team.exchange if together and self.team is not None else None
        if together and self.team is not None:
            self.team.run(work)
        else:
            work(0)


def _all_grads(context: Context) -> list[Any]:
    return [context.grads, *(grads for child in context.children for grads in _all_grads(child))]


def _joined(shards: list[list[Array]]) -> Array:
    parts = [part for parts in shards for part in parts]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def choose_threads(network: Network, batch_size: int) -> int:
    """How many workers a step is worth.

    Waking a second worker costs about 0.1 ms, so a step must hold several times that; below it one worker runs, and
    the matrix product's own threads help where they can.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    widths = sum(math.prod(n or 1 for n in node.out_shape) for node in network.nodes)
    flops = sum(node.layer.flops(node.in_shape) for node in network.nodes)
    # Seconds of one worker: forward and two backward products at 50 GFLOP/s, three passes over the outputs at 2 G/s.
    seconds = batch_size * (3 * flops / 5e10 + 3 * widths / 2e9)
    return max(1, min(cores, batch_size // 8, int(seconds / 0.5e-3)))


def _piece_rows(network: Network) -> int:
    """Rows whose activations stay in a core's second-level cache; 0 = a shard in one piece.

    A small stack is one piece: its activations fit anyway, and every piece costs a walk over the layers.
    """
    widths = [math.prod(n or 1 for n in node.out_shape) for node in network.nodes]
    bytes_per_row = network.dtype.itemsize * sum(widths)
    if bytes_per_row < 32_768:
        return 0
    return max(4, 2**21 // bytes_per_row)
