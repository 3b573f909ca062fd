"""Enlarging and shrinking images: by repeating pixels, or by weights between neighbours.

Interpolation along an axis is a product with a matrix of weights, made once for a pair of lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

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


class Box(NamedTuple):
    """A part of an image by its first row and column, which lie outside of it where they are negative."""

    top: int
    left: int
    height: int
    width: int

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width


def largest_part(height: int, width: int, to_height: int, to_width: int) -> Box:
    """The largest part in the middle of an image with the proportions of another size, to whole pixels."""
    tall = max(min(height, int(float(width * to_height) / to_width)), 1)
    wide = max(min(width, int(float(height * to_width) / to_height)), 1)
    return Box((height - tall) // 2, (width - wide) // 2, tall, wide)


def smallest_frame(height: int, width: int, to_height: int, to_width: int) -> Box:
    """The smallest frame around an image with the proportions of another size, with as much on either side."""
    above = (max(height, int(float(width * to_height) / to_width)) - height) // 2
    beside = 0 if above else (max(width, int(float(height * to_width) / to_height)) - width) // 2
    return Box(-above, -beside, height + 2 * above, width + 2 * beside)


def place(x: Array, box: Box, filling: float) -> Array:
    """The part of images (N, H, W, C) that a box says, with `filling` where it reaches outside."""
    if box.top >= 0 and box.left >= 0:
        return x[:, box.top : box.top + box.height, box.left : box.left + box.width]
    y = np.full((len(x), *box.size, x.shape[3]), filling, x.dtype)
    y[:, -box.top : x.shape[1] - box.top, -box.left : x.shape[2] - box.left] = x
    return y


def place_backward(dy: Array, box: Box, shape: tuple[int, ...]) -> Array:
    """dx of `place` for images of a shape."""
    if box.top < 0 or box.left < 0:
        return dy[:, -box.top : shape[1] - box.top, -box.left : shape[2] - box.left]
    dx = np.zeros(shape, dy.dtype)
    dx[:, box.top : box.top + box.height, box.left : box.left + box.width] = dy
    return dx


def interpolate(x: Array, size: tuple[int, int], method: str, antialias: bool = False) -> Array:
    """Images of another size: (N, H, W, C) -> (N, *size, C); pixel centres lie at half-integers."""
    n, height, width, channels = x.shape
    if method == "nearest":
        rows, columns = _nearest(height, size[0]), _nearest(width, size[1])
        return x[:, rows[:, None], columns]
    along_height = _weights_in(x.dtype, height, size[0], method, antialias)  # (H', H)
    along_width = _weights_in(x.dtype, width, size[1], method, antialias)  # (W', W)
    tall = np.matmul(along_height, x.reshape(n, height, width * channels))
    y: Array = np.matmul(along_width, tall.reshape(n * size[0], width, channels))
    return y.reshape(n, *size, channels)


def interpolate_backward(dy: Array, size: tuple[int, int], method: str, antialias: bool = False) -> Array:
    """dx of `interpolate` for images that had `size`: (N, H', W', C) -> (N, *size, C)."""
    n, height, width, channels = dy.shape
    along_height = _weights_in(dy.dtype, size[0], height, method, antialias).T  # (H, H')
    along_width = _weights_in(dy.dtype, size[1], width, method, antialias).T  # (W, W')
    narrow = np.matmul(along_width, dy.reshape(n * height, width, channels))
    dx: Array = np.matmul(along_height, narrow.reshape(n, height, size[1] * channels))
    return dx.reshape(n, *size, channels)


@lru_cache(maxsize=64)
def _weights_in(dtype: Any, length: int, out: int, method: str, antialias: bool = False) -> Array:
    return interpolation_weights(length, out, method, antialias).astype(dtype)


def _nearest(length: int, out: int) -> Array:
    """Which position each of `out` takes."""
    return ((np.arange(out) + 0.5) * (length / out)).astype(np.intp)


def interpolation_weights(length: int, out: int, method: str, antialias: bool = False) -> Array:
    """How much each of `length` positions counts in each of `out`: (out, length), float64, rows that sum to 1.

    Positions outside the image have no weight; the others are scaled up to make good for them. antialias: where the
    image shrinks, the kernel is as much wider.
    """
    if method == "nearest":
        taken: Array = _nearest(length, out)[:, None] == np.arange(length)
        return taken.astype(np.float64)
    radius, kernel = _KERNELS[method]
    centres = (np.arange(out) + 0.5) * (length / out) - 0.5
    distance = np.abs(centres[:, None] - np.arange(length)) / (max(length / out, 1.0) if antialias else 1.0)
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
