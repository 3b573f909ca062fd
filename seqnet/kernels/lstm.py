"""The long short-term memory with tanh and sigmoid, over whole sequences: many times faster than step by step.

What makes it fast: one matrix product a step, for x, bias and h together, whose result the gates overwrite; each gate
a contiguous block, so that elementwise work runs at full speed; sigmoid(z) = (1 + tanh(z/2)) / 2, so that one tanh
serves all gates, with the halves folded into the weights; and in backward, everything that does not depend on the
recurrence done for many steps at once, and the gradients of the weights in one product at the end.

Several directions (D) run side by side, for layers that read a sequence both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.recurrent import ALL, CHUNK, Weights, padded_steps, sum_of_products

# Gates are kept in the order o, i, f, g (g the candidate), followed by the carry that came into the step: so the
# sigmoids are neighbours, (i, f) multiplies (g, c) in one call, and so are the three gates that the carry's gradient
# reaches. Keras's columns are i, f, g, o.
ORDER = (3, 0, 1, 2)
OUT, G, C = 0, 3, 4
INTO = (0.5, 0.5, 0.5, 1.0)  # folded into the weights: tanh takes z/2 where the gate is a sigmoid
# Backward leaves out constant factors; with s = 2 sigmoid and p = 2 dcarry, these are what is missing in each gate.
MISSING = (0.25, 0.125, 0.125, 0.25)


class Tape(NamedTuple):
    """What a forward leaves for its backward, which overwrites it.

    gates: (D, 5, T + 1, N, U), as 2 sigmoid or tanh; step T holds the last carry alone.
    rows: (D, T + 1, N, I + 1 + U), what the weights were multiplied with: x, 1, and 2 h of the step before.
    squashed: (D, T, N, U), tanh of each step's new carry. padding: (D, T, N, 1), True where a step is skipped.
    """

    gates: Array
    rows: Array
    squashed: Array
    padding: Array | None
    width: int  # of x

    @property
    def hidden(self) -> Array:
        """2 h. (D, T + 1, N, U): before the first step, and after each."""
        return self.rows[..., self.width + 1 :]

    @property
    def carries(self) -> Array:
        """c. (D, T + 1, N, U): before the first step, and after each."""
        return self.gates[:, C]


def forward(
    xs: Sequence[Array],
    weights: Sequence[Weights],
    starts: Sequence[tuple[Array, Array] | None],
    padding: Array | None,
) -> Tape:
    """Run over all steps.

    xs: (T, N, I) for each direction, in the order in which it reads. starts: h and c, (N, U), None for zeros.
    padding: (D, T, N), True where a step leaves the state as it is.
    """
    steps, count, width = xs[0].shape
    units = weights[0].recurrent.shape[0]
    dtype, directions = xs[0].dtype, len(xs)
    packed = pack(weights, width, units)
    gates = np.empty((directions, 5, steps + 1, count, units), dtype)
    rows = np.empty((directions, steps + 1, count, width + 1 + units), dtype)
    squashed = np.empty((directions, steps, count, units), dtype)
    if padding is not None:
        padding = padding[..., None]
    tape = Tape(gates, rows, squashed, padding, width)
    rows[..., width] = 1.0
    for d, (x, start) in enumerate(zip(xs, starts, strict=True)):
        rows[d, :steps, :, :width] = x
        if start is None:
            tape.hidden[d, 0], tape.carries[d, 0] = 0.0, 0.0
        else:
            np.multiply(start[0], 2.0, out=tape.hidden[d, 0])
            tape.carries[d, 0] = start[1]
    skips = padded_steps(padding, steps)
    hidden, work = tape.hidden, np.empty((directions, 2, count, units), dtype)
    first, second = work[:, 0], work[:, 1]
    for t in range(steps):
        now = gates[:, :, t]
        if skips[t] == ALL:
            now[:, :C] = 0.0
            squashed[:, t] = 0.0
            gates[:, C, t + 1] = now[:, C]
            hidden[:, t + 1] = hidden[:, t]
            continue
        z, sigmoids, carry = now[:, :C], now[:, :G], gates[:, C, t + 1]
        np.matmul(rows[:, None, t], packed, out=z)
        np.tanh(z, out=z)
        np.add(sigmoids, 1.0, out=sigmoids)
        np.multiply(now[:, 1:3], now[:, G:], out=work)  # (i, f) (g, c)
        np.add(first, second, out=carry)
        np.multiply(carry, 0.5, out=carry)
        np.tanh(carry, out=squashed[:, t])
        np.multiply(now[:, OUT], squashed[:, t], out=hidden[:, t + 1])
        if skips[t]:
            assert padding is not None
            np.copyto(carry, now[:, C], where=padding[:, t])
            np.copyto(hidden[:, t + 1], hidden[:, t], where=padding[:, t])
    return tape


def backward(tape: Tape, weights: Sequence[Weights], dys: Sequence[Array], *, last: bool) -> Array:
    """The gradients of the gates' inputs but for the factors MISSING, (D, 4, T, N, U); written over the tape.

    dys: for each direction (T, N, U), or with `last` (N, U), what reaches the last h alone.
    """
    gates, padding = tape.gates, tape.padding
    directions, _, steps, count, units = gates.shape
    steps -= 1
    dtype = gates.dtype
    back = np.empty((directions, 4, units, units), dtype)
    for d, one in enumerate(weights):
        for j, (source, factor) in enumerate(zip(ORDER, MISSING, strict=True)):
            np.multiply(one.recurrent[:, source * units : (source + 1) * units].T, factor, out=back[d, j])
    dh = np.zeros((directions, count, units), dtype)
    if last:
        for d, dy in enumerate(dys):
            dh[d] = dy
    p = np.zeros_like(dh)
    part, products = np.empty_like(dh), np.empty((directions, 4, count, units), dtype)
    skips = padded_steps(padding, steps)
    length = max(1, CHUNK // (11 * directions * count * units * dtype.itemsize))
    for stop in range(steps, 0, -length):
        start = max(0, stop - length)
        slopes, through, keep = _prepare(tape, start, stop)
        for t in range(stop - 1, start - 1, -1):
            k, e = t - start, gates[:, :C, t]
            if not last:
                for d, dy in enumerate(dys):
                    dh[d] += dy[t]
            if skips[t] == ALL:
                e[...] = 0.0
                continue
            np.multiply(dh, through[:, k], out=part)
            np.add(p, part, out=p)
            np.multiply(p[:, None], slopes[:, 1:, k], out=e[:, 1:])
            np.multiply(dh, slopes[:, OUT, k], out=e[:, OUT])
            np.multiply(p, keep[:, k], out=p)
            np.matmul(e, back, out=products)
            if skips[t]:
                assert padding is not None
                np.copyto(part, dh)
                np.add.reduce(products, axis=1, out=dh)
                np.copyto(dh, part, where=padding[:, t])
            else:
                np.add.reduce(products, axis=1, out=dh)
    return gates[:, :C, :steps]


def _prepare(tape: Tape, start: int, stop: int) -> tuple[Array, Array, Array]:
    """What backward multiplies with in the steps from `start` to `stop`, as far as no later step has a say in it.

    slopes: (D, 4, K, N, U), of each gate; through: (D, K, N, U), from dh to p; keep: (D, K, N, U), from p to p before.
    """
    now, squashed = tape.gates[:, :, start:stop], tape.squashed[:, start:stop]
    sigmoids, candidate = now[:, :G], now[:, G]
    slopes = np.empty_like(now[:, :C])
    three = slopes[:, :G]
    np.subtract(2.0, sigmoids, out=three)
    np.multiply(three, sigmoids, out=three)
    np.multiply(slopes[:, OUT], squashed, out=slopes[:, OUT])
    np.multiply(slopes[:, 1:G], now[:, G:], out=slopes[:, 1:G])
    np.multiply(candidate, candidate, out=slopes[:, G])
    np.subtract(1.0, slopes[:, G], out=slopes[:, G])
    np.multiply(slopes[:, G], now[:, 1], out=slopes[:, G])
    through = squashed * squashed
    np.subtract(1.0, through, out=through)
    np.multiply(through, now[:, OUT], out=through)
    keep = now[:, 2] * 0.5
    if tape.padding is not None:
        padding = tape.padding[:, start:stop]
        np.copyto(slopes, 0.0, where=padding[:, None])
        np.copyto(through, 0.0, where=padding)
        np.copyto(keep, 1.0, where=padding)
    return slopes, through, keep


def weight_gradients(tape: Tape, e: Array, d: int) -> tuple[Array, Array, Array]:
    """dkernel (I, 4U), drecurrent (U, 4U) and dbias (4U,) of direction d, from what backward returned."""
    _, _, steps, count, units = e.shape
    rows = tape.rows[d, :steps].reshape(steps * count, -1)
    products = np.matmul(rows.T, e[d].reshape(C, steps * count, units))  # (4, I + 1 + U, U)
    whole = np.empty((rows.shape[1], C * units), e.dtype)
    for j, (source, factor) in enumerate(zip(ORDER, MISSING, strict=True)):
        np.multiply(products[j], factor, out=whole[:, source * units : (source + 1) * units])
    recurrent = whole[tape.width + 1 :]
    recurrent *= 0.5  # the rows hold 2 h
    return whole[: tape.width], recurrent, whole[tape.width]


def input_gradient(e: Array, kernel: Array, d: int) -> Array:
    """dx of direction d, (T, N, I)."""
    units = e.shape[-1]
    columns = [kernel[:, source * units : (source + 1) * units] for source in ORDER]
    return sum_of_products(list(e[d]), columns, MISSING)


def pack(weights: Sequence[Weights], width: int, units: int) -> Array:
    """(D, 4, I + 1 + U, U): for each gate what x, 1 and 2 h are multiplied with."""
    packed = np.zeros((len(weights), C, width + 1 + units, units), weights[0].kernel.dtype)
    for d, one in enumerate(weights):
        for j, (source, factor) in enumerate(zip(ORDER, INTO, strict=True)):
            columns = slice(source * units, (source + 1) * units)
            np.multiply(one.kernel[:, columns], factor, out=packed[d, j, :width])
            if one.bias is not None:
                np.multiply(one.bias[columns], factor, out=packed[d, j, width])
            np.multiply(one.recurrent[:, columns], 0.5 * factor, out=packed[d, j, width + 1 :])
    return packed
