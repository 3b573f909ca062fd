"""The gated recurrent unit with tanh and sigmoid, reset after the product, over whole sequences.

Made as the kernel of the long short-term memory is, where the reasons stand. Several directions (D) run side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.recurrent import ALL, CHUNK, Weights, padded_steps, sum_of_products

# What is kept of a step: the gates r and z as 2 sigmoid, the half q of the product of h and the bias that belongs to
# it, and the candidate g = tanh(x kernel + 2 r q). Keras's columns are z, r, g.
R, Z, Q, G = 0, 1, 2, 3
ORDER = (1, 0, 2)
# Backward leaves out constant factors; with s = 2 sigmoid, these are what is missing in each gate.
MISSING = (0.25, 0.25, 0.25, 0.5)


class Tape(NamedTuple):
    """What a forward leaves for its backward, which overwrites it.

    gates: (D, 4, T, N, U). rows: (D, T + 1, N, I + 1 + U), what the weights were multiplied with: x, 1, and h of the
    step before. padding: (D, T, N, 1), True where a step is skipped.
    """

    gates: Array
    rows: Array
    padding: Array | None
    width: int  # of x

    @property
    def hidden(self) -> Array:
        """h. (D, T + 1, N, U): before the first step, and after each."""
        return self.rows[..., self.width + 1 :]


def forward(
    xs: Sequence[Array], weights: Sequence[Weights], starts: Sequence[Array | None], padding: Array | None
) -> Tape:
    """Run over all steps.

    xs: (T, N, I) for each direction, in the order in which it reads. weights: with biases (2, 3U). starts: h, (N, U),
    None for zeros. padding: (D, T, N), True where a step leaves the state as it is.
    """
    steps, count, width = xs[0].shape
    units = weights[0].recurrent.shape[0]
    dtype, directions = xs[0].dtype, len(xs)
    both, candidate, inner = pack(weights, width, units)
    gates = np.empty((directions, 4, steps, count, units), dtype)
    rows = np.empty((directions, steps + 1, count, width + 1 + units), dtype)
    if padding is not None:
        padding = padding[..., None]
    tape = Tape(gates, rows, padding, width)
    hidden = tape.hidden
    rows[..., width] = 1.0
    for d, (x, start) in enumerate(zip(xs, starts, strict=True)):
        rows[d, :steps, :, :width] = x
        hidden[d, 0] = 0.0 if start is None else start
        flat = rows[d, :steps].reshape(steps * count, -1)[:, : width + 1]
        np.matmul(flat, candidate[d], out=gates[d, G].reshape(steps * count, units))
    skips = padded_steps(padding, steps)
    work = np.empty((directions, count, units), dtype)
    for t in range(steps):
        now, h, after = gates[:, :, t], hidden[:, t], hidden[:, t + 1]
        if skips[t] == ALL:
            now[...] = 0.0
            after[...] = h
            continue
        sigmoids, q, g = now[:, :Q], now[:, Q], now[:, G]
        np.matmul(rows[:, None, t], both, out=sigmoids)
        np.matmul(rows[:, t, :, width:], inner, out=q)
        np.tanh(sigmoids, out=sigmoids)
        np.add(sigmoids, 1.0, out=sigmoids)
        np.multiply(now[:, R], q, out=work)
        np.add(g, work, out=g)
        np.tanh(g, out=g)
        np.subtract(h, g, out=work)
        np.multiply(work, now[:, Z], out=work)
        np.multiply(work, 0.5, out=work)
        np.add(g, work, out=after)
        if skips[t]:
            assert padding is not None
            np.copyto(after, h, where=padding[:, t])
    return tape


def backward(tape: Tape, weights: Sequence[Weights], dys: Sequence[Array], *, last: bool) -> Array:
    """The gradients of r's and z's inputs, of 2 q and of g's input but for the factors MISSING, (D, 4, T, N, U);
    written over the tape.

    dys: for each direction (T, N, U), or with `last` (N, U), what reaches the last h alone.
    """
    gates = tape.gates
    directions, _, steps, count, units = gates.shape
    dtype = gates.dtype
    back = np.empty((directions, 3, units, units), dtype)
    for d, one in enumerate(weights):
        for j, source in enumerate(ORDER):
            np.multiply(one.recurrent[:, source * units : (source + 1) * units].T, MISSING[j], out=back[d, j])
    dh = np.zeros((directions, count, units), dtype)
    if last:
        for d, dy in enumerate(dys):
            dh[d] = dy
    part, products = np.empty_like(dh), np.empty((directions, 3, count, units), dtype)
    skips = padded_steps(tape.padding, steps)
    length = max(1, CHUNK // (10 * directions * count * units * dtype.itemsize))
    for stop in range(steps, 0, -length):
        start = max(0, stop - length)
        slopes, keep = _prepare(tape, start, stop)
        for t in range(stop - 1, start - 1, -1):
            k, e = t - start, gates[:, :, t]
            if not last:
                for d, dy in enumerate(dys):
                    dh[d] += dy[t]
            if skips[t] == ALL:
                e[...] = 0.0
                continue
            np.multiply(dh[:, None], slopes[:, :, k], out=e)
            np.matmul(e[:, :G], back, out=products)
            np.multiply(dh, keep[:, k], out=dh)
            np.add.reduce(products, axis=1, out=part)
            np.add(dh, part, out=dh)
    return gates


def _prepare(tape: Tape, start: int, stop: int) -> tuple[Array, Array]:
    """What backward multiplies dh with in the steps from `start` to `stop`.

    slopes: (D, 4, K, N, U), of each gate; keep: (D, K, N, U), from dh to dh before.
    """
    now, before = tape.gates[:, :, start:stop], tape.hidden[:, start:stop]
    slopes = np.empty_like(now)
    pair, r, z, g = slopes[:, :Q], slopes[:, R], slopes[:, Z], slopes[:, G]
    np.subtract(2.0, now[:, :Q], out=pair)
    np.multiply(now[:, G], now[:, G], out=g)
    np.subtract(1.0, g, out=g)
    np.multiply(g, z, out=g)
    np.multiply(pair, now[:, :Q], out=pair)
    np.multiply(g, now[:, R], out=slopes[:, Q])
    np.multiply(r, g, out=r)
    np.multiply(r, now[:, Q], out=r)
    keep = before - now[:, G]
    np.multiply(z, keep, out=z)
    np.multiply(now[:, Z], 0.5, out=keep)
    if tape.padding is not None:
        padding = tape.padding[:, start:stop]
        np.copyto(slopes, 0.0, where=padding[:, None])
        np.copyto(keep, 1.0, where=padding)
    return slopes, keep


def weight_gradients(tape: Tape, e: Array, d: int) -> tuple[Array, Array, Array]:
    """dkernel (I, 3U), drecurrent (U, 3U) and dbias (2, 3U) of direction d, from what backward returned."""
    _, _, steps, count, units = e.shape
    width = tape.width
    rows = tape.rows[d, :steps].reshape(steps * count, -1)
    flat = e[d].reshape(4, steps * count, units)
    whole = np.empty((rows.shape[1], 3 * units), e.dtype)
    bias = np.empty((2, 3 * units), e.dtype)
    for j, source in enumerate(ORDER[:2]):
        columns = slice(source * units, (source + 1) * units)
        np.matmul(rows.T, flat[j], out=whole[:, columns])
        whole[:, columns] *= MISSING[j]
        bias[:, columns] = whole[width, columns]
    columns = slice(2 * units, 3 * units)
    seen = np.matmul(rows[:, : width + 1].T, flat[G])
    seen *= MISSING[G]
    whole[:width, columns], bias[0, columns] = seen[:width], seen[width]
    np.matmul(rows[:, width:].T, flat[Q], out=whole[width:, columns])
    whole[width:, columns] *= MISSING[Q]
    bias[1, columns] = whole[width, columns]
    return whole[:width], whole[width + 1 :], bias


def input_gradient(e: Array, kernel: Array, d: int) -> Array:
    """dx of direction d, (T, N, I)."""
    units = e.shape[-1]
    columns = [kernel[:, source * units : (source + 1) * units] for source in ORDER]
    return sum_of_products([e[d, R], e[d, Z], e[d, G]], columns, (MISSING[R], MISSING[Z], MISSING[G]))


def pack(weights: Sequence[Weights], width: int, units: int) -> tuple[Array, Array, Array]:
    """What rows are multiplied with: for r and z (D, 2, I + 1 + U, U), from x and 1 for g (D, I + 1, U), and from 1
    and h for q (D, 1 + U, U)."""
    dtype = weights[0].kernel.dtype
    both = np.zeros((len(weights), 2, width + 1 + units, units), dtype)
    candidate = np.zeros((len(weights), width + 1, units), dtype)
    inner = np.zeros((len(weights), 1 + units, units), dtype)
    for d, (kernel, recurrent, bias) in enumerate(weights):
        for j, source in enumerate(ORDER[:2]):
            columns = slice(source * units, (source + 1) * units)
            np.multiply(kernel[:, columns], 0.5, out=both[d, j, :width])
            np.multiply(recurrent[:, columns], 0.5, out=both[d, j, width + 1 :])
            if bias is not None:
                np.add(bias[0, columns], bias[1, columns], out=both[d, j, width])
                both[d, j, width] *= 0.5
        columns = slice(2 * units, 3 * units)
        candidate[d, :width] = kernel[:, columns]
        np.multiply(recurrent[:, columns], 0.5, out=inner[d, 1:])
        if bias is not None:
            candidate[d, width] = bias[0, columns]
            np.multiply(bias[1, columns], 0.5, out=inner[d, 0])
    return both, candidate, inner
