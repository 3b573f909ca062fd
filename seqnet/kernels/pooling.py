"""Pooling: the largest value or the mean of each window, axis by axis, without index arrays.

The image is put aside in phases first: the positions that each step of the windows begins with, the positions after
those, and so on. A phase lies in one stretch of memory, with as many columns and rows as the windows reach beyond
those that count; so what position t of all windows sees is one long run of numbers that starts a little later, and
NumPy computes with long runs several times as fast as with short rows.

A maximum is found along the width first, then the height, then the depth, so that of equal values the first in
reading order wins, and only it receives the gradient. What backward needs is one bit a comparison.

x: (N, D, H, W, C), y: (N, D', H', W', C), contiguous.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.products import strided
from seqnet.kernels.windows import Triple, Windows, whole_pixels

Choices = list[list[Array]]  # per axis that was pooled, per position in the window but the first: whether it won
Edges = Sequence[tuple[int, int]]  # first and last + 1 position of each window along an axis


def max_pool(x: Array, windows: Windows, keep: bool) -> tuple[Array, Choices]:
    """y = the maximum of each window; `keep` also returns which position it was found at, for the backward."""
    choices: Choices = []
    if not keep and _tiles(windows):
        return _reduce_tiles(np.maximum, x, windows), choices
    best = _to_phases(x, windows, -math.inf)  # (phases along D, H, W, numbers)
    for axis in (2, 1, 0):
        parts = _taps(best, axis, windows, x.shape[-1])
        best = _first_maximum(parts, choices if keep else None)
    return _cropped(best, windows, x), choices


def max_pool_backward(dy: Array, choices: Choices, windows: Windows) -> Array:
    """dx: dy goes to the position of each window that won."""
    d = _uncropped(dy, windows)
    for axis, won in zip((0, 1, 2), reversed(choices), strict=True):
        d = _to_winners(d, won, axis, windows, dy.shape[-1])
    return _from_phases(d, windows, dy)


def average_pool(x: Array, windows: Windows) -> Array:
    """y = the mean of each window over the positions inside the image."""
    y = sum_pool(x, windows)
    y *= _shares(windows, x.dtype)
    return y


def sum_pool(x: Array, windows: Windows) -> Array:
    """y = the sum of each window."""
    if _tiles(windows):
        return _reduce_tiles(np.add, x, windows)
    total = _to_phases(x, windows, 0.0)
    for axis in (2, 1, 0):
        first, *parts = _taps(total, axis, windows, x.shape[-1])
        total = first + parts[0] if parts else first
        for part in parts[1:]:
            total += part
    return _cropped(total, windows, x)


def _reduce_tiles(operation: np.ufunc, x: Array, windows: Windows) -> Array:
    """Windows side by side, reduced from the outermost axis to the innermost: whole rows first, which are long runs."""
    n, channels, done = len(x), x.shape[-1], x
    for axis in range(3):
        taps, out = windows.kernel[axis], windows.out[axis]
        if taps == 1:
            continue
        before = n * math.prod(windows.out[:axis])
        after = channels * math.prod(windows.size[axis + 1 :])
        cut = done.reshape(before, windows.size[axis], after)[:, : out * taps].reshape(before, out, taps, after)
        done = operation(cut[:, :, 0], cut[:, :, 1])
        for tap in range(2, taps):
            operation(done, cut[:, :, tap], out=done)
    return x.copy() if done is x else done.reshape(n, *windows.out, channels)


def repeat(y: Array, windows: Windows) -> Array:
    """x, where every position of a window holds its y: the gradient of sum_pool for windows side by side."""
    x = _room_for_pixels(windows, y)
    np.copyto(_apart(x, windows), whole_pixels(y))
    return x


def average_pool_backward(dy: Array, windows: Windows) -> Array:
    """dx: every position of a window receives an equal share of its dy."""
    shared: Array = dy * _shares(windows, dy.dtype)
    if _tiles(windows):
        return repeat(shared, windows)
    d = _uncropped(shared, windows)
    for axis in (0, 1, 2):
        if windows.kernel[axis] == 1:
            d = np.expand_dims(d, axis)
            continue
        whole, parts, fresh = _room_for_taps(d, axis, windows, dy.shape[-1])
        for part, is_fresh in zip(reversed(parts), reversed(fresh), strict=True):
            if is_fresh:
                np.copyto(part, d)
            else:
                part += d
        d = whole
    return _from_phases(d, windows, dy)


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
            for at, won in zip(range(stop - 1, start, -1), reversed(kept[axis][i]), strict=True):
                gone = part * won
                part = part - gone
                dx[_along(axis, slice(at, at + 1))] += gone
            dx[_along(axis, slice(start, start + 1))] += part
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


def _to_winners(d: Array, won: list[Array], axis: int, windows: Windows, channels: int) -> Array:
    """The gradient one axis back: the entries of d go where their window's maximum was; the last to win has it."""
    taps, overlap = windows.kernel[axis], windows.kernel[axis] > windows.strides[axis]
    if taps == 1:
        return np.expand_dims(d, axis)
    whole, parts, fresh = _room_for_taps(d, axis, windows, channels)
    rest = np.empty_like(d) if overlap else parts[0]
    gone = np.empty_like(d) if overlap else rest
    for tap in range(taps - 1, 0, -1):
        taken = np.multiply(d, won[tap - 1], out=parts[tap] if fresh[tap] else gone)
        d = np.subtract(d, taken, out=rest)
        if not fresh[tap]:
            parts[tap] += taken
    if overlap:
        parts[0] += d
    return whole


@lru_cache(maxsize=256)
def _phases(windows: Windows) -> Triple:
    """How many phases there are along each axis; positions that no window covers have none."""
    d, h, w = (min(s, k) for s, k in zip(windows.strides, windows.kernel, strict=True))
    return d, h, w


def _beyond(windows: Windows, axis: int) -> int:
    """How many positions of a phase the last window reaches beyond its first."""
    return (windows.kernel[axis] - 1) // windows.strides[axis]


@lru_cache(maxsize=256)
def _lengths(windows: Windows) -> Triple:
    """The lengths of a phase."""
    d, h, w = (windows.out[axis] + _beyond(windows, axis) for axis in range(3))
    return d, h, w


@lru_cache(maxsize=512)
def _run(windows: Windows, axis: int, channels: int) -> int:
    """Numbers from one position to the next along an axis of a phase."""
    _, height, width = _lengths(windows)
    return channels * (height * width, width, 1)[axis]


@dataclass(frozen=True)
class _Phase:
    """Where one phase holds positions of the image, where those lie there, and where it holds padding."""

    index: tuple[int, ...]
    there: tuple[slice, ...]
    here: tuple[slice, ...]
    padding: tuple[tuple[slice, ...], ...]


@lru_cache(maxsize=256)
def _plan(windows: Windows) -> list[_Phase]:
    found = []
    every = slice(None)
    for index in itertools.product(*(range(n) for n in _phases(windows))):
        there, here, padding = [every], [every], []
        for axis, (length, p) in enumerate(zip(_lengths(windows), index, strict=True)):
            stride, offset = windows.strides[axis], p - windows.before[axis]
            first = max(0, -(offset // stride))
            last = max(first, min(length, (windows.size[axis] - 1 - offset) // stride + 1))
            padding += [(*there, gap) for gap in (slice(0, first), slice(last, length)) if gap.start < gap.stop]
            there.append(slice(first, last))
            here.append(slice(first * stride + offset, max(0, (last - 1) * stride + offset + 1), stride))
        found.append(_Phase(index, tuple(there), tuple(here), tuple(padding)))
    return found


def _to_phases(x: Array, windows: Windows, padding: float) -> Array:
    """The image in phases: (phases along D, H, W, numbers), with `padding` around it."""
    phases, lengths = _phases(windows), _lengths(windows)
    if phases == (1, 1, 1) and lengths == windows.size:
        return x.reshape(1, 1, 1, -1)
    result = np.empty((*phases, len(x), *lengths, x.shape[-1]), x.dtype)
    if _tiles(windows):
        np.copyto(whole_pixels(result), _apart(x, windows))
        return result.reshape(*phases, -1)
    pixels = whole_pixels(x)
    for phase in _plan(windows):
        part = result[phase.index]
        for gap in phase.padding:
            part[gap] = padding
        np.copyto(whole_pixels(part)[phase.there], pixels[phase.here])
    return result.reshape(*phases, -1)


def _from_phases(d: Array, windows: Windows, dy: Array) -> Array:
    """The inverse of _to_phases; positions that no window covers become zero."""
    phases, lengths, channels = _phases(windows), _lengths(windows), dy.shape[-1]
    d = d.reshape(*phases, len(dy), *lengths, channels)
    if phases == (1, 1, 1) and lengths == windows.size:
        return d.reshape(dy.shape[0], *lengths, channels)
    dx = _room_for_pixels(windows, dy)
    if _tiles(windows):
        np.copyto(_apart(dx, windows), whole_pixels(d))
        return dx
    pixels = whole_pixels(dx)
    for phase in _plan(windows):
        np.copyto(pixels[phase.here], whole_pixels(d[phase.index])[phase.there])
    return dx


def _room_for_pixels(windows: Windows, dy: Array) -> Array:
    """An array like the image, zero where there are positions that no window covers."""
    covered = _phases(windows) == windows.strides and all(
        windows.strides[axis] * _lengths(windows)[axis] >= windows.before[axis] + windows.size[axis]
        for axis in range(3)
    )
    return (np.empty if covered else np.zeros)((len(dy), *windows.size, dy.shape[-1]), dy.dtype)


@lru_cache(maxsize=256)
def _tiles(windows: Windows) -> bool:
    """Whether the windows lie side by side and inside the image, so that every phase is a plain part of it."""
    return (
        windows.strides == windows.kernel
        and windows.before == (0, 0, 0)
        and all(
            out * stride <= size for out, stride, size in zip(windows.out, windows.strides, windows.size, strict=True)
        )
    )


def _apart(x: Array, windows: Windows) -> Array:
    """The phases of tiles as a view of whole pixels: (phases along D, H, W, N, D', H', W', 1)."""
    _, height, width = windows.size
    steps = (height * width, width, 1)
    across = (step * stride for step, stride in zip(steps, windows.strides, strict=True))
    strides = (*steps, windows.size[0] * height * width, *across, 1)
    return strided(whole_pixels(x), (*windows.kernel, len(x), *windows.out, 1), strides)


def _taps(phases: Array, axis: int, windows: Windows, channels: int) -> list[Array]:
    """What each position in the windows sees along an axis, whose phases come last but one."""
    run, stride = _run(windows, axis, channels), windows.strides[axis]
    length = phases.shape[-1] - _beyond(windows, axis) * run
    starts = [(tap % stride, tap // stride * run) for tap in range(windows.kernel[axis])]
    return [phases[..., phase, start : start + length] for phase, start in starts]


def _room_for_taps(d: Array, axis: int, windows: Windows, channels: int) -> tuple[Array, list[Array], list[bool]]:
    """Memory for the gradient one axis back, with its phases last but one, and the part that each position sees.

    A part is fresh where it is the last of its phase: what is written there first is simply put, and around it there
    are zeros.
    """
    run, stride, taps = _run(windows, axis, channels), windows.strides[axis], windows.kernel[axis]
    length = d.shape[-1]
    whole = np.empty((*d.shape[:-1], min(stride, taps), length + _beyond(windows, axis) * run), d.dtype)
    parts, fresh = [], []
    for tap in range(taps):
        phase, start = tap % stride, tap // stride * run
        parts.append(whole[..., phase, start : start + length])
        fresh.append(tap + stride >= taps)
        if fresh[-1]:
            whole[..., phase, :start] = 0.0
            whole[..., phase, start + length :] = 0.0
    return whole, parts, fresh


def _cropped(flat: Array, windows: Windows, x: Array) -> Array:
    """The numbers that count, (N, D', H', W', C): those after the windows' reach are left out."""
    n, channels, lengths = len(x), x.shape[-1], _lengths(windows)
    if lengths == windows.out:
        y = flat.reshape(n, *windows.out, channels)
        return y.copy() if np.may_share_memory(y, x) else y
    depth, height, width = (_run(windows, axis, channels) for axis in range(3))
    shape, strides = (n, *windows.out, channels), (lengths[0] * depth, depth, height, width, 1)
    return np.ascontiguousarray(strided(np.ascontiguousarray(flat), shape, strides))


def _uncropped(dy: Array, windows: Windows) -> Array:
    """The inverse of _cropped, zeros for what was left out."""
    lengths, channels = _lengths(windows), dy.shape[-1]
    if lengths == windows.out:
        return dy.reshape(-1)
    d = np.zeros((len(dy), *lengths, channels), dy.dtype)
    out = windows.out
    d[:, : out[0], : out[1], : out[2]] = dy
    beyond = sum(_beyond(windows, axis) * _run(windows, axis, channels) for axis in range(3))
    return d.reshape(-1)[: d.size - beyond]


def _resized(x: Array, axis: int, length: int) -> tuple[int, ...]:
    """The shape of x with another length along a spatial axis."""
    return (*x.shape[: axis + 1], length, *x.shape[axis + 2 :])


def _along(axis: int, where: Any) -> tuple[Any, ...]:
    """An index that picks `where` along a spatial axis."""
    return (*(slice(None),) * (axis + 1), where)


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
