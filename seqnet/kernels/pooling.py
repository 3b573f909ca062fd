"""Pooling: the largest value or the mean of each window, axis by axis, without index arrays.

A maximum is found along the width first, then the height, then the depth, so that of equal values the first in
reading order wins, and only it receives the gradient. What backward needs is one bit a comparison.

x: (N, D, H, W, C), y: (N, D', H', W', C), contiguous.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.windows import Scratch, Windows, carve, whole_pixels, window_view

Choices = list[list[Array]]  # per axis that was pooled, per position in the window but the first: whether it won
Edges = Sequence[tuple[int, int]]  # first and last + 1 position of each window along an axis


def max_pool(x: Array, windows: Windows, keep: bool, scratch: Scratch) -> tuple[Array, Choices]:
    """y = the maximum of each window; `keep` also returns which position it was found at, for the backward."""
    choices: Choices = []
    if windows.is_pointwise:
        return x.copy(), choices
    if _tiles(windows):
        best = _planes(x, windows, scratch)  # (kD, kH, kW, N, D', H', W', C)
        for axis in (2, 1, 0):
            parts = [best[(slice(None),) * axis + (tap,)] for tap in range(windows.kernel[axis])]
            best = _first_maximum(parts, choices if keep else None)
        return best, choices
    best = _padded(x, windows, -math.inf)
    for axis in _pooled(windows):
        parts = [best[_along(axis, where)] for where in _steps(windows, axis)]
        best = _first_maximum(parts, choices if keep else None)
    return np.ascontiguousarray(best), choices


def max_pool_backward(dy: Array, choices: Choices, windows: Windows, scratch: Scratch) -> Array:
    """dx: dy goes to the position of each window that won."""
    if windows.is_pointwise:
        return dy
    if _tiles(windows):
        (planes,) = carve(scratch, dy.dtype, (*windows.kernel, *dy.shape))
        d = dy
        for axis in (0, 1):
            parts = np.empty((windows.kernel[axis], *d.shape), d.dtype)
            d = np.moveaxis(_to_winners(d, choices[2 - axis], parts), 0, axis)
        _to_winners(d, choices[0], np.moveaxis(planes, 2, 0))
        return _from_planes(planes, windows, dy)
    d = dy
    for axis, won in zip(reversed(_pooled(windows)), reversed(choices), strict=True):
        parts = _to_winners(d, won, np.empty((windows.kernel[axis], *d.shape), d.dtype))
        d = np.zeros(_resized(d, axis, _padded_length(windows, axis)), d.dtype)
        for part, where in zip(parts, _steps(windows, axis), strict=True):
            d[_along(axis, where)] += part
    return np.ascontiguousarray(d[_inside(windows)])


def average_pool(x: Array, windows: Windows) -> Array:
    """y = the mean of each window over the positions inside the image."""
    if windows.is_pointwise:
        return x.copy()
    for axis in reversed(_pooled(windows)):  # long rows first
        taps = [windows.overlap(axis, tap) for tap in range(windows.kernel[axis])]
        if len(taps) > 1 and all(there == slice(0, windows.out[axis]) for there, _ in taps):
            total = x[_along(axis, taps[0][1])] + x[_along(axis, taps[1][1])]
            taps = taps[2:]
        else:
            total = np.zeros(_resized(x, axis, windows.out[axis]), x.dtype)
        for there, here in taps:
            total[_along(axis, there)] += x[_along(axis, here)]
        x = total
    x *= _shares(windows, x.dtype)
    return x


def average_pool_backward(dy: Array, windows: Windows) -> Array:
    """dx: every position of a window receives an equal share of its dy."""
    if windows.is_pointwise:
        return dy
    d: Array = dy * _shares(windows, dy.dtype)
    if _tiles(windows):
        return _from_planes(np.broadcast_to(d, (*windows.kernel, *d.shape)), windows, d)
    for axis in _pooled(windows):
        dx = np.zeros(_resized(d, axis, windows.size[axis]), d.dtype)
        for tap in range(windows.kernel[axis]):
            there, here = windows.overlap(axis, tap)
            dx[_along(axis, here)] += d[_along(axis, there)]
        d = dx
    return d


def global_max_backward(dy: Array, x: Array, y: Array) -> Array:
    """dx for y (N, 1, C), the maximum of x (N, P, C) over its positions; equal maxima share dy."""
    won = x == y
    dx: Array = won * (dy / won.sum(axis=1, keepdims=True, dtype=dy.dtype))
    return dx


def adaptive_max_pool(x: Array, edges: Sequence[Edges], keep: bool) -> tuple[Array, list[Choices]]:
    """y = the maximum of windows of different lengths, given by their edges along each axis, depth first."""
    kept: list[Choices] = []
    for axis, along in enumerate(edges):
        choices: Choices = []
        best = []
        for start, stop in along:
            parts = [x[_along(axis, slice(at, at + 1))] for at in range(start, stop)]
            best.append(_first_maximum(parts, choices if keep else None))
        kept.append(choices)
        x = np.concatenate(best, axis=axis + 1)
    return x, kept


def adaptive_max_pool_backward(dy: Array, kept: list[Choices], edges: Sequence[Edges], size: Sequence[int]) -> Array:
    """dx: dy goes to the position of each window that won."""
    d = dy
    for axis, along in reversed(list(enumerate(edges))):
        dx = np.zeros(_resized(d, axis, size[axis]), d.dtype)
        for i, (start, stop) in enumerate(along):
            part = d[_along(axis, slice(i, i + 1))]
            spread = _to_winners(part, kept[axis][i], np.empty((stop - start, *part.shape), d.dtype))
            for at, piece in zip(range(start, stop), spread, strict=True):
                dx[_along(axis, slice(at, at + 1))] += piece
        d = dx
    return d


def adaptive_average_pool(x: Array, edges: Sequence[Edges]) -> Array:
    """y = the mean of windows of different lengths, given by their edges along each axis."""
    for axis, along in enumerate(edges):
        parts = [np.mean(x[_along(axis, slice(*edge))], axis=axis + 1, keepdims=True) for edge in along]
        x = np.concatenate(parts, axis=axis + 1)
    return x


def adaptive_average_pool_backward(dy: Array, edges: Sequence[Edges], size: Sequence[int]) -> Array:
    """dx: every position of a window receives an equal share of its dy."""
    d = dy
    for axis, along in reversed(list(enumerate(edges))):
        dx = np.zeros(_resized(d, axis, size[axis]), d.dtype)
        for i, (start, stop) in enumerate(along):
            dx[_along(axis, slice(start, stop))] += d[_along(axis, slice(i, i + 1))] * (1.0 / (stop - start))
        d = dx
    return d


def _first_maximum(parts: list[Array], choices: Choices | None) -> Array:
    """The elementwise maximum; `choices` gets, for each part after the first, where it beats all before it."""
    best, won = parts[0], []
    for part in parts[1:]:
        if choices is not None:
            won.append(np.greater(part, best))
        best = np.maximum(best, part, out=None if best is parts[0] else best)
    if choices is not None:
        choices.append(won)
    return best


def _to_winners(d: Array, won: list[Array], parts: Array) -> Array:
    """Write into each of `parts` (taps, *d.shape) the entries of d that its position won: the last to win has it."""
    if not won:
        np.copyto(parts[0], d)
    for tap in range(len(won), 0, -1):
        np.multiply(d, won[tap - 1], out=parts[tap])
        d = np.subtract(d, parts[tap], out=parts[0])
    return parts


def _pooled(windows: Windows) -> list[int]:
    """The axes along which anything happens, last first."""
    return [axis for axis in (2, 1, 0) if windows.kernel[axis] > 1 or windows.strides[axis] > 1]


def _resized(x: Array, axis: int, length: int) -> tuple[int, ...]:
    """The shape of x with another length along a spatial axis."""
    return (*x.shape[: axis + 1], length, *x.shape[axis + 2 :])


def _tiles(windows: Windows) -> bool:
    """Whether the windows lie side by side and inside the image."""
    return (
        windows.strides == windows.kernel
        and windows.before == (0, 0, 0)
        and all(o * k <= n for o, k, n in zip(windows.out, windows.kernel, windows.size, strict=True))
    )


def _planes(x: Array, windows: Windows, scratch: Scratch) -> Array:
    """The windows' positions apart from each other: (kD, kH, kW, N, D', H', W', C)."""
    (planes,) = carve(scratch, x.dtype, (*windows.kernel, len(x), *windows.out, x.shape[-1]))
    view = window_view(whole_pixels(x), windows, windows.out)  # (N, D', H', W', kD, kH, kW, 1)
    np.copyto(whole_pixels(planes), np.moveaxis(view, (4, 5, 6), (0, 1, 2)))
    return planes


def _from_planes(planes: Array, windows: Windows, dy: Array) -> Array:
    """The inverse of _planes; positions outside all windows become zero."""
    dx = np.empty((len(dy), *windows.size, dy.shape[-1]), dy.dtype)
    ends = [o * k for o, k in zip(windows.out, windows.kernel, strict=True)]
    for axis, end in enumerate(ends):
        if end < windows.size[axis]:
            dx[_along(axis, slice(end, None))] = 0.0
    cells = [n for o, k in zip(windows.out, windows.kernel, strict=True) for n in (o, k)]
    inside = whole_pixels(dx)[:, : ends[0], : ends[1], : ends[2]].reshape(len(dx), *cells, 1)
    np.copyto(np.moveaxis(inside, (2, 4, 6), (0, 1, 2)), whole_pixels(planes))
    return dx


def _along(axis: int, where: Any) -> tuple[Any, ...]:
    """An index that picks `where` along a spatial axis."""
    return (*(slice(None),) * (axis + 1), where)


def _steps(windows: Windows, axis: int) -> list[slice]:
    """Where each position of the windows lies along an axis of the padded image."""
    stride, out = windows.strides[axis], windows.out[axis]
    return [slice(tap, tap + (out - 1) * stride + 1, stride) for tap in range(windows.kernel[axis])]


def _padded_length(windows: Windows, axis: int) -> int:
    reach = (windows.out[axis] - 1) * windows.strides[axis] + windows.kernel[axis]
    return max(reach, windows.before[axis] + windows.size[axis])


def _inside(windows: Windows) -> tuple[Any, ...]:
    """Where the image lies in the padded image."""
    inside = (slice(b, b + n) for b, n in zip(windows.before, windows.size, strict=True))
    return (slice(None), *inside)


def _padded(x: Array, windows: Windows, value: float) -> Array:
    lengths = tuple(_padded_length(windows, axis) for axis in range(3))
    if lengths == windows.size:
        return x
    padded = np.full((len(x), *lengths, x.shape[-1]), value, x.dtype)
    padded[_inside(windows)] = x
    return padded


def _shares(windows: Windows, dtype: Any) -> Any:
    """1 / the number of positions of each window that lie inside the image: a number where they are all alike."""
    counts = []
    for axis in range(3):
        count = np.zeros(windows.out[axis])
        for tap in range(windows.kernel[axis]):
            count[windows.overlap(axis, tap)[0]] += 1.0
        counts.append(count)
    if all((count == count[0]).all() for count in counts):
        return 1.0 / math.prod(float(count[0]) for count in counts)
    d, h, w = counts
    return (1.0 / (d[:, None, None] * h[:, None] * w))[..., None].astype(dtype)
