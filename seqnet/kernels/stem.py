"""Convolution of images with few channels, such as the first layer sees them.

Windows of few channels are short, so they are gathered the other way round: one long row for each tap and channel, with
one number for each window. A last row of ones brings the bias into the product, and its gradient into the gradient's.

x: (N, D, H, W, C), kernel: (kD, kH, kW, C, F), y: (N, D', H', W', F), all contiguous.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.products import SMALL, SMALL_KERNELS, multiply, strided
from seqnet.kernels.windows import Scratch, Windows, blocks, carve, cover, whole_pixels

BLOCK_BYTES = 1_800_000  # of gathered rows at a time
MOST_ROWS = 32


def pays(windows: Windows, channels: int, filters: int) -> bool:
    """Whether the windows are short enough."""
    return windows.taps * channels < MOST_ROWS and filters > channels


def forward(x: Array, kernel: Array, bias: Array | None, windows: Windows, scratch: Scratch, y: Array) -> None:
    """y = the convolution of x, + bias, written into y."""
    filters = kernel.shape[-1]
    weights = kernel.transpose(3, 0, 1, 2, 4).reshape(-1, filters)  # (C · taps, F)
    if bias is not None:
        weights = np.concatenate([weights, bias[None]])
    for part, rows in _blocks(x, y, windows, scratch):
        multiply(rows[: len(weights)].T, weights, part)


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> tuple[Array, Array]:
    """dkernel, shaped as the kernel, and dbias = Σ dy."""
    channels, filters = kernel.shape[3:]
    total = np.zeros((windows.taps * channels + 1, filters), x.dtype)
    for part, rows in _blocks(x, dy, windows, scratch):
        total += _sum_of_products(rows, part)
    dkernel = total[:-1].reshape(channels, *windows.kernel, filters).transpose(1, 2, 3, 0, 4)
    return np.ascontiguousarray(dkernel), total[-1]


def _sum_of_products(rows: Array, dy: Array) -> Array:
    """rows @ dy for (K, P) and (P, F), P much longer than the others: in pieces that the small kernels take, summed."""
    length = len(dy)
    step = SMALL // (len(rows) * dy.shape[1]) // 64 * 64
    if not SMALL_KERNELS or length <= step or step == 0:
        product: Array = rows @ dy
        return product
    count = length // step
    pieces = strided(rows, (count, len(rows), step), (step, length, 1))
    total: Array = np.add.reduce(pieces @ dy[: count * step].reshape(count, step, -1), axis=0)
    if count * step < length:
        total += rows[:, count * step :] @ dy[count * step :]
    return total


def _blocks(x: Array, y: Array, windows: Windows, scratch: Scratch) -> Iterator[tuple[Array, Array]]:
    """Rows of y (P, F) and what every tap sees from them, with a row of ones at the end: (C · taps + 1, P)."""
    channels, axis = x.shape[-1], windows.block_axis
    rows = windows.out[axis]
    row_bytes = windows.positions // rows * (windows.taps * channels + 1) * x.itemsize
    for images, start, stop in blocks(len(x), rows, row_bytes, BLOCK_BYTES):
        counts, spans = windows.block(axis, start, stop)
        some = x[images]
        part = y[images][(slice(None),) * (axis + 1) + (slice(start, stop),)].reshape(-1, y.shape[-1])
        lengths = tuple(high - low for low, high in spans)
        shapes = (windows.taps * channels + 1, len(part)), (channels, len(some), *lengths)
        columns, planes = carve(scratch, x.dtype, *shapes)
        cover(some, windows, spans, planes.transpose(1, 2, 3, 4, 0))
        channel, image, *steps = (s // x.itemsize for s in planes.strides)
        view = strided(
            planes,
            (channels, *windows.kernel, len(some), *counts),
            (
                channel,
                *(step * dilation for step, dilation in zip(steps, windows.dilation, strict=True)),
                image,
                *(step * stride for step, stride in zip(steps, windows.strides, strict=True)),
            ),
        )
        target = columns[:-1].reshape(view.shape)
        if windows.strides[2] == 1:
            np.copyto(whole_pixels(target), whole_pixels(view))
        else:
            np.copyto(target, view)
        columns[-1] = 1.0
        yield part, columns
