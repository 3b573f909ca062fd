"""Optimizers whose rule sees one number at a time: the flat vectors are worked through in blocks that stay in cache.

A rule is a handful of passes over a block. Weights, gradient, slots and scratch of a block fit the second-level cache
of a core together, so only the first pass waits for memory; the number of NumPy calls stays small as well.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from seqnet.arrays import LINE, Array, empty, shared
from seqnet.optimizers.base import Optimizer, Segment


class Block(NamedTuple):
    """Views of one stretch of all vectors, and those parts of it that weight decay is for."""

    w: Array
    g: Array
    buffers: tuple[Array, ...]
    decayed: tuple[Array, ...]
    place: slice  # in the vectors


class Group(NamedTuple):
    """The blocks of variables that share a learning rate, and the numbers that their rule needs in a step."""

    lr_scale: float
    values: Array  # (n,), written once a step
    cells: tuple[Array, ...]  # 0-d views of `values`: faster operands than Python floats
    keep: Array  # 0-d: what weight decay leaves of a weight
    blocks: list[Block]


class Elementwise(Optimizer):
    """Base of the optimizers whose update of a number depends on nothing but its own gradient and slots."""

    block_bytes: ClassVar[int] = 1 << 17  # of one vector in one block
    scratch: ClassVar[int] = 1  # scratch vectors that `update` needs
    edges: tuple[int, ...] = ()  # where the stretches of workers begin that will each do a share, and the end

    @abstractmethod
    def slots(self) -> dict[str, float]:
        """The slots by name, with the number that fills each before the first step."""

    @abstractmethod
    def coefficients(self, step: int, lr: float) -> tuple[float, ...]:
        """The numbers that `update` needs in this step; none at all where the step changes nothing."""

    @abstractmethod
    def update(self, w: Array, g: Array, buffers: tuple[Array, ...], c: tuple[Array, ...]) -> None:
        """The rule, in place, on one block. w, g, each buffer: (B,), where buffers are the slots and then the scratch
        vectors; c: the coefficients, 0-d. May overwrite g.
        """

    def allocate(self) -> dict[str, Array]:
        slots = {name: shared(self.size, self.dtype) for name in self.slots()}
        for name, value in self.slots().items():
            if value:
                slots[name].fill(value)
        return slots

    def counted(self, segment: Segment) -> int:
        return len(self.slots()) * (segment.stop - segment.start)

    def bind(self, theta: Array, grad: Array) -> None:
        slots = [self._slots[name] for name in self.slots()]
        runs = self._runs()
        longest = max((stop - start for _, blocks in runs for start, stop in blocks), default=0)
        scratch = [empty(longest, self.dtype) for _ in range(self.scratch)]
        count = len(self.coefficients(1, 1.0))
        decayed = _merge((s.start, s.stop) for s, decays in zip(self.segments, self._decayed, strict=True) if decays)
        self._views: list[Group] = []
        for lr_scale, cuts in runs:
            values = np.empty(count, self.dtype)
            cells = tuple(values[i : i + 1].reshape(()) for i in range(count))
            blocks = [
                Block(
                    theta[start:stop],
                    grad[start:stop],
                    (*(slot[start:stop] for slot in slots), *(s[: stop - start] for s in scratch)),
                    tuple(theta[max(a, start) : min(b, stop)] for a, b in decayed if max(a, start) < min(b, stop)),
                    slice(start, stop),
                )
                for start, stop in cuts
            ]
            self._views.append(Group(lr_scale, values, cells, np.empty((), self.dtype), blocks))

    def cut_at(self, edges: Sequence[int]) -> None:
        """Let no block lie on both sides of an edge."""
        self.edges = tuple(edges)
        if self._theta is not None and self._grad is not None:
            self.bind(self._theta, self._grad)

    def step(self, number: int, learning_rate: float) -> None:
        self.step_share(None, (), number, learning_rate)

    def step_share(self, share: int | None, others: Sequence[Array], number: int, learning_rate: float) -> None:
        """The step on the blocks between edge `share` and the next, or on all of them. The gradients of `others` are
        added to the own one first."""
        start, stop = (0, self.size) if share is None else self.edges[share : share + 2]
        update, multiply, decay = self.update, np.multiply, self.weight_decay
        for lr_scale, values, cells, keep, blocks in self._views:
            lr = learning_rate * lr_scale
            found = self.coefficients(number, lr)
            if not found:
                continue
            values[:] = found
            if decay:
                keep[()] = 1.0 - lr * decay
            for w, g, buffers, decayed, place in blocks:
                if not start <= place.start < stop:
                    continue
                for other in others:
                    np.add(g, other[place], g)
                if decay:
                    for part in decayed:
                        multiply(part, keep, part)
                update(w, g, buffers, cells)

    def _runs(self) -> list[tuple[float, list[tuple[int, int]]]]:
        """Per learning-rate factor, the stretches (start, stop) of about block_bytes that cover its variables."""
        per_block, line = max(1, self.block_bytes // self.dtype.itemsize), LINE // self.dtype.itemsize
        runs: list[tuple[float, list[tuple[int, int]]]] = []
        for lr_scale in dict.fromkeys(segment.lr_scale for segment in self.segments):
            cuts = []
            merged = _merge((s.start, s.stop) for s in self.segments if s.lr_scale == lr_scale)
            for start, stop in _cut(merged, self.edges):
                count = max(1, round((stop - start) / per_block))
                length = -(-(stop - start) // (count * line)) * line
                cuts += [(i, min(i + length, stop)) for i in range(start, stop, length)]
            runs.append((lr_scale, cuts))
        return runs


def _cut(stretches: Iterable[tuple[int, int]], edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The stretches, cut where an edge lies inside."""
    for start, stop in stretches:
        for edge in edges:
            if start < edge < stop:
                yield start, edge
                start = edge
        yield start, stop


def _merge(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join stretches (start, stop), in rising order, that follow each other without a gap."""
    joined: list[tuple[int, int]] = []
    for start, stop in stretches:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        elif stop > start:
            joined.append((start, stop))
    return joined
