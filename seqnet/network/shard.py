"""One worker's way through the network, forward and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqnet.arrays import Array, Cache, shared
from seqnet.layers.base import Context, Layer, Worker
from seqnet.network.network import Network


@dataclass
class Pass:
    """What a forward pass leaves for its backward."""

    y: Array
    mask: Array | None
    caches: list[Cache]
    outputs: list[Array]  # of the layers with a penalty on their output
    penalty: float


class Shard:
    """One worker's way through the network: its contexts and its gradient vector."""

    def __init__(self, network: Network, worker: Worker) -> None:
        parameters = network.parameters
        self.worker = worker
        self.gradient = shared(parameters.theta.size, parameters.dtype)
        by_layer: dict[int, Context] = {}
        self.contexts: list[Context] = []
        for node in network.nodes:
            first = by_layer.get(id(node.layer))
            if first is None:
                context = by_layer[id(node.layer)] = parameters.context(node.layer, self.gradient, worker)
            else:  # used again: the same variables and gradients, a mask of its own
                context = Context(first.params, first.grads, worker, first.children, first.carried)
            self.contexts.append(context)
        for number, context in enumerate(c for outer in self.contexts for c in _with_children(outer)):
            context.number = number
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

    def forget_zeros(self) -> None:
        """Someone else has written into the gradient: no zero in it is known to be one."""
        for grads in self.grads:
            grads.touched.clear()

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


def _with_children(context: Context) -> list[Context]:
    return [context, *(inner for child in context.children for inner in _with_children(child))]


def _all_grads(context: Context) -> list[Any]:
    return [inner.grads for inner in _with_children(context)]
