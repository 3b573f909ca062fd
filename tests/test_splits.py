"""Splits: how many rows, which, in proportion; Keras's tail rule. Counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqnet.datasets.splits import split_rows, tail_rows
from seqnet.errors import DataError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# rows, fraction, rows held back: n * fraction rounded half up, at least one
COUNTS = [
    (10, 0.1, 1),
    (10, 0.25, 3),
    (10, 0.24, 2),
    (3, 0.1, 1),
    (2, 0.01, 1),
    (1000, 0.2, 200),
    (60000, 0.1, 6000),
    (7, 0.0, 0),
]


@pytest.mark.parametrize("n, fraction, held", COUNTS)
@pytest.mark.parametrize("labelled", [False, True])
def test_split_rows_counts(n, fraction, held, labelled):
    labels = np.arange(n) % 2 if labelled else None
    stay, back = split_rows(n, fraction, rng(), labels)
    assert len(back) == held
    assert np.array_equal(np.sort(np.concatenate([stay, back])), np.arange(n))
    assert np.array_equal(stay, np.sort(stay)) and np.array_equal(back, np.sort(back))
    assert stay.dtype == back.dtype == np.int64


# labels' class sizes, fraction, rows held back of each class
SHARES = [
    ([50, 50, 50], 0.2, [10, 10, 10]),
    ([70, 20, 10], 0.1, [7, 2, 1]),
    ([212, 357], 0.2, [42, 72]),  # quotas 42.47 and 71.53 of 114 rows: the larger remainder gets the odd row
    ([59, 71, 48], 0.2, [12, 14, 10]),  # quotas 11.93, 14.36, 9.71 of 36 rows
    ([97, 2, 1], 0.5, [49, 1, 0]),  # 48.5, 1, 0.5: of equal remainders the first class, not the class of one row
    ([2, 2], 0.75, [1, 1]),  # three rows would leave a class without a training row
    ([3, 1, 1], 0.9, None),
    ([1, 1, 1, 1], 0.5, None),  # nothing to stratify: two rows of any class
]


@pytest.mark.parametrize("sizes, fraction, expected", SHARES)
def test_split_rows_holds_back_in_proportion(sizes, fraction, expected):
    labels = rng(5).permutation(np.repeat(np.arange(len(sizes)), sizes))
    if expected is None and len(sizes) == 3:  # 4.5 -> 5 of 5 rows
        with pytest.raises(DataError, match="no training row"):
            split_rows(len(labels), fraction, rng(), labels)
        return
    stay, back = split_rows(len(labels), fraction, rng(), labels)
    held = np.bincount(labels[back], minlength=len(sizes))
    if expected is None:
        assert held.sum() == 2
    else:
        assert held.tolist() == expected
    assert len(stay) + len(back) == len(labels)


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
    st.floats(0.01, 0.99),
    st.integers(0, 3),
)
def test_split_rows_never_empties_a_class(sizes, fraction, seed):
    labels = np.repeat(np.arange(len(sizes)) * 7 - 3, sizes)  # labels need not be 0 … K-1
    n = len(labels)
    wanted = max(1, int(np.floor(n * fraction + 0.5)))
    if wanted >= n:
        with pytest.raises(DataError):
            split_rows(n, fraction, rng(seed), labels)
        return
    stay, back = split_rows(n, fraction, rng(seed), labels)
    assert np.array_equal(np.sort(np.concatenate([stay, back])), np.arange(n))
    several = [k for k, size in enumerate(sizes) if size > 1]
    assert all((labels[stay] == 7 * k - 3).any() for k in several)
    spare = sum(size - 1 for size in sizes)
    assert len(back) == (min(wanted, spare) if several else wanted)


def test_split_rows_is_random_and_reproducible():
    first, again, other = (split_rows(100, 0.3, rng(seed))[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, np.arange(70, 100))
    hits = sum(np.bincount(split_rows(10, 0.5, rng(seed))[1], minlength=10) for seed in range(400))
    assert hits.min() > 150 and hits.max() < 250  # 200 expected, standard deviation 10


# rows, fraction, first row held back: as Keras 3's train_validation_split(np.arange(rows), fraction) cuts
TAILS = [(10, 0.1, 9), (10, 0.25, 7), (3, 0.1, 2), (7, 0.5, 3), (60000, 0.1, 54000), (1000, 0.3, 700), (100, 0.29, 71)]


@pytest.mark.parametrize("n, fraction, first", TAILS)
def test_tail_rows(n, fraction, first):
    stay, back = tail_rows(n, fraction)
    assert np.array_equal(stay, np.arange(first))
    assert np.array_equal(back, np.arange(first, n))


# call, words of the message
EMPTY = [
    (lambda: split_rows(1, 0.1, rng()), ["1 row can't be split with validation_split 0.1", "no training row"]),
    (lambda: split_rows(2, 0.9, rng(), what="test_split"), ["2 rows can't be split with test_split 0.9"]),
    (lambda: split_rows(0, 0.5, rng()), ["0 rows"]),
    (lambda: tail_rows(1, 0.1), ["1 row can't be split with validation_split 0.1", "no training row"]),
    (lambda: tail_rows(3, 0.0), ["3 rows can't be split with validation_split 0", "no validation row"]),
]


@pytest.mark.parametrize("call, words", EMPTY)
def test_an_empty_side_is_refused(call, words):
    with pytest.raises(DataError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
