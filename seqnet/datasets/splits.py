"""Which rows are held back for validation or test: at random and stratified, by group, the latest, or the last.

All return sorted row numbers, so that a split can be recorded, compared and gathered in memory order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.errors import DataError

_STARTS = 8  # random beginnings of a division by group, of which the nearest to what is wanted is kept
_MOVES = 1000  # groups that change sides after each


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


def split_groups(
    groups: Array,
    fraction: float,
    rng: np.random.Generator,
    labels: Array | None = None,
    what: str = "validation_split",
) -> tuple[Array, Array]:
    """Hold back whole groups: (rows that stay, rows held back), each sorted; no group is on both sides.

    groups: (N,) integers. Groups are taken in random order until about n * fraction rows are held back, then change
    sides one by one as long as that brings the number of rows, and with `labels` that of every class, nearer to its
    share: the best of several such attempts, which may still be far from it where groups are few or large.
    Raises DataError where there are fewer than two groups.
    """
    n = len(groups)
    if fraction == 0 or n == 0:
        return np.arange(n), np.arange(0)
    sizes, codes = GroupSizes.of(groups, labels)
    if sizes.count < 2:
        raise DataError(
            f"{what} {fraction:g} can't hold back whole groups: all {n} rows are of one; use another column, or leave "
            f"group_by out"
        )
    attempts = [_attempt(sizes, fraction, rng) for _ in range(1 if labels is None else _STARTS)]
    held = min(attempts, key=lambda one: one[0])[1][codes]
    return np.flatnonzero(~held), np.flatnonzero(held)


def latest_rows(times: Array, fraction: float, what: str = "validation_split") -> tuple[Array, Array]:
    """Hold back the latest rows: (rows that stay, rows held back), each sorted by row number.

    times: (N,) numbers. Every row held back is later than every row that stays: rows of one moment stay together, so
    the number held back is the possible one that is nearest to n * fraction. Raises DataError where there is but one
    moment.
    """
    n = len(times)
    if fraction == 0 or n == 0:
        return np.arange(n), np.arange(0)
    moments, sizes = np.unique(times, return_counts=True)
    if len(moments) < 2:
        raise DataError(
            f"{what} {fraction:g} can't hold back the latest rows: all {n} rows are of one moment; use another "
            f"column, or leave order_by out"
        )
    held = n - np.cumsum(sizes)[:-1]
    first = moments[1 + int(np.abs(held - n * fraction).argmin())]
    return np.flatnonzero(times < first), np.flatnonzero(times >= first)


@dataclass(frozen=True)
class GroupSizes:
    """How many rows of each class each group has, for the pairs that have any.

    group, label: (P,) of each pair; share: (P,) its rows / those of the class; weight: (P,) rows of the class / all
    rows; rows: (G,) of each group / all rows.
    """

    group: Array
    label: Array
    share: Array
    weight: Array
    rows: Array
    classes: int

    @classmethod
    def of(cls, groups: Array, labels: Array | None = None) -> tuple[GroupSizes, Array]:
        """The sizes, and the number of the group of each row, from 0."""
        n = len(groups)
        codes = np.unique(groups, return_inverse=True)[1].reshape(-1)
        kinds = np.zeros(n, np.int64) if labels is None else np.unique(labels, return_inverse=True)[1].reshape(-1)
        classes = int(kinds.max(initial=-1)) + 1
        pairs, counts = np.unique(codes * classes + kinds, return_counts=True)
        group, label = pairs // classes, pairs % classes
        of_class = np.bincount(kinds, minlength=classes)
        share, weight = counts / of_class[label], of_class[label] / n
        return cls(group, label, share, weight, np.bincount(codes) / n, classes), codes

    @property
    def count(self) -> int:
        return len(self.rows)


def _attempt(sizes: GroupSizes, fraction: float, rng: np.random.Generator) -> tuple[float, Array]:
    """How far a division is from what is wanted (squared), and which groups it holds back, (G,) booleans."""
    order = rng.permutation(sizes.count)
    held = np.zeros(sizes.count, dtype=bool)
    taken = 1 + int(np.abs(np.cumsum(sizes.rows[order])[:-1] - fraction).argmin())
    held[order[:taken]] = True
    for _ in range(_MOVES):
        missing = fraction - np.bincount(sizes.label, sizes.share * held[sizes.group], sizes.classes)
        lacking = fraction - float(sizes.rows[held].sum())
        sign = np.where(held, -1.0, 1.0)
        # What a change of sides adds to weight * missing^2, summed over the classes, and to lacking^2.
        pairs = sizes.weight * sizes.share * (sizes.share - 2 * sign[sizes.group] * missing[sizes.label])
        change = np.bincount(sizes.group, pairs, sizes.count) + sizes.rows * (sizes.rows - 2 * sign * lacking)
        if held.sum() == 1:
            change[held] = np.inf
        if (~held).sum() == 1:
            change[~held] = np.inf
        best = int(change.argmin())
        if change[best] > -1e-12:
            break
        held[best] = not held[best]
    of_class = np.bincount(sizes.label, sizes.weight * sizes.share, sizes.classes)
    missing = fraction - np.bincount(sizes.label, sizes.share * held[sizes.group], sizes.classes)
    lacking = fraction - float(sizes.rows[held].sum())
    return float((of_class * missing**2).sum() + lacking**2), held


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
