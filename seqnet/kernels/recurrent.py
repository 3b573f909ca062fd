"""What the recurrent kernels share: weights of a direction, which steps are padding, and sums over gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqnet.arrays import Array

SOME, ALL = 1, 2  # rows of a step that are padding
CHUNK = 1 << 20  # bytes that the steps prepared at once for backward may take: what stays in a core's cache


class Weights(NamedTuple):
    """One direction's, as Keras keeps them, for G gates: kernel (I, G U), recurrent (U, G U), and the bias."""

    kernel: Array
    recurrent: Array
    bias: Array | None


def padded_steps(padding: Array | None, steps: int) -> list[int]:
    """For each step 0, SOME or ALL, from padding (D, T, N, 1)."""
    if padding is None:
        return [0] * steps
    return [int(padding[:, t].any()) + int(padding[:, t].all()) for t in range(steps)]


def sum_of_products(parts: Sequence[Array], columns: Sequence[Array], factors: Sequence[float]) -> Array:
    """Σ over gates of factor e columnsᵀ. parts: e of each gate, (T, N, U), columns: (I, U) -> (T, N, I)."""
    steps, count, units = parts[0].shape
    total = np.empty((steps * count, columns[0].shape[0]), parts[0].dtype)
    part = np.empty_like(total)
    for j, (e, one, factor) in enumerate(zip(parts, columns, factors, strict=True)):
        # A transposed operand would cost the product a fifth of its speed.
        turned = np.ascontiguousarray((one * factor).T)
        np.matmul(e.reshape(steps * count, units), turned, out=part if j else total)
        if j:
            total += part
    return total.reshape(steps, count, -1)
