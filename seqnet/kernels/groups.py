"""Normalising groups of channels of each row over all its positions, and back.

Several positions are laid side by side, so that NumPy's inner loops are long, and a few rows are worked on at a time,
so that they stay in a core's cache.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.columns import BLOCK, WIDTH


def normalize_groups(
    x: Array, groups: int, epsilon: float, gamma: Array | None, beta: Array | None
) -> tuple[Array, Array, Array]:
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, each row and group of channels by itself.

    x: (N, S, C), S positions; gamma, beta: (C,) -> y (N, S, C), mean and 1 / sqrt(…) (N, groups).
    """
    rows, positions, channels = x.shape
    side = _side(positions, channels)
    values = positions * (channels // groups)
    y = np.empty_like(x)
    mean, inverse = np.empty((rows, groups), x.dtype), np.empty((rows, groups), x.dtype)
    for part in _blocks(x.shape):
        source, out = _wide(x[part], side), _wide(y[part], side)
        mean[part] = _per_group(_down(source, channels), groups) / values
        np.subtract(source, _across(mean[part], channels, side), out=out)
        variance = _per_group(_down(out * out, channels), groups) / values
        inverse[part] = 1.0 / np.sqrt(variance + epsilon)
        scale = np.repeat(inverse[part], channels // groups, axis=1)
        if gamma is not None:
            scale *= gamma
        out *= np.tile(scale, side)[:, None]
        if beta is not None:
            out += np.tile(beta, side)
    return y, mean, inverse


def normalize_groups_backward(
    dy: Array, x: Array, mean: Array, inverse: Array, gamma: Array | None, *, need_dx: bool = True
) -> tuple[Array | None, Array, Array]:
    """dx, dgamma = Σ dy x̂ and dbeta = Σ dy (sums in float64).

    With g = gamma dy, x̂ = (x - mean) i, and means over a row's group: dx = i (g - mean(g) - x̂ mean(g x̂)).
    """
    rows, positions, channels = x.shape
    groups = mean.shape[1]
    each = channels // groups
    side = _side(positions, channels)
    values = positions * each
    dx = np.empty_like(dy) if need_dx else None
    dgamma, dbeta = np.zeros(channels), np.zeros(channels)
    weight = np.ones(channels, dy.dtype) if gamma is None else gamma
    for part in _blocks(x.shape):
        slope = _wide(dy[part], side)
        gap = _wide(x[part], side) - _across(mean[part], channels, side)  # x - mean
        plain, product = _down(slope, channels), _down(slope * gap, channels)  # (b, C)
        by_channel = np.repeat(inverse[part], each, axis=1)
        dbeta += np.add.reduce(plain, axis=0, dtype=np.float64)
        dgamma += np.add.reduce(product * by_channel, axis=0, dtype=np.float64)
        if dx is None:
            continue
        means = _per_group(plain * weight, groups) / values
        along = _per_group(product * weight, groups) * inverse[part] ** 2 / values
        out = _wide(dx[part], side)
        np.multiply(slope, np.tile(by_channel * weight, side)[:, None], out=out)
        gap *= _across(along * inverse[part], channels, side)
        out -= gap
        out -= _across(means * inverse[part], channels, side)
    return dx, dgamma, dbeta


def _side(positions: int, channels: int) -> int:
    """How many positions to lay side by side: a divisor of their number."""
    most = max(1, min(WIDTH // max(channels, 1), positions))
    return next(side for side in range(most, 0, -1) if positions % side == 0)


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    rows, positions, channels = shape
    step = max(1, BLOCK // max(positions * channels, 1))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def _wide(x: Array, side: int) -> Array:
    """(b, S, C) -> (b, S / side, side C)."""
    return x.reshape(len(x), x.shape[1] // side, side * x.shape[2])


def _down(wide: Array, channels: int) -> Array:
    """Σ over positions. (b, S / side, side C) -> (b, C)."""
    sums = np.ones((1, wide.shape[1]), wide.dtype) @ wide
    total: Array = np.add.reduce(sums.reshape(len(wide), -1, channels), axis=1)
    return total


def _per_group(x: Array, groups: int) -> Array:
    """Σ over the channels of a group. (b, C) -> (b, groups)."""
    total: Array = np.add.reduce(x.reshape(len(x), groups, -1), axis=2)
    return total


def _across(x: Array, channels: int, side: int) -> Array:
    """A number for each group, spread over its channels. (b, groups) -> (b, 1, side C)."""
    return np.tile(np.repeat(x, channels // x.shape[1], axis=1), side)[:, None]
