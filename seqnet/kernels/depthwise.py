"""Depthwise convolution: every channel with a kernel of its own, so there is no matrix product to be had.

np.einsum multiplies and adds in one pass without a temporary; it runs over whole rows (W, C) at once because the
kernel is laid out once for every column.

x: (N, D, H, W, C), kernel: (kD, kH, kW, C), y: (N, D', H', W', C), all contiguous.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.windows import Scratch, Windows, blocks, carve, covered, padding_shape, window_view

BLOCK_BYTES = 262_144  # of input and output at a time, to stay in the second-level cache for all taps


def forward(x: Array, kernel: Array, windows: Windows, scratch: Scratch, y: Array) -> None:
    """y[n, o, c] = Σ over taps t of x[n, window(o, t), c] kernel[t, c], written into y."""
    weights = _along_rows(kernel, windows)
    for view, part in _blocks(x, y, windows, scratch):
        np.einsum("ndhabewc,abewc->ndhwc", view, weights, out=part)


def kernel_gradient(x: Array, dy: Array, windows: Windows, scratch: Scratch) -> Array:
    """dkernel[t, c] = Σ over windows of x[n, window(o, t), c] dy[n, o, c]."""
    total = np.zeros((*windows.kernel, windows.out[2], x.shape[-1]), x.dtype)
    for view, part in _blocks(x, dy, windows, scratch):
        total += np.einsum("ndhabewc,ndhwc->abewc", view, part)
    return np.add.reduce(total, axis=3)  # type: ignore[no-any-return]


def input_gradient(dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    """dx[n, window(o, t), c] += dy[n, o, c] kernel[t, c]."""
    dx = np.zeros((len(dy), *windows.size, dy.shape[-1]), dy.dtype)
    for d in range(windows.kernel[0]):
        for h in range(windows.kernel[1]):
            for w in range(windows.kernel[2]):
                found = [windows.overlap(axis, tap) for axis, tap in enumerate((d, h, w))]
                here, there = (slice(None), *(h for _, h in found)), (slice(None), *(t for t, _ in found))
                dx[here] += dy[there] * kernel[d, h, w]
    return dx


def _along_rows(kernel: Array, windows: Windows) -> Array:
    """The kernel for every column: (kD, kH, kW, W', C)."""
    return np.repeat(kernel[..., None, :], windows.out[2], axis=3)


def _blocks(x: Array, y: Array, windows: Windows, scratch: Scratch) -> Iterator[tuple[Array, Array]]:
    """The windows of a block as a view (n, D', H', kD, kH, kW, W', C), and the block of y: (n, D', H', W', C)."""
    axis = windows.block_axis
    rows = windows.out[axis]
    for images, start, stop in blocks(len(x), rows, 2 * y[0].nbytes // rows, BLOCK_BYTES):
        counts, spans = windows.block(axis, start, stop)
        (buffer,) = carve(scratch, x.dtype, padding_shape(x[images], windows, spans))
        source = covered(x[images], windows, spans, buffer)
        part = y[images][(slice(None),) * (axis + 1) + (slice(start, stop),)]
        yield np.moveaxis(window_view(source, windows, counts), 3, 6), part
