"""Convolution as matrix products over gathered windows: any stride, dilation, padding and number of groups.

The windows of a few images, or of a few rows of one, are copied into scratch memory that stays in the cache, one row
of a matrix each; what follows is a product with the kernel. Backward gathers them again instead of keeping them.

x: (N, D, H, W, C), kernel: (kD, kH, kW, C / groups, F), y: (N, D', H', W', F), all contiguous.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.windows import Scratch, Windows, blocks, carve, covered, padding_shape, window_view

BLOCK_BYTES = 393_216  # of gathered windows at a time: they stay in the second-level cache beside what they meet


def forward(x: Array, kernel: Array, windows: Windows, groups: int, scratch: Scratch, y: Array) -> None:
    """y = the windows of x times the kernel, written into y."""
    weights = _by_group(kernel, groups)  # (G, K, F/G)
    for images, start, stop, axis in _blocks(len(x), kernel, windows, groups, x.itemsize):
        columns = _gather(x[images], windows, groups, axis, start, stop, scratch)
        np.matmul(columns, weights, out=_rows(y[images], axis, start, stop, groups))


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, groups: int, scratch: Scratch) -> Array:
    """dkernel = Σ over windows of windowᵀ dy, shaped as the kernel."""
    dkernel = np.empty_like(kernel)
    total = _by_group(dkernel, groups)  # (G, K, F/G), a view
    first = True
    for images, start, stop, axis in _blocks(len(x), kernel, windows, groups, x.itemsize):
        columns = _gather(x[images], windows, groups, axis, start, stop, scratch).swapaxes(1, 2)  # (G, K, P)
        rows = _rows(dy[images], axis, start, stop, groups)
        if first:
            np.matmul(columns, rows, out=total)
        else:
            total += columns @ rows
        first = False
    return dkernel


def input_gradient(dy: Array, kernel: Array, windows: Windows, groups: int, scratch: Scratch) -> Array:
    """dx: each window of dx receives dy times the transposed kernel."""
    weights = _by_group(kernel, groups).swapaxes(1, 2)  # (G, F/G, K)
    width = kernel.shape[3]  # C / groups
    dx = np.zeros((len(dy), *windows.size, groups, width), dy.dtype)
    for images, start, stop, axis in _blocks(len(dy), kernel, windows, groups, dy.itemsize):
        rows = _rows(dy[images], axis, start, stop, groups)
        columns = scratch((groups, rows.shape[1], windows.taps * width), dy.dtype)
        np.matmul(rows, weights, out=columns)
        counts, _ = windows.block(axis, start, stop)
        parts = columns.reshape(groups, -1, *counts, windows.taps, width)
        target = dx[images]
        for tap, (there, here) in enumerate(_taps(windows, axis, start, stop)):
            for group in range(groups):
                target[(slice(None), *here, group)] += parts[(group, slice(None), *there, tap)]
    return dx.reshape(len(dy), *windows.size, groups * width)


def _by_group(kernel: Array, groups: int) -> Array:
    """(kD, kH, kW, C/G, F) -> a view (G, K, F/G)."""
    *_, width, filters = kernel.shape
    return kernel.reshape(-1, groups, filters // groups).swapaxes(0, 1)


def _blocks(
    images: int, kernel: Array, windows: Windows, groups: int, size: int
) -> Iterator[tuple[slice, int, int, int]]:
    axis = windows.block_axis
    rows = windows.out[axis]
    row_bytes = windows.positions // rows * windows.taps * kernel.shape[3] * groups * size
    for block in blocks(images, rows, row_bytes, BLOCK_BYTES):
        yield *block, axis


def _rows(y: Array, axis: int, start: int, stop: int, groups: int) -> Array:
    """The rows start … stop of y along a spatial axis, as a view (G, P, F/G)."""
    if stop - start < y.shape[axis + 1]:
        y = y[(slice(None),) * (axis + 1) + (slice(start, stop),)]  # of one image, so still contiguous
    return y.reshape(-1, groups, y.shape[-1] // groups).swapaxes(0, 1)


def _taps(windows: Windows, axis: int, start: int, stop: int) -> Iterator[tuple[Any, Any]]:
    """For each position in a window: where it lies in the block's windows, and where in the image."""
    per_axis = []
    for a in range(3):
        low, high = (start, stop) if a == axis else (0, windows.out[a])
        found = [windows.overlap(a, tap, low, high) for tap in range(windows.kernel[a])]
        per_axis.append([(slice(w.start - low, w.stop - low) if w.stop else w, p) for w, p in found])
    for d in per_axis[0]:
        for h in per_axis[1]:
            for w in per_axis[2]:
                yield (d[0], h[0], w[0]), (d[1], h[1], w[1])


def _gather(x: Array, windows: Windows, groups: int, axis: int, start: int, stop: int, scratch: Scratch) -> Array:
    """The block's windows as rows: (G, P, K), K = taps · C/G."""
    width = x.shape[-1] // groups
    counts, spans = windows.block(axis, start, stop)
    shape = (groups, len(x), *counts, *windows.kernel, width)
    columns, buffer = carve(scratch, x.dtype, shape, padding_shape(x, windows, spans))
    view = window_view(covered(x, windows, spans, buffer), windows, counts)
    by_group = view.reshape(*view.shape[:-1], groups, width) if groups > 1 else view[..., None, :]
    np.copyto(columns, np.moveaxis(by_group, -2, 0))
    return columns.reshape(groups, -1, windows.taps * width)
