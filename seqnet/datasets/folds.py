"""Which rows each fold of a cross-validation holds back: at random and stratified, by group, or forward in time.

Each returns one pair a fold: (rows to train on, rows held back), sorted row numbers.
"""

from __future__ import annotations

import numpy as np

from seqnet.datasets.labels import Array
from seqnet.datasets.splits import GroupSizes
from seqnet.errors import DataError

Fold = tuple[Array, Array]


def random_folds(n: int, folds: int, rng: np.random.Generator, labels: Array | None = None) -> list[Fold]:
    """Every row is held back once; folds differ by one row at most, and with `labels` by one row of each class.

    The rows, in random order, class after class, are dealt to the folds in turn. Raises DataError where there are
    fewer rows than folds.
    """
    if folds > n:
        raise DataError(f"{folds} folds need at least {folds} rows, and there are {n}; use fewer folds")
    order = rng.permutation(n)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(n, np.int64)
    fold[order] = np.arange(n) % folds
    return _held_back(fold, folds)


def group_folds(groups: Array, folds: int, rng: np.random.Generator, labels: Array | None = None) -> list[Fold]:
    """Every group is held back once, as a whole; folds are about equal in rows, and with `labels` in classes.

    The largest groups come first (equal ones in random order), each to the fold that is then the most even: the least
    sum of squares of its rows, and of its rows of each class, as shares of all. Raises DataError where there are fewer
    groups than folds.
    """
    sizes, codes = GroupSizes.of(groups, labels)
    if folds > sizes.count:
        raise DataError(
            f"{folds} folds need at least {folds} groups, and there {'is' if sizes.count == 1 else 'are'} "
            f"{sizes.count}; use fewer folds"
        )
    shuffled = rng.permutation(sizes.count)
    order = shuffled[np.argsort(-sizes.rows[shuffled], kind="stable")]
    starts = np.searchsorted(sizes.group, np.arange(sizes.count + 1))
    rows, of_class = np.zeros(folds), np.zeros((folds, sizes.classes))
    fold = np.empty(sizes.count, np.int64)
    for group in order:
        pairs = slice(starts[group], starts[group + 1])
        label, share = sizes.label[pairs], sizes.share[pairs]
        cost = rows * sizes.rows[group] + of_class[:, label] @ (sizes.weight[pairs] * share)
        fold[group] = chosen = int(cost.argmin())
        rows[chosen] += sizes.rows[group]
        of_class[chosen, label] += share
    return _held_back(fold[codes], folds)


def time_folds(times: Array, folds: int) -> list[Fold]:
    """Fold i trains on the first i of folds + 1 stretches of time and holds the next one back.

    The stretches have about equal numbers of rows; rows of one moment stay together, so every row held back is later
    than every row trained on. Raises DataError where there are too few moments. scikit-learn's TimeSeriesSplit does
    the same by position.
    """
    moments, codes, sizes = np.unique(times, return_inverse=True, return_counts=True)
    codes, count, n = codes.reshape(-1), len(moments), len(times)
    if count < folds + 1:
        raise DataError(
            f"{folds} folds forward in time need at least {folds + 1} different moments, and there "
            f"{'is' if count == 1 else 'are'} {count}; use fewer folds"
        )
    ends, cuts = np.cumsum(sizes), [0]
    for part in range(1, folds + 1):
        lowest, highest = cuts[-1] + 1, count - (folds + 1 - part)  # moments before the cut
        wanted = n * part / (folds + 1)
        cuts.append(lowest + int(np.abs(ends[lowest - 1 : highest] - wanted).argmin()))
    cuts.append(count)
    return [
        (np.flatnonzero(codes < first), np.flatnonzero((codes >= first) & (codes < end)))
        for first, end in zip(cuts[1:-1], cuts[2:], strict=True)
    ]


def _held_back(fold: Array, folds: int) -> list[Fold]:
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds)]
