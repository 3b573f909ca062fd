"""Depthwise convolution: every channel with kernels of its own, so there is no matrix product to be had.

np.einsum multiplies and adds in one pass without a temporary; it runs over whole rows (W, C) at once because the
kernel is laid out once for every column.

x: (N, D, H, W, C), kernel: (kD, kH, kW, 1, C·m), y: (N, D', H', W', C·m), all contiguous; output c·m + j is made of
channel c.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.windows import Scratch, Windows, blocks, carve, covered, padding_shape, window_view

BLOCK_BYTES = 262_144  # of input and output at a time, to stay in the second-level cache for all taps


def forward(x: Array, kernel: Array, windows: Windows, scratch: Scratch, y: Array) -> None:
    """y[n, o, c·m + j] = Σ over taps t of x[n, window(o, t), c] kernel[t, 0, c·m + j], written into y."""
    x, weights = _multiplied(x, y.shape[-1]), _along_rows(kernel, windows)
    for view, part in _blocks(x, y, windows, scratch):
        np.einsum("ndhabewc,abewc->ndhwc", view, weights, out=part)


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    """dkernel[t, 0, c·m + j] = Σ over windows of x[n, window(o, t), c] dy[n, o, c·m + j]."""
    total = np.zeros((*windows.kernel, windows.out[2], dy.shape[-1]), x.dtype)
    for view, part in _blocks(_multiplied(x, dy.shape[-1]), dy, windows, scratch):
        total += np.einsum("ndhabewc,ndhwc->abewc", view, part)
    dkernel: Array = np.add.reduce(total, axis=3)
    return dkernel.reshape(kernel.shape)


def input_gradient(dy: Array, kernel: Array, channels: int, windows: Windows, scratch: Scratch) -> Array:
    """dx[n, window(o, t), c] += dy[n, o, c·m + j] kernel[t, 0, c·m + j]."""
    width = dy.shape[-1]
    dx = np.zeros((len(dy), *windows.size, width), dy.dtype)
    for d in range(windows.kernel[0]):
        for h in range(windows.kernel[1]):
            for w in range(windows.kernel[2]):
                found = [windows.overlap(axis, tap) for axis, tap in enumerate((d, h, w))]
                here, there = (slice(None), *(h for _, h in found)), (slice(None), *(t for t, _ in found))
                dx[here] += dy[there] * kernel[d, h, w, 0]
    if width == channels:
        return dx
    total: Array = np.add.reduce(dx.reshape(-1, width // channels), axis=1)
    return total.reshape(*dx.shape[:-1], channels)


def _multiplied(x: Array, width: int) -> Array:
    """Every channel as often as it takes to make `width`, side by side."""
    return x if x.shape[-1] == width else np.repeat(x, width // x.shape[-1], axis=-1)


def _along_rows(kernel: Array, windows: Windows) -> Array:
    """The kernel for every column: (kD, kH, kW, W', C·m)."""
    return np.repeat(kernel, windows.out[2], axis=3)


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
