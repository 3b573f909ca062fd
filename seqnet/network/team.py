"""The threads that carry a step's shards, and the place where they meet.

NumPy's loops and matrix products release the interpreter lock, so shards of a batch run at once. A sum over shards
is always added in shard order, so results depend on the number of shards and not on timing.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from seqnet.arrays import Array


class Team:
    """`count` workers: the calling thread is worker 0, the others wait for work on a queue of their own."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._barrier = threading.Barrier(count)
        self._slots: list[Any] = [None] * count
        self._done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._inbox: list[queue.SimpleQueue[Callable[[int], None] | None]] = []
        for index in range(1, count):
            inbox: queue.SimpleQueue[Callable[[int], None] | None] = queue.SimpleQueue()
            self._inbox.append(inbox)
            threading.Thread(target=self._serve, args=(index, inbox), daemon=True, name=f"seqnet-{index}").start()

    def run(self, work: Callable[[int], None]) -> None:
        """Call work(0) … work(count - 1) at once and return when all are done; raises what the first failing raised."""
        for inbox in self._inbox:
            inbox.put(work)
        failure = self._attempt(work, 0)
        waiting = len(self._inbox)
        while waiting:
            try:
                failure = self._done.get() or failure
                waiting -= 1
            except KeyboardInterrupt as error:  # the others must come back before anything else may start
                self._barrier.abort()
                failure = error
        if failure is not None:
            self._barrier.reset()
            raise failure

    def exchange(self, index: int, value: Array) -> Array:
        """The sum of every worker's `value`, added in worker order; a fresh array."""
        self._slots[index] = value
        self._barrier.wait()
        total = self._slots[0] + self._slots[1]
        for other in self._slots[2:]:
            total += other
        self._barrier.wait()  # no one may overwrite a slot that another still reads
        return total  # type: ignore[no-any-return]

    def close(self) -> None:
        """End the threads."""
        for inbox in self._inbox:
            inbox.put(None)
        self._inbox = []

    def _attempt(self, work: Callable[[int], None], index: int) -> BaseException | None:
        try:
            work(index)
        except threading.BrokenBarrierError:
            return None  # another worker failed and says why
        except BaseException as error:  # KeyboardInterrupt too: it must not leave the others waiting
            self._barrier.abort()
            return error
        return None

    def _serve(self, index: int, inbox: queue.SimpleQueue[Callable[[int], None] | None]) -> None:
        with np.errstate(all="ignore"):  # the setting of the calling thread does not reach this one
            while (work := inbox.get()) is not None:
                self._done.put(self._attempt(work, index))
