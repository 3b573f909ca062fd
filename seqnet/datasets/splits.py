"""Which rows are held back for validation or test: at random and stratified, or Keras's last rows.

Both return sorted row numbers, so that a split can be recorded, compared and gathered in memory order.
"""

from __future__ import annotations

import math

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.errors import DataError


def split_rows(
    n: int, fraction: float, rng: np.random.Generator, labels: Array | None = None, what: str = "validation_split"
) -> tuple[Array, Array]:
    """Hold back `fraction` of `n` rows, chosen by `rng`: (rows that stay, rows held back), each sorted, (N,) int64.

    The number held back is n * fraction rounded half up, at least 1 where fraction > 0. With `labels` (N,), integers,
    each class is held back in proportion (largest remainders) and every class of two or more rows keeps one that
    stays; a class of one row stays too while other rows can be held back. Only where that can't be reconciled with
    the number does the number give way. `what` is the option that a message names.
    Raises DataError when either side would be empty.
    """
    if fraction == 0:
        return np.arange(n), np.arange(0)
    count = max(1, math.floor(n * fraction + 0.5))
    if count >= n:
        raise _empty_side(n, fraction, what, "training")
    if labels is None:
        held = rng.permutation(n)[:count]
    else:
        order = np.argsort(labels, kind="stable")
        sizes = np.unique(labels, return_counts=True)[1]
        starts = np.cumsum(sizes) - sizes
        shares = _class_shares(sizes, count)
        held = np.concatenate(
            [rng.permutation(order[s : s + size])[:k] for s, size, k in zip(starts, sizes, shares, strict=True)]
        )
    stays = np.ones(n, dtype=bool)
    stays[held] = False
    return np.flatnonzero(stays), np.sort(held)


def tail_rows(n: int, fraction: float, what: str = "validation_split") -> tuple[Array, Array]:
    """Keras's rule: the rows from floor(n * (1 - fraction)) on are held back, in the order given.

    Raises DataError when either side would be empty, where Keras raises ValueError.
    """
    first = math.floor(n * (1.0 - fraction))
    if first == 0:
        raise _empty_side(n, fraction, what, "training")
    if first == n:
        raise _empty_side(n, fraction, what, "validation")
    return np.arange(first), np.arange(first, n)


def _class_shares(sizes: Array, count: int) -> Array:
    """How many rows of each class are held back, (K,), `count` in all where the classes allow it."""
    limits = np.where(sizes > 1, sizes - 1, 0)
    if not limits.any():  # no class has two rows: stratifying says nothing
        limits = sizes.copy()
    total = int(sizes.sum())
    quotas = sizes * count  # in units of 1 / total, so that the remainders are exact
    shares: Array = np.minimum(quotas // total, limits)
    while shares.sum() < min(count, int(limits.sum())):
        shares[np.where(shares < limits, quotas - shares * total, -total * count).argmax()] += 1
    return shares


def _empty_side(n: int, fraction: float, what: str, side: str) -> DataError:
    rows = "1 row" if n == 1 else f"{n} rows"
    return DataError(
        f"{rows} can't be split with {what} {fraction:g}: no {side} row would be left; "
        f"use more rows or another {what}, or give validation rows of their own"
    )
