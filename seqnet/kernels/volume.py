"""Convolution over three axes as a sum of convolutions over two: one for each tap along the depth.

x: (N, D, H, W, C), kernel: (kD, kH, kW, C, F), y: (N, D', H', W', F), all contiguous.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels import winograd
from seqnet.kernels.windows import Scratch, Triple, Windows


def pays(windows: Windows) -> bool:
    """Whether the convolutions over height and width are of the fast kind."""
    return windows.kernel[0] > 1 and winograd.pays(_slices(windows))


def forward(x: Array, kernel: Array, windows: Windows, scratch: Scratch, y: Array) -> None:
    """y = the convolution of x, written into y."""
    flat = _slices(windows)
    y.fill(0.0)
    for tap, there, here in _taps(windows):
        some = _stacked(x[here])
        part = np.empty((len(some), *flat.out, y.shape[-1]), y.dtype)
        winograd.forward(some, kernel[tap : tap + 1], None, flat, scratch, part)
        y[there] += part.reshape(len(x), -1, *y.shape[2:])


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    """dkernel, shaped as the kernel."""
    flat = _slices(windows)
    dkernel = np.zeros_like(kernel)
    for tap, there, here in _taps(windows):
        part = kernel[tap : tap + 1]
        dkernel[tap], _ = winograd.kernel_gradient(_stacked(x[here]), _stacked(dy[there]), part, flat, scratch)
    return dkernel


def input_gradient(dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    """dx: (N, D, H, W, C)."""
    flat = _slices(windows)
    dx = np.zeros((len(dy), *windows.size, kernel.shape[3]), dy.dtype)
    for tap, there, here in _taps(windows):
        part = winograd.input_gradient(_stacked(dy[there]), kernel[tap : tap + 1], flat, scratch)
        dx[here] += part.reshape(len(dy), -1, *dx.shape[2:])
    return dx


def _taps(windows: Windows) -> Iterator[tuple[int, Any, Any]]:
    """For each tap along the depth: the slices of y that it gives to, and those of x that it takes from."""
    for tap in range(windows.kernel[0]):
        there, here = windows.overlap(0, tap)
        if there.start < there.stop:
            yield tap, (slice(None), there), (slice(None), here)


def _stacked(x: Array) -> Array:
    """(N, D, H, W, C) -> (N·D, 1, H, W, C), contiguous."""
    return np.ascontiguousarray(x).reshape(-1, 1, *x.shape[2:])


@lru_cache(maxsize=256)
def _slices(windows: Windows) -> Windows:
    """The windows over height and width of one slice."""

    def flat(values: Triple, first: int) -> Triple:
        return first, values[1], values[2]

    return Windows(
        flat(windows.size, 1),
        flat(windows.out, 1),
        flat(windows.kernel, 1),
        flat(windows.strides, 1),
        flat(windows.dilation, 1),
        flat(windows.before, 0),
    )
