"""Random numbers that belong to a place - layer, batch, row - and not to whoever draws them, nor when.

They come from a counter-based generator (J. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011): the
place is the counter. So a batch gets the same numbers however it is cut and shared out, and a checkpoint keeps no more
than the number of the batch.
"""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array, shared

_BLOCK = 4  # numbers that the generator makes of one counter
_WORD = 2**64


class Draws:
    """The draws of one run.

    key: two numbers from the run's seed. batch: which one is under way; in memory that forked processes share.
    """

    def __init__(self, key: Array) -> None:
        self.key = key
        self._batch = shared(1, np.int64)

    @property
    def batch(self) -> int:
        """The number of the training batch under way."""
        return int(self._batch[0])

    @batch.setter
    def batch(self, number: int) -> None:
        self._batch[0] = number

    def uniform(self, layer: int, seed: int | None, first: int, rows: int, count: int) -> Array:
        """(count, rows) numbers in [0, 1) for `rows` rows of the batch from `first` on, float64."""
        blocks = -(-count // _BLOCK)
        rng = self._at(first * blocks, layer, seed)
        return rng.random((rows, blocks * _BLOCK)).T[:count]

    def of_row(self, layer: int, seed: int | None, row: int) -> np.random.Generator:
        """A stream of its own for one row of the batch."""
        return self._at(0, layer, seed, 1 + row)

    def _at(self, block: int, layer: int, seed: int | None, lane: int = 0) -> np.random.Generator:
        own = 0 if seed is None else (seed + 1) % _WORD
        counter = np.array([block, lane << 32 | layer, self.batch, own], np.uint64)
        return np.random.Generator(np.random.Philox(key=self.key, counter=counter))
