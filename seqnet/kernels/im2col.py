"""Convolution as matrix products over gathered windows: any stride, dilation and padding.

The windows of a few images, or of a few rows of one, are copied into scratch memory that stays in the cache, one row
of a matrix each; what follows is a product with the kernel. Backward gathers them again instead of keeping them.

x: (N, D, H, W, C), kernel: (kD, kH, kW, C, F), y: (N, D', H', W', F), all contiguous.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.products import MANY_ROWS, multiply, summed
from seqnet.kernels.windows import Scratch, Windows, blocks, carve, covered, padding_shape, whole_pixels, window_view

BLOCK_BYTES = 400_000  # of gathered windows at a time: they stay in the second-level cache beside what they meet


def forward(x: Array, kernel: Array, windows: Windows, scratch: Scratch, y: Array) -> None:
    """y = the windows of x times the kernel, written into y."""
    weights = kernel.reshape(-1, kernel.shape[-1])  # (K, F)
    for images, start, stop in _blocks(len(x), kernel, windows):
        columns = _gather(x[images], windows, start, stop, scratch)
        multiply(columns, weights, _rows(y[images], windows, start, stop))


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    """dkernel = Σ over windows of windowᵀ dy, shaped as the kernel."""
    dkernel = np.empty_like(kernel)
    total = dkernel.reshape(-1, kernel.shape[-1])
    for number, (images, start, stop) in enumerate(_blocks(len(x), kernel, windows)):
        columns = _gather(x[images], windows, start, stop, scratch)
        rows = _rows(dy[images], windows, start, stop)
        if number == 0:
            np.copyto(total, summed(columns, rows))
        else:
            total += summed(columns, rows)
    return dkernel


def input_gradient(dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    """dx: each window of dx receives dy times the transposed kernel."""
    channels = kernel.shape[3]
    weights = kernel.reshape(-1, kernel.shape[-1]).T  # (F, K)
    if len(dy) * windows.positions >= MANY_ROWS:
        weights = np.ascontiguousarray(weights)
    dx = np.zeros((len(dy), *windows.size, channels), dy.dtype)
    apart = all(windows.reach(axis) <= windows.strides[axis] for axis in range(3))  # no position in two windows
    for images, start, stop in _blocks(len(dy), kernel, windows):
        rows = _rows(dy[images], windows, start, stop)
        columns = scratch((len(rows), windows.taps * channels), dy.dtype)
        multiply(rows, weights, columns)
        counts, _ = windows.block(windows.block_axis, start, stop)
        parts = columns.reshape(-1, *counts, windows.taps, channels)
        target = dx[images]
        if apart:
            parts, target = whole_pixels(parts), whole_pixels(target)
        for tap, (there, here) in enumerate(_taps(windows, start, stop)):
            if apart:
                target[(slice(None), *here)] = parts[(slice(None), *there, tap)]
            else:
                target[(slice(None), *here)] += parts[(slice(None), *there, tap)]
    return dx


def _blocks(images: int, kernel: Array, windows: Windows) -> Iterator[tuple[slice, int, int]]:
    rows = windows.out[windows.block_axis]
    row_bytes = windows.positions // rows * windows.taps * kernel.shape[3] * kernel.itemsize
    return blocks(images, rows, row_bytes, BLOCK_BYTES)


def _rows(y: Array, windows: Windows, start: int, stop: int) -> Array:
    """The rows start … stop of y along the axis of the blocks: (P, F), a view."""
    axis = windows.block_axis
    if stop - start < windows.out[axis]:
        y = y[(slice(None),) * (axis + 1) + (slice(start, stop),)]  # of one image, so still contiguous
    return y.reshape(-1, y.shape[-1])


def _taps(windows: Windows, start: int, stop: int) -> Iterator[tuple[Any, Any]]:
    """For each position in a window: where it lies in the block's windows, and where in the image."""
    per_axis = []
    for axis in range(3):
        low, high = (start, stop) if axis == windows.block_axis else (0, windows.out[axis])
        found = [windows.overlap(axis, tap, low, high) for tap in range(windows.kernel[axis])]
        per_axis.append([(slice(w.start - low, w.stop - low) if w.stop else w, p) for w, p in found])
    for d in per_axis[0]:
        for h in per_axis[1]:
            for w in per_axis[2]:
                yield (d[0], h[0], w[0]), (d[1], h[1], w[1])


def _gather(x: Array, windows: Windows, start: int, stop: int, scratch: Scratch) -> Array:
    """The block's windows as rows: (P, K), K = taps · C."""
    channels = x.shape[-1]
    counts, spans = windows.block(windows.block_axis, start, stop)
    shape = (len(x), *counts, *windows.kernel, channels)
    columns, buffer = carve(scratch, x.dtype, shape, padding_shape(x, windows, spans))
    view = window_view(whole_pixels(covered(x, windows, spans, buffer)), windows, counts)
    np.copyto(whole_pixels(columns), view)
    return columns.reshape(-1, windows.taps * channels)
