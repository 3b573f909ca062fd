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

WIDTH = 1024  # numbers side by side, from which NumPy's cost for each row no longer shows
BLOCK = 65_536  # numbers that are worked on at a time


def layout(rows: int, channels: int) -> Iterator[tuple[int, list[slice]]]:
    """How many rows lie side by side, and the slices of rows of which that holds; what is left over comes singly."""
    side = min(max(1, WIDTH // max(channels, 1)), max(rows, 1))
    step = max(1, BLOCK // max(side * channels, 1)) * side
    whole = rows - rows % side
    yield side, [slice(start, min(start + step, whole)) for start in range(0, whole, step)]
    if whole < rows:
        yield 1, [slice(whole, rows)]


def total(x: Array) -> Array:
    """Σ x over rows, in float64."""
    rows, channels = x.shape
    result = np.zeros(channels)
    for side, parts in layout(rows, channels):
        for part in parts:
            result += _down(x[part].reshape(-1, side * channels), channels)
    return result


def total_of_squares(x: Array, centre: Array) -> Array:
    """Σ (x - centre)² over rows, in float64."""
    rows, channels = x.shape
    result = np.zeros(channels)
    for side, parts in layout(rows, channels):
        middle = np.tile(centre, side)
        for part in parts:
            gap = x[part].reshape(-1, side * channels) - middle
            gap *= gap
            result += _down(gap, channels)
    return result


def total_and_product(dy: Array, x: Array, centre: Array | None) -> tuple[Array, Array]:
    """Σ dy and Σ dy (x - centre) over rows, in float64."""
    rows, channels = x.shape
    plain, product = np.zeros(channels), np.zeros(channels)
    for side, parts in layout(rows, channels):
        middle = None if centre is None else np.tile(centre, side)
        for part in parts:
            slope, source = dy[part].reshape(-1, side * channels), x[part].reshape(-1, side * channels)
            plain += _down(slope, channels)
            if middle is None:
                gap = source * slope
            else:
                gap = source - middle
                gap *= slope
            product += _down(gap, channels)
    return plain, product


def scale_and_shift(x: Array, scale: Array, shift: Array, centre: Array | None = None) -> Array:
    """(x - centre) scale + shift, as a new array."""
    rows, channels = x.shape
    y = np.empty_like(x)
    for side, parts in layout(rows, channels):
        factor, summand = np.tile(scale, side), np.tile(shift, side)
        middle = None if centre is None else np.tile(centre, side)
        for part in parts:
            source, out = x[part].reshape(-1, side * channels), y[part].reshape(-1, side * channels)
            if middle is not None:
                source = np.subtract(source, middle, out=out)
            np.multiply(source, factor, out=out)
            out += summand
    return y


def mix(dy: Array, scale: Array, x: Array, weight: Array, shift: Array, centre: Array | None = None) -> Array:
    """dy scale + (x - centre) weight + shift, as a new array."""
    rows, channels = x.shape
    dx = np.empty_like(dy)
    for side, parts in layout(rows, channels):
        factor, other, summand = np.tile(scale, side), np.tile(weight, side), np.tile(shift, side)
        middle = None if centre is None else np.tile(centre, side)
        for part in parts:
            slope, source, out = (array[part].reshape(-1, side * channels) for array in (dy, x, dx))
            if middle is None:
                gap = source * other
            else:
                gap = source - middle
                gap *= other
            np.multiply(slope, factor, out=out)
            out += gap
            out += summand
    return dx


def _down(wide: Array, channels: int) -> Array:
    """Column sums of rows laid side by side, in float64."""
    sums = np.ones(len(wide), wide.dtype) @ wide
    exact: Array = np.add.reduce(sums.reshape(-1, channels), axis=0, dtype=np.float64)
    return exact
