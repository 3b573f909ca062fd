"""The gated recurrent unit without a backward to come: the steps of kernels.gru, in memory that stays in cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.gru import G, Q, R, Z, pack
from seqnet.kernels.recurrent import ALL, Weights, padded_steps


def run(
    xs: Sequence[Array],
    weights: Sequence[Weights],
    starts: Sequence[Array | None],
    padding: Array | None,
    *,
    last: bool,
) -> Array:
    """h of each step, (D, T, N, U), or with `last` of the last one, (D, 1, N, U).

    The arguments are those of kernels.gru.forward.
    """
    steps, count, width = xs[0].shape
    units, directions, dtype = weights[0].recurrent.shape[0], len(xs), xs[0].dtype
    both, candidate, inner = pack(weights, width, units)
    both = both.swapaxes(0, 1)
    rows = np.ones((directions, count, width + 1 + units), dtype)
    of_x, of_h, hidden = rows[..., : width + 1], rows[..., width:], rows[..., width + 1 :]
    for d, start in enumerate(starts):
        hidden[d] = 0.0 if start is None else start
    now = np.empty((4, directions, count, units), dtype)  # the gates come first: what is computed together is one run
    sigmoids, q, g = now[:Q], now[Q], now[G]
    if padding is not None:
        padding = padding[..., None]
    skips = padded_steps(padding, steps)
    ys = np.empty((directions, 1 if last else steps, count, units), dtype)
    work = np.empty_like(q)
    for t in range(steps):
        if skips[t] != ALL:
            before = hidden.copy() if skips[t] else None
            for d, x in enumerate(xs):
                rows[d, :, :width] = x[t]
            np.matmul(of_x, candidate, out=g)
            np.matmul(rows, both, out=sigmoids)
            np.matmul(of_h, inner, out=q)
            np.tanh(sigmoids, out=sigmoids)
            np.add(sigmoids, 1.0, out=sigmoids)
            np.multiply(now[R], q, out=work)
            np.add(g, work, out=g)
            np.tanh(g, out=g)
            np.subtract(hidden, g, out=work)
            np.multiply(work, now[Z], out=work)
            np.multiply(work, 0.5, out=work)
            np.add(g, work, out=hidden)
            if before is not None:
                assert padding is not None
                np.copyto(hidden, before, where=padding[:, t])
        if not last:
            ys[:, t] = hidden
    if last:
        ys[:, 0] = hidden
    return ys
