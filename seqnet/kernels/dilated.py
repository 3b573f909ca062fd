"""Convolution with spread windows: images are taken apart into as many as the dilation has phases.

Positions that are a multiple of the dilation apart never meet those between them, so each phase is an image of its own,
under a window without gaps.

x: (N, 1, H, W, C), kernel: (1, kH, kW, C, F), y: (N, 1, H', W', F), all contiguous; strides of 1.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from seqnet.arrays import Array, empty
from seqnet.kernels import winograd
from seqnet.kernels.windows import Scratch, Windows


def pays(windows: Windows) -> bool:
    """Whether these windows can be convolved this way, and the phases are worth it."""
    flat = windows.kernel[0] == windows.size[0] == 1 and windows.strides == (1, 1, 1)
    return flat and max(windows.dilation) > 1 and winograd.pays(_dense(windows))


def forward(x: Array, kernel: Array, windows: Windows, scratch: Scratch, y: Array) -> None:
    """y = the convolution of x, written into y."""
    dense = _dense(windows)
    apart = _apart(x, windows, dense.size, windows.before)
    products = np.empty((len(apart), *dense.out, kernel.shape[-1]), x.dtype)
    winograd.forward(apart, kernel, None, dense, scratch, products)
    _together(products, windows, (0, 0, 0), y)


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> tuple[Array, Array]:
    """dkernel, shaped as the kernel, and dbias = Σ dy."""
    dense = _dense(windows)
    apart = _apart(x, windows, dense.size, windows.before)
    return winograd.kernel_gradient(apart, _apart(dy, windows, dense.out, (0, 0, 0)), kernel, dense, scratch)


def input_gradient(dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    """dx: (N, 1, H, W, C)."""
    dense = _dense(windows)
    apart = winograd.input_gradient(_apart(dy, windows, dense.out, (0, 0, 0)), kernel, dense, scratch)
    dx = empty((len(dy), *windows.size, kernel.shape[3]), dy.dtype)
    _together(apart, windows, windows.before, dx)
    return dx


@lru_cache(maxsize=256)
def _dense(windows: Windows) -> Windows:
    """The windows over one phase, whose padding is part of the image."""
    _, down, across = windows.dilation
    rows, columns = -(-windows.out[1] // down), -(-windows.out[2] // across)
    size = (1, rows + windows.kernel[1] - 1, columns + windows.kernel[2] - 1)
    return Windows(size, (1, rows, columns), windows.kernel, (1, 1, 1), (1, 1, 1), (0, 0, 0))


def _apart(x: Array, windows: Windows, size: tuple[int, int, int], before: tuple[int, int, int]) -> Array:
    """The phases of x after `before` zeros, each of `size`: (N · phases, *size, C)."""
    _, down, across = windows.dilation
    _, rows, columns = size
    padded = np.zeros((len(x), rows * down, columns * across, x.shape[-1]), x.dtype)
    (top, left), (height, width) = before[1:], x.shape[2:4]
    height, width = min(height, rows * down - top), min(width, columns * across - left)
    padded[:, top : top + height, left : left + width] = x[:, 0, :height, :width]
    phases = padded.reshape(len(x), rows, down, columns, across, x.shape[-1]).transpose(0, 2, 4, 1, 3, 5)
    return np.ascontiguousarray(phases).reshape(-1, 1, rows, columns, x.shape[-1])


def _together(phases: Array, windows: Windows, before: tuple[int, int, int], y: Array) -> None:
    """The inverse of _apart: write into y what lies after the first `before` positions, zeros beyond the phases."""
    _, down, across = windows.dilation
    _, _, rows, columns, channels = phases.shape
    whole = phases.reshape(len(y), down, across, rows, columns, channels).transpose(0, 3, 1, 4, 2, 5)
    whole = whole.reshape(len(y), rows * down, columns * across, channels)
    part = whole[:, before[1] : before[1] + y.shape[2], before[2] : before[2] + y.shape[3]]
    if part.shape[1:3] != y.shape[2:4]:
        y.fill(0.0)
    y[:, 0, : part.shape[1], : part.shape[2]] = part
