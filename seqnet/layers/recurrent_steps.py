"""Taking a cell through a sequence step by step: for every activation, dropout of the state, and any kind of state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqnet.arrays import Array, Cache
from seqnet.layers.base import Context
from seqnet.layers.recurrent_base import Cell, Part, Scan

SKIPPED = object()  # in place of the cache of a step that is padding in every row


class Steps(ABC):
    """One sequence under way through a cell: what all steps share, and one step at a time."""

    @abstractmethod
    def step(self, t: int, states: Sequence[Array]) -> tuple[list[Array], Cache]:
        """The states after step t, as fresh arrays."""

    @abstractmethod
    def back(self, t: int, slopes: Sequence[Array], cache: Cache) -> list[Array]:
        """The gradients of the states before step t from those after it, as fresh arrays."""

    @abstractmethod
    def close(self, ctx: Context, *, need_dx: bool) -> Array | None:
        """Add the gradients of the variables; dx of all steps, (T, N, ...)."""


class StepwiseCell(Cell):
    """A cell that says what happens in one step."""

    def begin(self, x: Array, ctx: Context) -> Steps:
        """x: (T, N, ...)."""
        raise NotImplementedError

    def scan(self, parts: Sequence[Part], *, last: bool) -> tuple[list[Scan], Cache]:
        made = [_walk(self, part, last=last) for part in parts]
        return [scan for scan, _ in made], [cache for _, cache in made]

    def scan_back(self, parts: Sequence[Part], dys: Sequence[Array], cache: Cache, *, need_dx: bool) -> list[Any]:
        return [_walk_back(part, dy, one, need_dx=need_dx) for part, dy, one in zip(parts, dys, cache, strict=True)]


def _walk(cell: StepwiseCell, part: Part, *, last: bool) -> tuple[Scan, Cache]:
    x, padding = part.x, part.padding
    steps, rows = x.shape[:2]
    run = cell.begin(x, part.ctx)
    shapes = cell.state_shapes(x.shape[2:])
    states = list(part.start) if part.start is not None else [np.zeros((rows, *s), x.dtype) for s in shapes]
    y = None if last else sequence(steps, states[0])
    caches: list[Cache] = []
    for t in range(steps):
        if padding is None or not padding[t].all():
            after, cache = run.step(t, states)
            if padding is not None and padding[t].any():
                for new, old in zip(after, states, strict=True):
                    np.copyto(new, old, where=_spread(padding[t], new))
            states = after
        else:
            cache = SKIPPED
        caches.append(cache)
        if y is not None:
            y[t] = states[0]
    whole = last or y is None
    return Scan(states[0] if whole else y, states), (run, caches, shapes, last)  # type: ignore[arg-type]


def _walk_back(part: Part, dy: Array, cache: Cache, *, need_dx: bool) -> Array | None:
    run, caches, shapes, last = cache
    padding, rows = part.padding, part.x.shape[1]
    slopes = [np.zeros((rows, *shape), dy.dtype) for shape in shapes]
    if last:
        slopes[0] += dy
    for t in range(len(caches) - 1, -1, -1):
        if not last:
            slopes[0] = slopes[0] + dy[t]
        if caches[t] is SKIPPED:
            continue
        if padding is None or not padding[t].any():
            slopes = run.back(t, slopes, caches[t])
        else:
            before = run.back(t, [np.where(_spread(padding[t], s), 0.0, s) for s in slopes], caches[t])
            for new, old in zip(before, slopes, strict=True):
                np.copyto(new, old, where=_spread(padding[t], new))
            slopes = before
    dx: Array | None = run.close(part.ctx, need_dx=need_dx)
    return dx


def sequence(steps: int, state: Array) -> Array:
    """Room for the outputs of all steps, (T, N, ...), of which the layer's (N, T, ...) is contiguous."""
    return np.empty((len(state), steps, *state.shape[1:]), state.dtype).swapaxes(0, 1)


def _spread(padding: Array, state: Array) -> Array:
    """(N,) as it has to be to choose rows of a state."""
    return padding.reshape(-1, *(1,) * (state.ndim - 1))


class Linear(ABC):
    """What x or the state goes through on its way to the gates: something linear, for one step or for all."""

    @abstractmethod
    def forward(self, x: Array) -> Array:
        """z from x, (N, ...) or (T, N, ...)."""

    @abstractmethod
    def backward(self, dz: Array) -> Array:
        """dx from dz."""

    @abstractmethod
    def gradient(self, x: Array, dz: Array) -> Array:
        """dkernel from those of all steps, (T, N, ...)."""


class Product(Linear):
    """x kernel for rows x: (..., N, I), with a share of x dropped: the same for all gates, or another for each.

    kernel: (I, G U), its columns gate by gate. kept: (1, N, I), (G, N, I), or None where nothing is dropped.
    """

    def __init__(self, kernel: Array, kept: Array | None) -> None:
        self.kernel = kernel
        self.kept = kept

    def forward(self, x: Array) -> Array:
        if self.kept is None:
            return x @ self.kernel
        return np.concatenate([(x * kept) @ part for kept, part in self._gates(self.kernel)], axis=-1)

    def backward(self, dz: Array) -> Array:
        if self.kept is None:
            return dz @ self.kernel.T
        pairs = zip(self._gates(self.kernel), self._gates(dz), strict=True)
        return sum((part_dz @ part.T) * kept for (kept, part), (_, part_dz) in pairs)  # type: ignore[return-value]

    def gradient(self, x: Array, dz: Array) -> Array:
        if self.kept is None:
            return _flat(x).T @ _flat(dz)
        return np.concatenate([_flat(x * kept).T @ _flat(part) for kept, part in self._gates(dz)], axis=1)

    def _gates(self, columns: Array) -> list[tuple[Array, Array]]:
        """Each draw, with the columns it is for."""
        assert self.kept is not None
        return list(zip(self.kept, np.split(columns, len(self.kept), axis=-1), strict=True))


def _flat(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])
