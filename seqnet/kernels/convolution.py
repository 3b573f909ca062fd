"""Convolution and its gradients over channels-last images, each by the way that is fastest for its shape.

x: (N, D, H, W, C), kernel: (kD, kH, kW, C / groups, F), y: (N, D', H', W', F). The transposed convolution is the same
three functions in other roles: its output is `input_gradient`, its gradients are `convolve` and `kernel_gradient`.
"""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels import im2col
from seqnet.kernels.windows import Scratch, Windows


def convolve(x: Array, kernel: Array, bias: Array | None, windows: Windows, groups: int, scratch: Scratch) -> Array:
    """y[n, o, f] = Σ over taps t and channels c of x[n, window(o, t), c] kernel[t, c, f], + bias[f]."""
    filters = kernel.shape[-1]
    y = np.empty((len(x), *windows.out, filters), x.dtype)
    if windows.is_pointwise and groups == 1:
        np.matmul(x.reshape(-1, x.shape[-1]), kernel.reshape(-1, filters), out=y.reshape(-1, filters))
    else:
        im2col.forward(x, kernel, windows, groups, scratch, y)
    if bias is not None:
        y += bias
    return y


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, groups: int, scratch: Scratch) -> Array:
    """d loss / d kernel, shaped as the kernel (whose values don't matter)."""
    if windows.is_pointwise and groups == 1:
        dkernel: Array = x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])
        return dkernel.reshape(kernel.shape)
    return im2col.kernel_gradient(x, dy, kernel, windows, groups, scratch)


def input_gradient(dy: Array, kernel: Array, windows: Windows, groups: int, scratch: Scratch) -> Array:
    """d loss / d x: (N, *windows.size, C)."""
    if windows.is_pointwise and groups == 1:
        flat: Array = dy.reshape(-1, dy.shape[-1]) @ kernel.reshape(-1, kernel.shape[-1]).T
        return flat.reshape(*dy.shape[:-1], kernel.shape[3])
    return im2col.input_gradient(dy, kernel, windows, groups, scratch)


def total_over_positions(dy: Array) -> Array:
    """Σ dy over everything but the last axis; a product with ones is the fastest sum over rows that NumPy has."""
    rows = dy.reshape(-1, dy.shape[-1])
    total: Array = np.ones(len(rows), dy.dtype) @ rows
    return total
