"""Arrays (rows, channels) with one number for each channel: sums down the columns, and scale-and-shift along rows.

NumPy pays for every row of such an array anew, which is dear where channels are few. So several rows are laid side by
side (a reshape), and the work goes in blocks that stay in a core's cache, which saves temporaries as large as x.
Sums of a block are products with ones, the fastest sums NumPy has; blocks are added up in float64.

In all of them x: (M, C), and a vector for the channels is (C,) in x's dtype. `centre` is subtracted from x first;
None saves that step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.elementwise import INFINITY

# Numbers side by side. From 4097 on, a row that is added to all rows costs no more than an array of full size; below,
# NumPy (2.4) takes twice as long.
WIDTH = 8192
BLOCK = 65_536  # numbers that are worked on at a time


def layout(rows: int, channels: int) -> Iterator[tuple[int, list[slice]]]:
    """How many rows lie side by side, and the slices of rows of which that holds; what is left over comes singly."""
    side = min(max(1, WIDTH // max(channels, 1)), max(rows, 1))
    step = max(1, BLOCK // max(side * channels, 1)) * side
    whole = rows - rows % side
    yield side, [slice(start, min(start + step, whole)) for start in range(0, whole, step)]
    if whole < rows:
        yield 1, [slice(whole, rows)]


def total_and_squares(x: Array, centre: Array | None) -> tuple[Array, Array]:
    """Σ (x - centre) and Σ (x - centre)² over rows, in float64."""
    rows, channels = x.shape
    plain, squares = np.zeros(channels), np.zeros(channels)
    for side, parts in layout(rows, channels):
        middle = None if centre is None else repeat(centre, side)
        sums = np.zeros((2, side * channels))
        for part in parts:
            source = x[part].reshape(-1, side * channels)
            if middle is not None:
                source = source - middle
            ones = np.ones(len(source), x.dtype)
            sums[0] += ones @ source
            sums[1] += ones @ (source * source)
        folded = np.add.reduce(sums.reshape(2, side, channels), axis=1)
        plain += folded[0]
        squares += folded[1]
    return plain, squares


def total_and_product(
    dy: Array, x: Array, centre: Array | None, gate: Array | None = None
) -> tuple[Array, Array, Array]:
    """Σ dy and Σ dy (x - centre) over rows, in float64, and dy. gate: dy counts where it is positive, and is given back
    with zeros elsewhere, as a new array."""
    rows, channels = x.shape
    given, dy = dy, dy if gate is None else np.empty_like(dy)
    plain, product = np.zeros(channels), np.zeros(channels)
    for side, parts in layout(rows, channels):
        middle = None if centre is None else repeat(centre, side)
        sums = np.zeros((2, side * channels))
        for part in parts:
            slope, source = dy[part].reshape(-1, side * channels), x[part].reshape(-1, side * channels)
            if gate is not None:
                np.multiply(given[part].reshape(slope.shape), gate[part].reshape(slope.shape) > 0, out=slope)
            ones = np.ones(len(source), x.dtype)
            sums[0] += ones @ slope
            if middle is None:
                sums[1] += ones @ (source * slope)
            else:
                gap = source - middle
                gap *= slope
                sums[1] += ones @ gap
        folded = np.add.reduce(sums.reshape(2, side, channels), axis=1)
        plain += folded[0]
        product += folded[1]
    return plain, product, dy


def scale_and_shift(
    x: Array, scale: Array, shift: Array | None, centre: Array | None = None, *, rectify: bool = False
) -> Array:
    """(x - centre) scale + shift, as a new array; rectify: no less than 0."""
    rows, channels = x.shape
    y = np.empty_like(x)
    for side, parts in layout(rows, channels):
        factor = repeat(scale, side)
        summand = None if shift is None else repeat(shift, side)
        middle = None if centre is None else repeat(centre, side)
        for part in parts:
            source, out = x[part].reshape(-1, side * channels), y[part].reshape(-1, side * channels)
            if middle is not None:
                source = np.subtract(source, middle, out=out)
            np.multiply(source, factor, out=out)
            if summand is not None:
                out += summand
            if rectify:
                out.clip(0.0, INFINITY, out=out)
    return y


def mix(
    dy: Array,
    scale: Array,
    x: Array,
    weight: Array,
    shift: Array,
    centre: Array | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """dy scale + (x - centre) weight + shift, as a new array, or in `out`, which may be dy."""
    rows, channels = x.shape
    dx = np.empty_like(dy) if out is None else out
    for side, parts in layout(rows, channels):
        factor, other, summand = repeat(scale, side), repeat(weight, side), repeat(shift, side)
        middle = None if centre is None else repeat(centre, side)
        for part in parts:
            slope, source, target = (array[part].reshape(-1, side * channels) for array in (dy, x, dx))
            if middle is None:
                gap = source * other
            else:
                gap = source - middle
                gap *= other
            np.multiply(slope, factor, out=target)
            target += gap
            target += summand
    return dx


def repeat(vector: Array, side: int) -> Array:
    """The vector `side` times over; three times as fast as np.tile."""
    repeated = np.empty((side, len(vector)), vector.dtype)
    repeated[:] = vector
    return repeated.reshape(-1)
