"""Normalising each row of an array (rows, numbers) by its own mean and size, and back.

Works in blocks of rows that stay in a core's cache, and keeps of x̂ only what each row was shifted and scaled by: what
the backward needs of x̂ are sums over it, which are products of matrices with vectors.
"""

from __future__ import annotations

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels.columns import layout, repeat

# Up to this many standard deviations from 0, leaving the mean in place until the sums are taken loses no precision to
# speak of, and saves a pass.
FAR = 16.0


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
    for side, parts in layout(rows, width):
        factor = None if gamma is None else repeat(gamma, side)
        summand = None if beta is None else repeat(beta, side)
        for part in parts:
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
            wide = out.reshape(-1, side * width)
            if factor is not None:
                wide *= factor
            if summand is not None:
                wide += summand
    return y, mean, inverse


def normalize_backward(
    dy: Array, x: Array, mean: Array | None, inverse: Array, gamma: Array | None, *, need_dx: bool = True
) -> tuple[Array | None, Array, Array]:
    """dx, dgamma = Σ dy x̂ and dbeta = Σ dy (sums in float64).

    With g = gamma dy, i = 1 / sqrt(…) and means over a row: dx = i (g - mean(g) - x̂ mean(g x̂)); without centring,
    mean(g) is left out. x̂ = (x - mean) i, so each sum over x̂ is one over x and one that does not know x.
    """
    rows, width = x.shape
    if mean is not None and (np.abs(mean) * inverse > FAR).any():
        x, origin = x - mean, None
    else:
        origin = mean
    dx = np.empty_like(dy) if need_dx else None
    dgamma, dbeta = np.zeros(width), np.zeros(width)
    weights = np.ones((width, 1), x.dtype) if gamma is None else gamma[:, None]
    for side, parts in layout(rows, width):
        factor = None if gamma is None else repeat(gamma, side)
        for part in parts:
            source, slope, scale = x[part], dy[part], inverse[part]
            product = source * slope
            dbeta += np.ones(len(slope), dy.dtype) @ slope
            dgamma += (scale.T @ product)[0]
            if origin is not None:
                dgamma -= ((scale * origin[part]).T @ slope)[0]
            if dx is None:
                continue
            plain = slope @ weights  # Σ g
            along = product @ weights  # Σ g (x - mean)
            if origin is not None:
                along -= origin[part] * plain
            along *= scale**3 * (-1.0 / width)
            shift = plain * scale * (-1.0 / width) if mean is not None else None
            if origin is not None and shift is not None:
                shift -= along * origin[part]
            out = dx[part]
            if factor is None:
                np.multiply(slope, scale, out=out)
            else:
                np.multiply(slope.reshape(-1, side * width), factor, out=out.reshape(-1, side * width))
                out *= scale
            gap = np.multiply(source, along, out=product)
            if shift is not None:
                gap += shift
            out += gap
    return dx, dgamma, dbeta
