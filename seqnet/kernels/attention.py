"""Scaled dot-product attention over (N, T, heads, width), forward and back.

The rows of the batch are taken a few at a time, so that their scores stay in a core's cache through the softmax. The
weights are kept as exponentials E and the reciprocals r of their row sums: dividing the results, which are narrower
than the scores, costs less than dividing the scores, and so it goes back: with δ = Σ dO O over the width of a head,
dScores = E (r dO Vᵀ - r δ).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqnet.arrays import Array

BLOCK_BYTES = 2**19
SAFE = 60.0  # exponentials of scores no larger than this need no shift, in single precision too
FAR_BELOW = -1e30


@dataclass
class Attention:
    """What attend leaves for attend_back."""

    exponentials: Array  # (N, heads, T, T)
    reciprocals: Array  # (N, heads, T, 1)
    output: Array  # (N, T, heads, value width)
    kept: Array | None  # (N, heads, T, T) bool, False where dropout struck
    factor: float  # 1 / (1 - rate)


def attend(
    query: Array,
    key: Array,
    value: Array,
    *,
    mask: Array | None = None,
    pattern: Array | None = None,
    kept: Array | None = None,
    rate: float = 0.0,
    uniform: bool = True,
) -> Attention:
    """O = softmax(Q Kᵀ) V for each head.

    query, key: (N, T, heads, K), value: (N, T, heads, V); views with any strides over the first three axes.
    mask: (N, T) bool, False for padding: no step looks at it, and where it would look itself, all weights are equal,
    or 0 unless `uniform`. pattern: (T, T) bool, False where a step (row) may not look; the diagonal is True.
    kept: (N, heads, T, T) bool, False where a weight is dropped, with `rate`, the share of such places.
    """
    batch, steps, heads, _ = query.shape
    dtype = query.dtype
    exponentials = np.empty((batch, heads, steps, steps), dtype)
    reciprocals = np.zeros((batch, heads, steps, 1), dtype)
    output = np.empty((batch, steps, heads, value.shape[3]), dtype)
    ones = np.ones((steps, 1), dtype)
    allowed = None if pattern is None else pattern.astype(dtype)
    real = None if mask is None else mask.astype(dtype)
    factor = 1.0 / (1.0 - rate)
    q, kt, v, o = _heads(query), key.transpose(0, 2, 3, 1), _heads(value), _heads(output)
    for part in _blocks(batch, heads * steps * steps * dtype.itemsize):
        e, r = exponentials[part], reciprocals[part]
        np.matmul(q[part], kt[part], out=e)
        if not (e.max(initial=0.0) < SAFE and e.min(initial=0.0) > -SAFE):
            if pattern is not None:
                np.copyto(e, FAR_BELOW, where=~pattern)
            if mask is not None:
                np.copyto(e, FAR_BELOW, where=~mask[part, None, None, :])
            e -= e.max(axis=-1, keepdims=True)
        np.exp(e, out=e)
        if allowed is not None:
            e *= allowed
        if mask is not None and real is not None:
            e *= real[part, None, None, :]
            np.copyto(e, 1.0 if uniform else 0.0, where=~mask[part, None, :, None])
        total = (e.reshape(-1, steps) @ ones).reshape(r.shape)
        np.divide(1.0, total, out=r, where=total > 0)
        if kept is None:
            np.matmul(e, v[part], out=o[part])
            o[part] *= r
        else:
            np.matmul(e * kept[part], v[part], out=o[part])
            o[part] *= r * factor
    return Attention(exponentials, reciprocals, output, kept, factor)


def attend_back(
    slope: Array,
    done: Attention,
    query: Array,
    key: Array,
    value: Array,
    dquery: Array,
    dkey: Array,
    dvalue: Array,
    *,
    mask: Array | None = None,
) -> None:
    """Write the gradients into dquery, dkey, dvalue, views like query, key, value. slope: d loss / d O, overwritten."""
    batch, steps, heads, width = slope.shape
    dtype = slope.dtype
    product = (slope * done.output).reshape(-1, width)
    delta = (product @ np.ones((width, 1), dtype)).reshape(batch, steps, heads, 1).transpose(0, 2, 1, 3)
    delta = delta * done.reciprocals  # (N, heads, T, 1)
    s = _heads(slope)
    s *= done.reciprocals
    q, k, vt = _heads(query), _heads(key), value.transpose(0, 2, 3, 1)
    dq, dk, dv = _heads(dquery), _heads(dkey), _heads(dvalue)
    for part in _blocks(batch, 2 * heads * steps * steps * dtype.itemsize):
        e = done.exponentials[part]
        scores = s[part] @ vt[part]
        if done.kept is None:
            np.matmul(e.swapaxes(2, 3), s[part], out=dv[part])
        else:
            dropped = done.kept[part] * dtype.type(done.factor)
            scores *= dropped
            dropped *= e
            np.matmul(dropped.swapaxes(2, 3), s[part], out=dv[part])
        scores -= delta[part]
        scores *= e
        if mask is not None:  # where padding looks, the weights are constant
            np.copyto(scores, 0.0, where=~mask[part, None, :, None])
        np.matmul(scores, k[part], out=dq[part])
        np.matmul(scores.swapaxes(2, 3), q[part], out=dk[part])


def _heads(x: Array) -> Array:
    """(N, T, heads, K) -> (N, heads, T, K)."""
    return x.transpose(0, 2, 1, 3)


def _blocks(batch: int, row_bytes: int) -> Iterator[slice]:
    size = max(1, BLOCK_BYTES // max(row_bytes, 1))
    for start in range(0, batch, size):
        yield slice(start, min(start + size, batch))
