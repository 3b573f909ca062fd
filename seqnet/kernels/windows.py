"""How a kernel or a pool walks over an image: lengths, steps and padding along three axes.

Convolution and pooling in one and two dimensions are the three-dimensional case with axes of length 1 in front, so
that each kernel is written once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqnet.arrays import Array

Triple = tuple[int, int, int]
Scratch = Callable[[tuple[int, ...], Any], Array]  # memory that is valid until the next request
ALIGNMENT = 16  # numbers; rows of scratch arrays start on a cache line


@dataclass(frozen=True, slots=True)
class Windows:
    """Along each axis (D, H, W), window i covers the positions i·stride - before + t·dilation, t < kernel.

    Positions outside 0 … size - 1 are padding; out counts the windows.
    """

    size: Triple
    out: Triple
    kernel: Triple
    strides: Triple
    dilation: Triple
    before: Triple
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numbers = (self.size, self.out, self.kernel, self.strides, self.dilation, self.before)
        object.__setattr__(self, "_hash", hash(numbers))

    def __hash__(self) -> int:
        """Made once: what is derived from windows is looked up in caches at every call."""
        return self._hash

    @property
    def taps(self) -> int:
        """Positions in one window."""
        return self.kernel[0] * self.kernel[1] * self.kernel[2]

    @property
    def positions(self) -> int:
        """Windows in one image."""
        return self.out[0] * self.out[1] * self.out[2]

    @property
    def is_pointwise(self) -> bool:
        """Whether every window is one position, in order, with nothing left out."""
        return self.kernel == (1, 1, 1) and self.strides == (1, 1, 1) and self.size == self.out

    def overlap(self, axis: int, tap: int, start: int = 0, stop: int | None = None) -> tuple[slice, slice]:
        """The windows in start … stop whose tap lies inside the image, and where it lies: (windows, positions)."""
        stride, offset = self.strides[axis], tap * self.dilation[axis] - self.before[axis]
        stop = self.out[axis] if stop is None else stop
        first = max(start, -(offset // stride))
        last = min(stop, (self.size[axis] - 1 - offset) // stride + 1)
        if first >= last:
            return slice(0, 0), slice(0, 0)
        at = first * stride + offset
        return slice(first, last), slice(at, (last - 1) * stride + offset + 1, stride)

    def span(self, axis: int, start: int, stop: int) -> tuple[int, int]:
        """The positions (padding counted) that the windows start … stop cover."""
        first = start * self.strides[axis] - self.before[axis]
        return first, first + (stop - start - 1) * self.strides[axis] + self.reach(axis)

    def block(self, axis: int, start: int, stop: int) -> tuple[Triple, list[tuple[int, int]]]:
        """The windows start … stop along one axis, all along the others: how many there are, and what they span."""
        counts = [(start, stop) if a == axis else (0, self.out[a]) for a in range(3)]
        d, h, w = (high - low for low, high in counts)
        return (d, h, w), [self.span(a, low, high) for a, (low, high) in enumerate(counts)]

    @property
    def block_axis(self) -> int:
        """The axis whose rows of one image lie together in memory: the first that has more than one window."""
        return next((axis for axis in (0, 1) if self.out[axis] > 1), 2)

    def reach(self, axis: int) -> int:
        """The length that one window spans."""
        return (self.kernel[axis] - 1) * self.dilation[axis] + 1


def triple(values: tuple[int, ...], fill: int = 1) -> Triple:
    """(k,) -> (1, 1, k), (h, w) -> (1, h, w)."""
    a, b, c = (fill,) * (3 - len(values)) + tuple(values)
    return a, b, c


def in_three(x: Array) -> Array:
    """(N, T, C) or (N, H, W, C) -> a view (N, D, H, W, C)."""
    return x.reshape(x.shape[0], *(1,) * (5 - x.ndim), *x.shape[1:])


def carve(scratch: Scratch, dtype: Any, *shapes: tuple[int, ...]) -> list[Array]:
    """Several arrays in one request of scratch memory."""
    sizes = [math.prod(shape) for shape in shapes]
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + -(-size // ALIGNMENT) * ALIGNMENT)
    memory = scratch((starts[-1],), dtype)
    return [memory[a : a + n].reshape(shape) for a, n, shape in zip(starts, sizes, shapes, strict=False)]


def blocks(images: int, rows: int, row_bytes: int, limit: int) -> Iterator[tuple[slice, int, int]]:
    """Cut `images` of `rows` rows each into blocks of about `limit` bytes: (images, first row, last row + 1).

    A block is several whole images, or rows of one.
    """
    together = min(images, limit // max(1, rows * row_bytes))
    if together >= 1:
        count = -(-images // together)
        for i in range(count):
            yield slice(images * i // count, images * (i + 1) // count), 0, rows
        return
    count = -(-rows // max(1, limit // row_bytes))
    for n in range(images):
        for i in range(count):
            yield slice(n, n + 1), rows * i // count, rows * (i + 1) // count


def padding_shape(x: Array, windows: Windows, spans: list[tuple[int, int]]) -> tuple[int, ...]:
    """The shape of the buffer that `covered` needs: (0,) where the spans lie inside the image."""
    if all(low >= 0 and high <= size for (low, high), size in zip(spans, windows.size, strict=True)):
        return (0,)
    return (len(x), *(high - low for low, high in spans), x.shape[-1])


def covered(x: Array, windows: Windows, spans: list[tuple[int, int]], buffer: Array) -> Array:
    """The part of x (N, D, H, W, C) in the spans, with zeros around the image: a view of x, or a copy in `buffer`."""
    if buffer.ndim == 1:
        (d, d_end), (h, h_end), (w, w_end) = spans
        return x[:, d:d_end, h:h_end, w:w_end]
    cover(x, windows, spans, buffer)
    return buffer


def cover(x: Array, windows: Windows, spans: list[tuple[int, int]], buffer: Array) -> None:
    """Copy the part of x in the spans into `buffer`, with zeros around the image; where the buffer is narrower than the
    span, every so many columns of it."""
    here, there = [], []
    for (low, high), size, length in zip(spans, windows.size, buffer.shape[1:4], strict=True):
        step = (high - low) // length
        first = max(0, -(low // step))
        stop = max(first, -((low - min(high, size)) // step))
        here.append(slice(first, stop))
        there.append(slice(low + first * step, max(0, low + (stop - 1) * step + 1), step))
    for axis, part in enumerate(here, 1):  # zeros go around what is copied, and nowhere else
        before = (slice(None), *here[: axis - 1])
        buffer[(*before, slice(0, part.start))] = 0.0
        buffer[(*before, slice(part.stop, None))] = 0.0
    if buffer.strides[-1] == x.strides[-1] == x.itemsize:
        x, buffer = whole_pixels(x), whole_pixels(buffer)
    np.copyto(buffer[(slice(None), *here)], x[(slice(None), *there)])


def window_view(source: Array, windows: Windows, counts: Triple) -> Array:
    """Each window of `source`, as a view (N, *counts, kD, kH, kW, C)."""
    image, *steps, unit = source.strides
    return np.lib.stride_tricks.as_strided(
        source,
        (len(source), *counts, *windows.kernel, source.shape[-1]),
        (
            image,
            *(step * stride for step, stride in zip(steps, windows.strides, strict=True)),
            *(step * dilation for step, dilation in zip(steps, windows.dilation, strict=True)),
            unit,
        ),
        writeable=False,
    )


def whole_pixels(x: Array) -> Array:
    """x with its channels as one item, (…, C) -> (…, 1): NumPy copies long items much faster than short rows."""
    return x.view(np.dtype((np.void, x.shape[-1] * x.itemsize)))


def add_bias(y: Array, bias: Array | None) -> None:
    """y += bias, over whole image rows at once: short rows cost NumPy more than the addition."""
    if bias is not None:
        rows = y.reshape(-1, y.shape[-2] * y.shape[-1])
        rows += np.tile(bias, y.shape[-2])
