"""What a training step costs layer by layer, and what the machine could do at best. Only measures; prints nothing.

The layers are timed in one thread, by the same walk over the stack that a shard of the engine makes.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqnet.arrays import Array, Shape
from seqnet.layers.base import Layer
from seqnet.layers.core import Input
from seqnet.network.engine import Engine
from seqnet.network.network import Node

_SIDE = 512  # of the squares whose product is timed: large enough for the library's full speed
_BLOCK = 1 << 19  # bytes that are copied at a time: like the pieces of a step they stay in the second-level cache


@dataclass(frozen=True)
class Machine:
    """The rates of one core. products: operations a second of a matrix product; copies: bytes a second."""

    products: float
    copies: float

    def limit(self, product_flops: float, moved_bytes: float) -> float:
        """Seconds that so many operations of matrix products and so many copied bytes take at the least."""
        return product_flops / self.products + moved_bytes / self.copies


@dataclass(frozen=True)
class LayerCost:
    """One layer in one training step of a batch; seconds are medians over the passes.

    flops: forward and backward together, counted as for the plain way of computing (a kernel that finds a shorter one
    may be faster than its limit); product_flops: those of them that are matrix products. moved_bytes: of the
    output, of the gradient of the input and of the gradients of the variables, each written once; layers without
    variables that keep the number of values could work in passing, so theirs are none.
    """

    name: str
    type: str
    forward: float
    backward: float
    flops: int
    product_flops: int
    activation_bytes: int
    moved_bytes: int


@dataclass(frozen=True)
class Profile:
    """The layers of a step in one thread, and the seconds of the loss between forward and backward."""

    layers: tuple[LayerCost, ...]
    loss: float
    passes: int

    @property
    def forward(self) -> float:
        return sum(layer.forward for layer in self.layers)

    @property
    def backward(self) -> float:
        return sum(layer.backward for layer in self.layers)

    @property
    def total(self) -> float:
        return self.forward + self.loss + self.backward


def measure_machine(dtype: Any, seconds: float = 0.3) -> Machine:
    """The best rates of one core in about so many seconds. To be called where the matrix library has one thread."""
    a = np.random.default_rng(0).random((_SIDE, _SIDE)).astype(dtype)
    product = np.empty_like(a)
    source: Array = np.ones(_BLOCK, np.uint8)
    target = np.empty_like(source)
    return Machine(
        2 * _SIDE**3 / _best(lambda: np.matmul(a, a, out=product), seconds / 2),
        _BLOCK / _best(lambda: np.copyto(target, source), seconds / 2),
    )


def profile_layers(
    engine: Engine, x: Array, y: Array, weight: Array | None = None, *, seconds: float = 1.0, least: int = 3
) -> Profile:
    """Time every layer's forward and backward on a batch, again and again for so many seconds, at least `least` times.

    engine: with a loss and one worker. Variables that layers update by themselves (moving averages) go on as in
    training; the others stay as they are.
    """
    _pass(engine, x, y, weight)  # the first pass allocates
    found: list[_Seconds] = []
    started = time.perf_counter()
    while len(found) < least or time.perf_counter() - started < seconds:
        found.append(_pass(engine, x, y, weight))
    layers = []
    for index, node in enumerate(engine.network.nodes):
        if not isinstance(node.layer, Input):
            forward = statistics.median(one.forward[index] for one in found)
            backward = statistics.median(one.backward[index] for one in found)
            layers.append(_cost(engine, index, node, len(x), forward, backward))
    return Profile(tuple(layers), statistics.median(one.loss for one in found), len(found))


class _Seconds:
    """Of one pass over a batch, by node."""

    def __init__(self, nodes: int) -> None:
        self.forward = [0.0] * nodes
        self.backward = [0.0] * nodes
        self.loss = 0.0


def _pass(engine: Engine, x: Array, y: Array, weight: Array | None) -> _Seconds:
    """The way of a batch through the first shard and back, in the engine's pieces."""
    shard, plan, rows = engine.shards[0], engine.training, len(x)
    assert plan is not None and plan.loss is not None
    took = _Seconds(len(plan.layers))
    shard.worker.rows, shard.worker.exchange = rows, None
    for grads in shard.grads:
        grads.start()
    count = max(1, round(rows / engine.piece)) if engine.piece else 1
    edges = [rows * i // count for i in range(count + 1)]
    for start, stop in zip(edges, edges[1:], strict=False):
        _piece(engine, x, y, weight, slice(start, stop), took)
    for grads in shard.grads:
        grads.close()
    return took


def _piece(engine: Engine, x: Array, y: Array, weight: Array | None, rows: slice, took: _Seconds) -> None:
    shard, plan = engine.shards[0], engine.training
    assert plan is not None and plan.loss is not None
    clock, worker = time.perf_counter, shard.worker
    worker.first, worker.penalty = rows.start, 0.0
    out, mask = x[rows], None
    caches, watched = [], []
    for index, (layer, context) in enumerate(zip(plan.layers, shard.contexts, strict=True)):
        context.training, context.mask = True, mask
        began = clock()
        given = out
        out, cache = layer.forward(given, context)
        if mask is not None or layer.makes_mask:
            mask = layer.output_mask(given, mask)
        took.forward[index] += clock() - began
        caches.append(cache)
        watched.append(out if shard.penalties[index] is not None else None)
    part = None if weight is None else weight[rows]
    began = clock()
    _, dy = plan.loss.value_and_gradient(
        y[rows], out, part, mask, rows=worker.rows, all_reduce=None, need_gradient=True
    )
    finish = plan.finish
    if finish is not None and (engine.wants_probabilities or finish.spec_name != "softmax"):
        finish(out)
    took.loss += clock() - began
    assert dy is not None
    for index in range(len(plan.layers) - 1, shard.lowest - 1, -1):
        began = clock()
        regularizer, output = shard.penalties[index], watched[index]
        if regularizer is not None and output is not None:
            slope = np.zeros_like(dy)
            regularizer.add_gradient(output, slope)
            dy = dy + slope / worker.rows
        need_dx = index > shard.lowest
        dx = plan.layers[index].backward(dy, caches.pop(), shard.contexts[index], need_dx=need_dx)
        took.backward[index] += clock() - began
        if dx is not None:
            dy = dx


def _cost(engine: Engine, index: int, node: Node, rows: int, forward: float, backward: float) -> LayerCost:
    layer, item = node.layer, engine.network.dtype.itemsize
    variables = list(engine.parameters.tree[id(layer)].all())
    trained = sum(variable.view.nbytes for variable in variables if variable.trainable)
    lowest = engine.shards[0].lowest
    # Backward does the work of forward again for the gradient of the input, and again for those of the variables.
    times = 1 + (index > lowest) + (index >= lowest and trained > 0)
    flops = layer.flops(node.in_shape)
    output, before = (rows * item * _count(shape) for shape in (node.out_shape, node.in_shape))
    in_passing = not variables and _count(node.in_shape) == _count(node.out_shape)
    moved = 0 if in_passing else output + trained + (before if index > lowest else 0)
    products = _product_share(layer, node.in_shape) * flops
    return LayerCost(
        str(layer.name),
        layer.spec_name,
        forward,
        backward,
        flops * rows * times,
        round(products * rows * times),
        output,
        moved,
    )


def _product_share(layer: Layer, in_shape: Shape) -> float:
    """The share of a layer's operations that are matrix products: all where it has a matrix, none where it has not."""
    inner = layer.children(in_shape)
    if not inner:
        return float(any(len(spec.shape) > 1 for spec in layer.param_specs(in_shape).values()))
    works = [(child.flops(shape), _product_share(child, shape)) for child, shape in inner]
    total = sum(flops for flops, _ in works)
    return sum(flops * share for flops, share in works) / total if total else 0.0


def _count(shape: Shape) -> int:
    return math.prod(n or 1 for n in shape)


def _best(work: Callable[[], Any], seconds: float) -> float:
    """The shortest call among those of so many seconds, at least three."""
    took: list[float] = []
    started = time.perf_counter()
    while len(took) < 3 or time.perf_counter() - started < seconds:
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)
