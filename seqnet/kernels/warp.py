"""Affine maps of images: every pixel of the output looks up a place in the input, between pixels too.

A map is six numbers a0 a1 a2 b0 b1 b2: output pixel (x, y) is what the input has at (a0 x + a1 y + a2,
b0 x + b1 y + b2), x along the width and y along the height, pixel centres at whole numbers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from seqnet.arrays import Array

FillMode = Literal["reflect", "wrap", "constant", "nearest"]
Interpolation = Literal["nearest", "bilinear"]


class Places(NamedTuple):
    """Where the pixels of the output lie in the input: y = Σ weights · x[indices] + rest · fill value.

    indices: of pixels, all images in one row, each (N, H, W). weights: (N, H, W), None for 1. rest: what the weights
    lack of 1 because pixels outside the image have none; None for nothing.
    """

    indices: list[Array]
    weights: list[Array | None]
    rest: Array | None


def rotation(angle: Array, height: int, width: int) -> Array:
    """(N,) radians -> (N, 6): about the centre of the image, counter-clockwise for positive angles."""
    cos, sin, centre = np.cos(angle), np.sin(angle), ((width - 1) / 2, (height - 1) / 2)
    zero = centre[0] - centre[0] * cos + centre[1] * sin
    return np.stack([cos, -sin, zero, sin, cos, centre[1] - centre[0] * sin - centre[1] * cos], axis=1)


def zoom(across: Array, down: Array, height: int, width: int) -> Array:
    """(N,), (N,) -> (N, 6): what the centre of the image is stretched by is 1 / across and 1 / down."""
    zero = np.zeros_like(across)
    offsets = (width - 1) / 2 * (1 - across), (height - 1) / 2 * (1 - down)
    return np.stack([across, zero, offsets[0], zero, down, offsets[1]], axis=1)


def translation(right: Array, down: Array) -> Array:
    """(N,), (N,) pixels -> (N, 6)."""
    one, zero = np.ones_like(right), np.zeros_like(right)
    return np.stack([one, zero, -right, zero, one, -down], axis=1)


def shear(across: Array, down: Array) -> Array:
    """(N,), (N,) -> (N, 6): x moves by across · y, and y by down · x."""
    one, zero = np.ones_like(across), np.zeros_like(across)
    return np.stack([one, across, zero, down, one, zero], axis=1)


def affine_places(
    maps: Array, shape: tuple[int, ...], dtype: np.dtype, mode: FillMode, interpolation: Interpolation
) -> Places:
    """What `look_up` needs for maps (N, 6) of images of `shape` (N, H, W, C)."""
    n, height, width, _ = shape
    a0, a1, a2, b0, b1, b2 = (column.reshape(n, 1, 1) for column in maps.astype(dtype).T)
    x, y = np.arange(width, dtype=dtype), np.arange(height, dtype=dtype)[:, None]
    # Where height and width do not mix, the places of a line are the same in all lines.
    across = a0 * x + a2 if not a1.any() else a0 * x + (a1 * y + a2)
    down = b1 * y + b2 if not b0.any() else b1 * y + (b0 * x + b2)
    columns = _along(across, width, mode, interpolation)
    rows = _along(down, height, mode, interpolation)
    images = (np.arange(n, dtype=np.intp) * (height * width)).reshape(n, 1, 1)
    starts = [(index * width + images, weight) for index, weight in rows]
    whole = (n, height, width)
    indices = [np.broadcast_to(start + index, whole) for start, _ in starts for index, _ in columns]
    if interpolation == "nearest" and mode != "constant":
        return Places(indices, [None], None)
    weights = [np.broadcast_to(down * across, whole) for _, down in starts for _, across in columns]
    rest = None
    if mode == "constant":
        total = sum(weight for _, weight in rows) * sum(weight for _, weight in columns)
        rest = np.broadcast_to(1 - total, whole)
    return Places(indices, list(weights), rest)


def _along(places: Array, size: int, mode: FillMode, interpolation: Interpolation) -> list[tuple[Array, Array]]:
    """The one or two pixels of an axis next to each place, and the weight of each."""
    limit = 1 << 24  # places farther out than numbers can tell apart look like any other
    if interpolation == "nearest":  # half-way places away from zero
        lower = np.trunc(places + np.copysign(0.5, places))
        upper_weight = None
    else:
        lower = np.floor(places)
        upper_weight = places - lower
    index = np.clip(lower, -limit, limit).astype(np.intp)
    low, high = int(index.min()), int(index.max())
    index -= low
    if high - low > 64 * size + 1024:  # a map so wild that a table would be larger than the image
        fixed = [_inside(index + low, size, mode), _inside(index + low + 1, size, mode)]
        valid = [_is_inside(index + low, size), _is_inside(index + low + 1, size)]
    else:
        table, flags = _table(low, high, size, mode)
        fixed = [table.take(index), table[1:].take(index)]
        valid = [flags.take(index), flags[1:].take(index)] if mode == "constant" else []
    weights = [np.ones_like(places)] if upper_weight is None else [1 - upper_weight, upper_weight]
    if mode == "constant":
        weights = [weight * ok for weight, ok in zip(weights, valid, strict=False)]
    return list(zip(fixed, weights, strict=False))


@lru_cache(maxsize=256)
def _table(low: int, high: int, size: int, mode: FillMode) -> tuple[Array, Array]:
    """The pixel that stands for each index from low to high + 1, and whether that is the index itself."""
    index = np.arange(low, high + 2)
    return _inside(index, size, mode), _is_inside(index, size)


def _inside(index: Array, size: int, mode: FillMode) -> Array:
    """The pixel of an axis that stands for one beyond its ends.

    reflect: d c b a | a b c d | d c b a. wrap: a b c d | a b c d | a b c d. nearest: a a a a | a b c d | d d d d.
    """
    if mode == "wrap":
        return np.asarray(index % size)
    if mode == "reflect":
        index = index % (2 * size)
        return np.asarray(np.minimum(index, 2 * size - 1 - index))
    return np.clip(index, 0, size - 1)


def _is_inside(index: Array, size: int) -> Array:
    return (index >= 0) & (index < size)


def look_up(x: Array, places: Places, fill_value: float = 0.0) -> Array:
    """The images (N, H, W, C) as a map shows them."""
    pixels = x.reshape(-1, x.shape[-1])
    y: Array | None = None
    for index, weight in zip(places.indices, places.weights, strict=True):
        part = pixels.take(index, axis=0)
        if weight is not None:
            part *= weight[..., None]
        y = part if y is None else np.add(y, part, out=y)
    assert y is not None
    if places.rest is not None and fill_value:
        y += (places.rest * fill_value)[..., None].astype(x.dtype)
    return y


def look_up_backward(dy: Array, places: Places) -> Array:
    """dx: what each pixel of the input gave to those of the output."""
    channels = dy.shape[-1]
    dx = np.zeros((dy[..., 0].size, channels), dy.dtype)
    for index, weight in zip(places.indices, places.weights, strict=True):
        flat = index.reshape(-1)
        for channel in range(channels):
            part = dy[..., channel] if weight is None else dy[..., channel] * weight
            dx[:, channel] += np.bincount(flat, part.reshape(-1), len(dx))
    return dx.reshape(dy.shape)
