"""Random draws for layers: which values to keep, and normal noise, from as few random bits as will do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from seqnet.arrays import Array

_WORDS = (np.uint8, np.uint16, np.uint32)


def keep(rng: np.random.Generator, shape: Sequence[int], rate: float) -> Array:
    """A boolean array that is False with probability `rate`, each entry for itself.

    Entries are compared words of 8, 16 or 32 random bits: the fewest by which the share comes within 1e-4 of the
    smaller of rate and 1 - rate (8 bits for 0.5 and 0.25, 16 for 0.1 and 0.3). A float for each entry takes three
    times as long.
    """
    if rate in (0.0, 1.0):
        return np.full(shape, rate == 0.0)
    word, threshold = _cut(rate)
    count = math.prod(shape)
    size = np.dtype(word).itemsize
    # Whole 64-bit numbers are the cheapest bits there are, and drawing them releases the interpreter lock.
    bits = rng.integers(0, 2**64 - 1, -(-count * size // 8), np.uint64, endpoint=True)
    kept: Array = bits.view(word)[:count] >= threshold
    return kept.reshape(shape)


@lru_cache(maxsize=64)
def _cut(rate: float) -> tuple[Any, Any]:
    """The word to draw, and the number below which it means "drop"."""
    for word in _WORDS[:-1]:
        steps = 2 ** (8 * np.dtype(word).itemsize)
        threshold = round(rate * steps)
        if 0 < threshold < steps and abs(threshold / steps - rate) <= 1e-4 * min(rate, 1 - rate):
            return word, word(threshold)
    return np.uint32, np.uint32(min(max(round(rate * 2**32), 0), 2**32 - 1))


def normal(rng: np.random.Generator, shape: Sequence[int], stddev: float, dtype: Any) -> Array:
    """Normal noise of mean 0, drawn in the precision it is for."""
    noise: Array = rng.standard_normal(shape, dtype)
    noise *= stddev
    return noise
