"""Products for the gradient that are left to those who update what they belong to.

Where one worker does a step and others help with the optimizer's part, a large gradient would be written by one core
and read by the next. So the factors of such a product, which are small, are handed over instead, and every worker
makes the rows of the gradient that it needs. Rows are handed out in the pieces that kernels.products would multiply
anyway, so that the numbers are the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqnet.arrays import LINE, Array, shared
from seqnet.kernels.products import multiply, turned_pieces

LARGE = 40_000  # numbers of a product that is worth handing over


@dataclass(frozen=True)
class _Product:
    """view = leftᵀ @ right; the factors are copies in shared memory."""

    start: int  # where the variable lies in the vectors
    view: Array  # (I, U), of the gradient
    left: Array  # (N, I)
    right: Array  # (N, U)
    pieces: tuple[int, int]  # rows and columns that are multiplied at a time
    state: Array  # [0]: whether it is still to be made

    def near(self, position: int) -> int:
        """The place in the vectors nearest to `position` where a piece begins."""
        run, size = self.pieces[0] * self.view.shape[1], self.view.size
        return self.start + int(min(round((position - self.start) / run) * run, size))

    def make(self, start: int, stop: int) -> None:
        """The rows that lie in a stretch of the vectors."""
        width = self.view.shape[1]
        first = max(start - self.start, 0) // width
        last = min(stop - self.start, self.view.size) // width
        if self.state[0] and first < last:
            rows = slice(first, last)
            multiply(self.left.T[rows], self.right, self.view[rows], self.pieces)


class Deferred:
    """The products of a step that are not made yet. gradient: the vector that all of them are parts of.

    At first it notes what products there are; after `prepare` it puts them off.
    """

    def __init__(self, gradient: Array) -> None:
        self.gradient = gradient
        self._seen: dict[int, tuple[Array, tuple[int, ...], tuple[int, ...]]] = {}  # by the identity of the view
        self._products: dict[int, _Product] = {}
        self._notes = True

    def take(self, view: Array, a: Array, b: Array) -> bool:
        """Put off view = a @ b, where there is room for it."""
        product = self._products.get(id(view))
        if product is None:
            if view.size >= LARGE and self._notes:
                self._seen[id(view)] = view, a.T.shape, b.shape
            return False
        if a.shape[1] != len(product.left) or product.state[0]:
            return False
        product.left[...] = a.T
        product.right[...] = b
        product.state[0] = 1
        return True

    def settle(self, view: Array) -> None:
        product = self._products.get(id(view))
        if product is not None and product.state[0]:
            product.make(product.start, product.start + view.size)
            product.state[0] = 0

    def prepare(self) -> None:
        """Make room for the factors of the products so far, in memory that processes forked from now on share."""
        dtype, self._notes = self.gradient.dtype, False
        for key, (view, left, right) in self._seen.items():
            pieces = turned_pieces(left[1], left[0], right[1])
            if key not in self._products and pieces[0] < left[1]:
                start = (view.ctypes.data - self.gradient.ctypes.data) // dtype.itemsize
                state = shared(LINE, np.int64)
                self._products[key] = _Product(start, view, shared(left, dtype), shared(right, dtype), pieces, state)

    def edges(self, count: int) -> list[int]:
        """Where to cut the vectors into `count` stretches about as long as each other, no piece of a product apart."""
        size = len(self.gradient)
        found = [0]
        for index in range(1, count):
            at = size * index // count // LINE * LINE
            inside = (p for p in self._products.values() if p.start <= at < p.start + p.view.size)
            found.append(max(found[-1], next((product.near(at) for product in inside), at)))
        return [*found, size]

    def begin(self) -> None:
        """A step begins: nothing is put off."""
        for product in self._products.values():
            product.state[0] = 0

    def make(self, start: int, stop: int) -> None:
        """What lies in a stretch of the vectors."""
        for product in self._products.values():
            product.make(start, stop)

    def make_all(self) -> None:
        """Everything that was put off."""
        self.make(0, len(self.gradient))
        self.begin()
