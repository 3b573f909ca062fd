"""The layers in front of a stack that only prepare, such as TextVectorization: applied to all rows once.

No gradient is needed below the first variables, so what such layers make of a row is the same in every epoch. They
turn raw rows, texts among them, into numbers before the engine and its processes see any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqnet.arrays import Array, Shape, machine_memory
from seqnet.layers.base import Layer, Tally
from seqnet.layers.core import Input

if TYPE_CHECKING:
    from seqnet.network.network import Node

ROWS_AT_ONCE = 4096
NUMBERS_AT_ONCE = 1 << 22  # of vectors that are as wide as a vocabulary
LEAST_LIMIT = 1 << 28  # bytes that prepared rows may take on any machine


class Front:
    """What the leading layers of a stack make of raw rows.

    count: how many nodes of the stack it stands for, 0 where the stack begins with another layer. shape: of one
    prepared row.
    """

    def __init__(self, nodes: Sequence[Node], dtype: Any) -> None:
        self.count = leading([node.layer for node in nodes])
        self.layers = [node.layer for node in nodes[: self.count] if not isinstance(node.layer, Input)]
        self.shape: Shape = nodes[self.count - 1].out_shape if self.count else ()
        self.dtype = np.dtype(dtype)
        # Rows of texts are as long as the longest of their batch, as long as what comes out does not depend on it.
        self.open = self.count > 0 and None in self.shape and bool(nodes) and None not in nodes[-1].out_shape

    @property
    def takes_text(self) -> bool:
        """Whether raw rows may be texts."""
        return bool(self.layers) and self.layers[0].takes_text

    def __call__(self, x: Array, tally: Tally | None = None) -> Array:
        """The prepared rows, in slices; where they would take too much memory, they are made when they are asked for.

        Raises DataError for rows that a layer can't take, UsageError before it is adapted.
        """
        if not self.layers:
            return x
        if not len(x):
            return np.zeros((0, *(n or 0 for n in self.shape)), self.dtype)
        step = self._step()
        first = self.encode(x[:step], tally)
        rest = (self.encode(x[at : at + step], tally) for at in range(step, len(x), step))
        if first.nbytes // len(first) * len(x) <= _limit():
            return joined([first, *rest])
        if tally is not None:
            for _ in rest:
                pass
        return PreparedRows(self, x, first[:1])  # type: ignore[return-value]  # an array as far as rows are taken

    def encode(self, x: Array, tally: Tally | None = None) -> Array:
        """A slice of rows through all the layers."""
        for layer in self.layers:
            if not layer.takes_integers and x.dtype != self.dtype:
                x = x.astype(self.dtype)
            x = layer.encode(x, tally)
        return x

    def cut(self, x: Array) -> Array:
        """A batch of prepared rows without the padding that all of them end with, where their length is open."""
        if not self.open or x.ndim < 2:
            return x
        used = np.flatnonzero((x != 0).any(axis=tuple(axis for axis in range(x.ndim) if axis != 1)))
        return x[:, : int(used[-1]) + 1 if used.size else 1]

    def _step(self) -> int:
        return max(1, min(ROWS_AT_ONCE, NUMBERS_AT_ONCE // max(1, math.prod(n or 1 for n in self.shape))))


class PreparedRows:
    """Rows that are prepared whenever they are asked for, because all of them would not fit into memory."""

    def __init__(self, front: Front, x: Array, sample: Array) -> None:
        self.front = front
        self.raw = x
        self.dtype = sample.dtype
        self.shape = (len(x), *sample.shape[1:])
        self.ndim = sample.ndim

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, rows: Any) -> Array:
        return self.front.encode(self.raw[rows])

    def take(self, rows: Array, axis: int = 0) -> Array:
        return self.front.encode(self.raw.take(rows, axis=axis))


def leading(layers: Sequence[Layer]) -> int:
    """How many layers at the head of a stack are applied before the engine, an Input before them counted."""
    count = 0
    for index, layer in enumerate(layers):
        if isinstance(layer, Input):
            continue
        if not layer.prepares or layer.output_penalty() is not None:
            break
        count = index + 1
    return count


def adapt_front(layers: Sequence[Layer], x: Array, dtype: Any) -> None:
    """Adapt the leading layers that still have to learn from the raw training rows, each to what reaches it.

    Raises DataError, UsageError.
    """
    before: list[Layer] = []
    for layer in layers[: leading(layers)]:
        if isinstance(layer, Input):
            continue
        if not layer.adapted:
            layer.adapt(through(before, x, dtype) if before else x)
        before.append(layer)


def through(layers: Sequence[Layer], x: Array, dtype: Any) -> Any:
    """The rows in slices as they come out of the layers."""
    front = Front((), dtype)
    front.layers = list(layers)
    return (front.encode(x[at : at + ROWS_AT_ONCE]) for at in range(0, len(x), ROWS_AT_ONCE))


def joined(parts: Sequence[Array]) -> Array:
    """Slices of rows as one array; short rows of numbers are filled up with 0."""
    if len(parts) == 1:
        return parts[0]
    wide = max(part.shape[1] for part in parts) if parts[0].ndim == 2 else 0
    if any(part.ndim == 2 and part.shape[1] < wide for part in parts):
        parts = [np.pad(part, ((0, 0), (0, wide - part.shape[1]))) for part in parts]
    return np.concatenate(parts)


def _limit() -> int:
    return max(LEAST_LIMIT, (machine_memory() or 0) // 4)
