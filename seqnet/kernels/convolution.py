"""Convolution and its gradients over channels-last images, each by the way that is fastest for its shape.

x: (N, D, H, W, C), kernel: (kD, kH, kW, C / groups, F), y: (N, D', H', W', F), all contiguous. The transposed
convolution is the same three functions in other roles: its output is `input_gradient`, its gradients are `convolve` and
`kernel_gradient`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from seqnet.arrays import Array, empty
from seqnet.kernels import depthwise, dilated, im2col, stem, volume, winograd
from seqnet.kernels.products import column_sums, multiplied, multiply, summed
from seqnet.kernels.windows import Scratch, Triple, Windows, add_bias


def convolve(x: Array, kernel: Array, bias: Array | None, windows: Windows, groups: int, scratch: Scratch) -> Array:
    """y[n, o, f] = Σ over taps t and channels c of x[n, window(o, t), c] kernel[t, c, f], + bias[f]."""
    y = empty((len(x), *windows.out, kernel.shape[-1]), x.dtype)
    if groups > 1:
        if groups == x.shape[-1]:
            depthwise.forward(x, kernel, bias, windows, scratch, y)
        else:
            for c, f in _groups(x, kernel, groups):
                y[..., f] = convolve(_part(x, c), _part(kernel, f), None, windows, 1, scratch)
            add_bias(y, bias)
    else:
        _convolve(x, kernel, bias, windows, scratch, y)
    return y


def kernel_gradient(
    x: Array, dy: Array, kernel: Array, windows: Windows, groups: int, scratch: Scratch
) -> tuple[Array, Array]:
    """d loss / d kernel, shaped as the kernel (whose values don't matter), and d loss / d bias = Σ dy."""
    if groups == 1:
        return _kernel_gradient(x, dy, kernel, windows, scratch)
    if groups == x.shape[-1]:
        return depthwise.kernel_gradient(x, dy, kernel, windows, scratch)
    dkernel, dbias = np.empty_like(kernel), np.empty(kernel.shape[-1], kernel.dtype)
    for c, f in _groups(x, kernel, groups):
        part = _part(kernel, f)
        dkernel[..., f], dbias[f] = kernel_gradient(_part(x, c), _part(dy, f), part, windows, 1, scratch)
    return dkernel, dbias


def input_gradient(dy: Array, kernel: Array, windows: Windows, groups: int, scratch: Scratch) -> Array:
    """d loss / d x: (N, *windows.size, C)."""
    if groups == 1:
        return _input_gradient(dy, kernel, windows, scratch)
    if kernel.shape[3] == 1:
        return depthwise.input_gradient(dy, kernel, groups, windows, scratch)
    dx = np.empty((len(dy), *windows.size, kernel.shape[3] * groups), dy.dtype)
    for c, f in _groups(dx, kernel, groups):
        dx[..., c] = input_gradient(_part(dy, f), _part(kernel, f), windows, 1, scratch)
    return dx


def _convolve(x: Array, kernel: Array, bias: Array | None, windows: Windows, scratch: Scratch, y: Array) -> None:
    if windows.is_pointwise:
        multiply(x.reshape(-1, x.shape[-1]), kernel.reshape(kernel.shape[-2:]), y.reshape(-1, y.shape[-1]))
        return add_bias(y, bias)
    flat = _folded(windows)
    x, y, kernel = _as(x, flat.size), _as(y, flat.out), kernel.reshape(*flat.kernel, *kernel.shape[3:])
    if stem.pays(flat, x.shape[-1], y.shape[-1]):
        return stem.forward(x, kernel, bias, flat, scratch, y)
    if winograd.pays_for(len(x), flat):
        return winograd.forward(x, kernel, bias, flat, scratch, y)
    if dilated.pays(flat):
        dilated.forward(x, kernel, flat, scratch, y)
    elif volume.pays(flat):
        volume.forward(x, kernel, flat, scratch, y)
    else:
        im2col.forward(x, kernel, flat, scratch, y)
    return add_bias(y, bias)


def _kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> tuple[Array, Array]:
    shape = kernel.shape
    if windows.is_pointwise:
        dkernel = summed(x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1]))
        return dkernel.reshape(shape), column_sums(dy)
    flat = _folded(windows)
    x, dy, kernel = _as(x, flat.size), _as(dy, flat.out), kernel.reshape(*flat.kernel, *shape[3:])
    if stem.pays(flat, x.shape[-1], dy.shape[-1]):
        dkernel, dbias = stem.kernel_gradient(x, dy, kernel, flat, scratch)
    elif winograd.pays_for(len(x), flat):
        dkernel, dbias = winograd.kernel_gradient(x, dy, kernel, flat, scratch)
    elif dilated.pays(flat):
        dkernel, dbias = dilated.kernel_gradient(x, dy, kernel, flat, scratch)
    else:
        way = volume if volume.pays(flat) else im2col
        dkernel, dbias = way.kernel_gradient(x, dy, kernel, flat, scratch), column_sums(dy)
    return dkernel.reshape(shape), dbias


def _input_gradient(dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    n, channels = len(dy), kernel.shape[3]
    if windows.is_pointwise:
        dx = multiplied(dy.reshape(-1, dy.shape[-1]), kernel.reshape(kernel.shape[-2:]).T)
    else:
        flat = _folded(windows)
        dy, kernel = _as(dy, flat.out), kernel.reshape(*flat.kernel, *kernel.shape[3:])
        if winograd.pays_for(len(dy), flat, channels * kernel.shape[4]):
            dx = winograd.input_gradient(dy, kernel, flat, scratch)
        else:
            way = next((way for way in (dilated, volume) if way.pays(flat)), im2col)
            dx = way.input_gradient(dy, kernel, flat, scratch)
    return dx.reshape(n, *windows.size, channels)


def _groups(x: Array, kernel: Array, groups: int) -> Iterator[tuple[slice, slice]]:
    """The channels of x and the filters that belong together."""
    channels, filters = x.shape[-1] // groups, kernel.shape[-1] // groups
    for g in range(groups):
        yield slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)


def _part(x: Array, last: slice) -> Array:
    return np.ascontiguousarray(x[..., last])


@lru_cache(maxsize=256)
def _folded(windows: Windows) -> Windows:
    """The same windows with axes along which nothing happens made part of the batch; the height is used before the
    width, and the depth last."""
    still = [
        k == s == 1 and b == 0 and n == o
        for k, s, b, n, o in zip(
            windows.kernel, windows.strides, windows.before, windows.size, windows.out, strict=True
        )
    ]
    if not still[0]:
        return windows
    axes = (2, 0, 0) if still[1] else (1, 2, 0)
    keep = [axis for axis in axes if axis]

    def moved(values: Triple, fill: int) -> Triple:
        height, width = (*(values[axis] for axis in keep), fill, fill)[:2]
        return 1, height, width

    return Windows(
        moved(windows.size, 1),
        moved(windows.out, 1),
        moved(windows.kernel, 1),
        moved(windows.strides, 1),
        moved(windows.dilation, 1),
        (0, *moved(windows.before, 0)[1:]),
    )


def _as(x: Array, lengths: Triple) -> Array:
    """x over other spatial axes, with more or fewer images."""
    return x.reshape(-1, *lengths, x.shape[-1])
