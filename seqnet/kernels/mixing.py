"""Rows of a batch mixed with other rows of it: shares of both, or a box of one in the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seqnet.arrays import Array


class Boxes(NamedTuple):
    """A box in each image, (N,) each: from left (included) to right, from top to bottom, in pixels and parts of them.

    A pixel is in the box where its number is at or beyond the one edge and below the other.
    """

    left: Array
    right: Array
    top: Array
    bottom: Array

    def outside(self, height: int, width: int) -> Array:
        """The share of each image that the box leaves, (N,)."""
        return np.asarray(1 - (self.right - self.left) * (self.bottom - self.top) / (height * width))


def blend(x: Array, order: Array, weight: Array) -> Array:
    """weight x + (1 - weight) x[order], row by row. x: (N, ...) floats, weight: (N,)."""
    weight = weight.astype(x.dtype).reshape(-1, *([1] * (x.ndim - 1)))
    y: Array = x.take(order, axis=0)
    y *= 1 - weight
    y += x * weight
    return y


def boxes_of(share: Array, across: Array, down: Array, height: int, width: int) -> Boxes:
    """Boxes that cover a share of the image (N,), of its form, at places from 0 to 1 along both axes (N,)."""
    side = np.sqrt(share)
    left, top = across * (width - side * width), down * (height - side * height)
    return Boxes(left, left + side * width, top, top + side * height)


def paste(x: Array, order: Array, boxes: Boxes) -> Array:
    """x with a box of x[order] in each image at the same place. x: (N, H, W, C)."""
    y = x.copy()
    left, right, top, bottom = (np.ceil(edge).astype(int).tolist() for edge in boxes)
    for i, other in enumerate(order.tolist()):
        rows, columns = slice(top[i], bottom[i]), slice(left[i], right[i])
        y[i, rows, columns] = x[other, rows, columns]
    return y
