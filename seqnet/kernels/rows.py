"""Normalising each row of an array (rows, numbers) by its own mean and size, and back.

Works in blocks of rows that stay in a core's cache; what the backward needs of x̂ is computed again there rather than
kept, which costs less than the memory it would take.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqnet.arrays import Array

BLOCK = 65_536  # numbers that are worked on at a time


def normalize(
    x: Array, epsilon: float, gamma: Array | None, beta: Array | None, *, centred: bool
) -> tuple[Array, Array | None, Array]:
    """y = gamma x̂ + beta with x̂ = (x - mean) / sqrt(variance + epsilon), or x / sqrt(mean of x² + epsilon).

    x: (M, D), gamma, beta: (D,) -> y (M, D), mean (M, 1) or None where not `centred`, 1 / sqrt(…) (M, 1).
    """
    rows, width = x.shape
    y = np.empty_like(x)
    mean = np.empty((rows, 1), x.dtype) if centred else None
    inverse = np.empty((rows, 1), x.dtype)
    ones = np.ones((width, 1), x.dtype)
    for part in _blocks(rows, width):
        source, out = x[part], y[part]
        if mean is not None:
            np.multiply(source @ ones, 1.0 / width, out=mean[part])
            source = np.subtract(source, mean[part], out=out)
        size = np.einsum("ij,ij->i", source, source)[:, None]
        size *= 1.0 / width
        size += epsilon
        np.sqrt(size, out=size)
        np.divide(1.0, size, out=inverse[part])
        np.multiply(source, inverse[part], out=out)
        if gamma is not None:
            out *= gamma
        if beta is not None:
            out += beta
    return y, mean, inverse


def normalize_backward(
    dy: Array, x: Array, mean: Array | None, inverse: Array, gamma: Array | None, *, need_dx: bool = True
) -> tuple[Array | None, Array, Array]:
    """dx, dgamma = Σ dy x̂ and dbeta = Σ dy (sums in float64).

    With g = gamma dy and means over a row: dx = (g - mean(g) - x̂ mean(g x̂)) / sqrt(…); without centring, mean(g) is
    left out.
    """
    rows, width = x.shape
    dx = np.empty_like(dy) if need_dx else None
    dgamma, dbeta = np.zeros(width), np.zeros(width)
    ones = np.ones((width, 1), x.dtype)
    for part in _blocks(rows, width):
        slope = dy[part]
        hat = x[part] * inverse[part] if mean is None else x[part] - mean[part]
        if mean is not None:
            hat *= inverse[part]
        down = np.ones(len(slope), dy.dtype)
        dbeta += down @ slope
        dgamma += down @ (slope * hat)
        if dx is None:
            continue
        out = dx[part]
        inner = slope if gamma is None else np.multiply(slope, gamma, out=out)
        along = np.einsum("ij,ij->i", inner, hat)[:, None]
        along *= -1.0 / width
        hat *= along
        if mean is not None:
            hat -= (inner @ ones) * (1.0 / width)
        np.add(inner, hat, out=out)
        out *= inverse[part]
    return dx, dgamma, dbeta


def _blocks(rows: int, width: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(width, 1))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
