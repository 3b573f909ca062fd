"""Enlarging and shrinking images: by repeating pixels, or by weights between neighbours.

Interpolation along an axis is a product with a matrix of weights, made once for a pair of lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels import pooling
from seqnet.kernels.windows import Windows, in_three, triple

Kernel = Callable[[Array], Array]


def repeat(x: Array, factors: tuple[int, ...]) -> Array:
    """Every position factors[i] times along spatial axis i: (N, *lengths, C) -> (N, *lengths · factors, C)."""
    lengths = x.shape[1:-1]
    y = pooling.repeat(in_three(x), _side_by_side(lengths, factors))
    return y.reshape(len(x), *(n * f for n, f in zip(lengths, factors, strict=True)), x.shape[-1])


def repeat_backward(dy: Array, factors: tuple[int, ...]) -> Array:
    """dx: the sum of dy over the copies of each position."""
    lengths = tuple(n // f for n, f in zip(dy.shape[1:-1], factors, strict=True))
    dx = pooling.sum_pool(in_three(dy), _side_by_side(lengths, factors))
    return dx.reshape(len(dy), *lengths, dy.shape[-1])


@lru_cache(maxsize=64)
def _side_by_side(lengths: tuple[int, ...], factors: tuple[int, ...]) -> Windows:
    """Windows of `factors` positions, `lengths` of them."""
    size = triple(tuple(n * f for n, f in zip(lengths, factors, strict=True)))
    window = triple(factors)
    return Windows(size, triple(lengths), window, window, (1, 1, 1), (0, 0, 0))


def interpolate(x: Array, size: tuple[int, int], method: str) -> Array:
    """Images of another size: (N, H, W, C) -> (N, *size, C); pixel centres lie at half-integers."""
    n, height, width, channels = x.shape
    along_height = _weights_in(x.dtype, height, size[0], method)  # (H', H)
    along_width = _weights_in(x.dtype, width, size[1], method)  # (W', W)
    tall = np.matmul(along_height, x.reshape(n, height, width * channels))
    y: Array = np.matmul(along_width, tall.reshape(n * size[0], width, channels))
    return y.reshape(n, *size, channels)


def interpolate_backward(dy: Array, size: tuple[int, int], method: str) -> Array:
    """dx of `interpolate` for images that had `size`: (N, H', W', C) -> (N, *size, C)."""
    n, height, width, channels = dy.shape
    along_height = _weights_in(dy.dtype, size[0], height, method).T  # (H, H')
    along_width = _weights_in(dy.dtype, size[1], width, method).T  # (W, W')
    narrow = np.matmul(along_width, dy.reshape(n * height, width, channels))
    dx: Array = np.matmul(along_height, narrow.reshape(n, height, size[1] * channels))
    return dx.reshape(n, *size, channels)


@lru_cache(maxsize=64)
def _weights_in(dtype: Any, length: int, out: int, method: str) -> Array:
    return interpolation_weights(length, out, method).astype(dtype)


def interpolation_weights(length: int, out: int, method: str) -> Array:
    """How much each of `length` positions counts in each of `out`: (out, length), float64, rows that sum to 1.

    Positions outside the image have no weight; the others are scaled up to make good for them.
    """
    radius, kernel = _KERNELS[method]
    centres = (np.arange(out) + 0.5) * (length / out) - 0.5
    distance = np.abs(centres[:, None] - np.arange(length))
    weights = np.where(distance < radius, kernel(np.minimum(distance, radius)), 0.0)
    return weights / weights.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def _triangle(distance: Array) -> Array:
    return 1.0 - distance


def _cubic(distance: Array) -> Array:
    """The Keys kernel with a = -1/2."""
    near = (1.5 * distance - 2.5) * distance * distance + 1.0
    far = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
    return np.where(distance < 1.0, near, far)


def _lanczos(radius: float) -> Kernel:
    return lambda distance: np.sinc(distance) * np.sinc(distance / radius)


# How far each reaches, and the weight at a distance.
_KERNELS: dict[str, tuple[float, Kernel]] = {
    "bilinear": (1.0, _triangle),
    "bicubic": (2.0, _cubic),
    "lanczos3": (3.0, _lanczos(3.0)),
    "lanczos5": (5.0, _lanczos(5.0)),
}
