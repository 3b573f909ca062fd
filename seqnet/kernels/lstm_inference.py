"""The long short-term memory without a backward to come: the steps of kernels.lstm, in memory that stays in cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.lstm import OUT, C, G, pack
from seqnet.kernels.recurrent import ALL, Weights, padded_steps


def run(
    xs: Sequence[Array],
    weights: Sequence[Weights],
    starts: Sequence[tuple[Array, Array] | None],
    padding: Array | None,
    *,
    last: bool,
) -> tuple[Array, Array]:
    """h of each step, (D, T, N, U), or with `last` of the last one, (D, 1, N, U); and the last c, (D, N, U).

    The arguments are those of kernels.lstm.forward.
    """
    steps, count, width = xs[0].shape
    units, directions, dtype = weights[0].recurrent.shape[0], len(xs), xs[0].dtype
    packed = pack(weights, width, units).swapaxes(0, 1)
    rows = np.ones((directions, count, width + 1 + units), dtype)
    hidden = rows[..., width + 1 :]
    now = np.empty((5, directions, count, units), dtype)  # the gates come first: what is computed together is one run
    z, sigmoids, carry = now[:C], now[:G], now[C]
    for d, start in enumerate(starts):
        hidden[d], carry[d] = (0.0, 0.0) if start is None else (start[0] * 2.0, start[1])
    if padding is not None:
        padding = padding[..., None]
    skips = padded_steps(padding, steps)
    ys = np.empty((directions, 1 if last else steps, count, units), dtype)
    work, squashed = np.empty((2, directions, count, units), dtype), np.empty_like(carry)
    for t in range(steps):
        if skips[t] != ALL:
            before = (hidden.copy(), carry.copy()) if skips[t] else None
            for d, x in enumerate(xs):
                rows[d, :, :width] = x[t]
            np.matmul(rows, packed, out=z)
            np.tanh(z, out=z)
            np.add(sigmoids, 1.0, out=sigmoids)
            np.multiply(now[1:3], now[G:], out=work)  # (i, f) (g, c)
            np.add(work[0], work[1], out=carry)
            np.multiply(carry, 0.5, out=carry)
            np.tanh(carry, out=squashed)
            np.multiply(now[OUT], squashed, out=hidden)
            if before is not None:
                assert padding is not None
                np.copyto(hidden, before[0], where=padding[:, t])
                np.copyto(carry, before[1], where=padding[:, t])
        if not last:
            ys[:, t] = hidden
    if last:
        ys[:, 0] = hidden
    ys *= 0.5
    return ys, carry
