"""Holding the matrix library to one thread: the shards of a batch are what runs in parallel.

OpenBLAS would otherwise start threads inside every worker, and its waiting threads take the cores from the others.
One thread also makes a result independent of what else the machine is doing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

_depth = 0


@lru_cache(maxsize=None)
def _libraries() -> tuple[Any, ...]:
    """The loaded matrix libraries. Finding them takes milliseconds, so once."""
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


class running:  # noqa: N801 - reads as what it is: with running():
    """Around everything that runs batches: a matrix product uses the calling thread alone, and NumPy does not warn of
    overflow or NaN, which the loss shows anyway.

    A prediction of one row takes as long as the general way of setting a limit, hence this short one.
    """

    __slots__ = ("_before", "_errors")

    def __enter__(self) -> None:
        global _depth
        self._before: list[tuple[Any, int]] = []
        if not _depth:
            self._before = [(library, library.get_num_threads()) for library in _libraries()]
            _limit([(library, 1) for library, count in self._before if count != 1])
        _depth += 1
        self._errors = np.errstate(all="ignore")
        self._errors.__enter__()

    def __exit__(self, *exception: Any) -> None:
        global _depth
        self._errors.__exit__(*exception)
        _depth -= 1
        _limit([(library, count) for library, count in self._before if count != 1])


def _limit(counts: list[tuple[Any, int]]) -> None:
    for library, count in counts:
        library.set_num_threads(count)
        if hasattr(library, "clear_controlling_thread"):  # any thread may be the next to set it
            library.clear_controlling_thread()
