"""Convolution with few multiplications: the algorithms of Cook and Toom along the height, half the work for 3×3.

Here every "input" of kernels.cook_toom is a whole image row of W·C numbers. So B x and A [·] are matrix products over
contiguous rows, and each product left between them is a convolution along the width alone. That one needs no gathering
either: in a row (W, C) the windows of kW pixels are kW·C neighbouring numbers, and every kW-th window together they
are a matrix that the BLAS can read in place.

The rows stand in `_Planes`: for each product k, the rows of all tiles of a few images, each `pitch` pixels long: zeros,
the row, and zeros where those of the next row don't do. Along the height, tiles of a few output rows (the last may be
incomplete) cover the image.

x: (N, 1, H, W, C), kernel: (1, kH, kW, C, F), y: (N, 1, H', W', F), all contiguous; no dilation.

References: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, arXiv:1509.09308.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels import cook_toom
from seqnet.kernels.cook_toom import AT_ONE
from seqnet.kernels.products import by_columns, divisors_for, piece_shape, strided
from seqnet.kernels.windows import ALIGNMENT, Scratch, Windows

BLOCK_BYTES = 1_200_000  # of planes at a time: what stays near the core while a few images pass through


def pays(windows: Windows) -> bool:
    """Whether these windows can be convolved this way, and with fewer multiplications than one a tap."""
    flat = windows.kernel[0] == windows.size[0] == 1 and windows.dilation == (1, 1, 1)
    return flat and cook_toom.outputs_for(windows.out[1], windows.kernel[1], windows.strides[1]) > 0


def forward(x: Array, kernel: Array, bias: Array | None, windows: Windows, scratch: Scratch, y: Array) -> None:
    """y = the convolution of x, + bias, written into y."""
    taps, width, channels, filters = kernel.shape[1:]
    grid, plan = _forward_grid(windows, x.dtype)
    weights = np.matmul(plan.weigh, kernel.reshape(taps, -1)).reshape(plan.products, -1, filters)
    strip = _Strip(weights, width, grid.step)
    for images, source, result in _blocks(grid, plan, channels, filters, [strip], len(x), scratch, x.dtype):
        _to_planes(plan.spread, x[images], plan.step, grid.before, source, grid.left)
        _convolve_rows(source, strip, result)
        if bias is not None:  # a row at a time: short rows cost NumPy more than the addition
            rows = result.plane(AT_ONE)[: result.length].reshape(-1, result.pitch * filters)
            rows += np.tile(bias, result.pitch)
        _from_planes(plan.collect, result, 0, 0, y[images])


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> tuple[Array, Array]:
    """dkernel, shaped as the kernel, and dbias = Σ dy."""
    width, channels, filters = kernel.shape[2:]
    grid, plan = _forward_grid(windows, x.dtype)
    total = np.empty((plan.products, width, channels, filters), x.dtype)
    dbias = np.zeros(filters, x.dtype)
    strip = _Strip(total.reshape(plan.products, -1, filters), width, grid.step)
    for images, source, slope in _blocks(grid, plan, channels, filters, [strip], len(x), scratch, x.dtype):
        _to_planes(plan.spread, x[images], plan.step, grid.before, source, grid.left)
        if images.start == 0:
            slope.clear_gaps(0, windows.out[2])
        _to_planes(plan.collect.T, dy[images], plan.outputs, 0, slope, 0)
        part = total if images.start == 0 else np.empty_like(total)
        down, across = divisors_for(channels, slope.length, filters)
        pieces = part.reshape(*total.shape[:2], channels // down, down, filters // across, across).swapaxes(3, 4)
        np.matmul(source.shifted(width, grid.step, slope.length, down), slope.positions(across), out=pieces)
        if images.start > 0:
            total += part
        dbias += np.ones(slope.length, x.dtype) @ slope.plane(AT_ONE)[: slope.length]
    dkernel: Array = np.matmul(plan.weigh.T, total.reshape(plan.products, -1)).reshape(kernel.shape)
    return dkernel, dbias


def input_gradient(dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    """dx: (N, 1, H, W, C). Every phase of the stride is a convolution of dy with every stride-th tap, turned around."""
    taps, width, channels, filters = kernel.shape[1:]
    stride = windows.strides[2]
    grid, plan = _backward_grid(windows, dy.dtype)
    turned = kernel[0].swapaxes(2, 3)  # (kH, kW, F, C)
    strips = []
    for phase, length in enumerate(cook_toom.phase_lengths(width, stride)):
        part = np.ascontiguousarray(turned[:, phase::stride][:, ::-1])
        weights = np.matmul(plan.weigh, part.reshape(taps, -1)).reshape(plan.products, -1, channels)
        strips.append(_Strip(weights, length, 1, grid.reach - length, phase * channels))
    dx = np.empty((len(dy), *windows.size, channels), dy.dtype)
    for images, source, result in _blocks(grid, plan, filters, stride * channels, strips, len(dy), scratch, dy.dtype):
        if images.start == 0 and len(strips) < stride:
            result.memory.fill(0.0)  # for the pixels that no window covers
        _to_planes(plan.spread, dy[images], plan.step, grid.before, source, grid.left)
        for strip in strips:
            _convolve_rows(source, strip, result)
        _from_planes(plan.collect, result, grid.crop_rows, grid.crop * channels, dx[images])
    return dx


@dataclass(frozen=True)
class _Grid:
    """Where rows stand in the planes. The source's rows are `step` pixels for each group of numbers in the result's."""

    tiles: int
    before: int  # rows of padding above the first tile's first row
    left: int  # pixels of padding before a row of the source
    pixels: int  # in a row of the source
    step: int
    pitch: int  # groups from one row of the result to the next
    reach: int = 0  # where the windows of the backward pass end: pixels from the group's own
    crop_rows: int = 0  # rows of the first tile above the image
    crop: int = 0  # pixels of the result before the image


@dataclass(frozen=True)
class _Strip:
    """One convolution along the width: its weights (p, taps · channels, columns), and where it reads and writes."""

    weights: Array
    taps: int
    step: int  # pixels from one window to the next
    offset: int = 0  # pixel where the first window starts
    column: int = 0  # number where its results start in each group

    def cut(self, groups: int) -> tuple[int, int, int, int]:
        """In how many matrices the windows of `groups` groups stand apart, the rows of each, and of the pieces rows and
        columns."""
        apart = -(-self.taps // self.step)
        rows = -(-groups // apart)
        step, across = piece_shape(rows, *self.weights.shape[1:])
        return apart, -(-rows // step) * step, step, across


@lru_cache(maxsize=256)
def _forward_grid(windows: Windows, dtype: Any) -> tuple[_Grid, cook_toom.Algorithm]:
    _, out, count = windows.out
    _, taps, width = windows.kernel
    _, down, step = windows.strides
    plan = cook_toom.forward(cook_toom.outputs_for(out, taps, down), taps, down, dtype)
    left, pixels = windows.before[2], windows.size[2]
    right = (count - 1) * step + width - left - pixels
    pitch = max(count, -(-(pixels + max(left, right)) // step))  # padding between rows serves both
    return _Grid(-(-out // plan.outputs), windows.before[1], left, pixels, step, pitch), plan


@lru_cache(maxsize=256)
def _backward_grid(windows: Windows, dtype: Any) -> tuple[_Grid, cook_toom.Algorithm]:
    _, taps, width = windows.kernel
    _, down, stride = windows.strides
    first_row, crop_rows = divmod(windows.before[1], down)
    height = crop_rows + windows.size[1]
    plan = cook_toom.backward(cook_toom.outputs_for(-(-height // down), taps, down), taps, down, dtype)
    first, crop = divmod(windows.before[2], stride)
    groups, pixels = -(-(crop + windows.size[2]) // stride), windows.out[2]
    left = max(0, -(-width // stride) - 1 - first)
    pitch = max(groups, pixels + max(left, first + groups - pixels))
    before = -(-taps // down) - 1 - first_row
    grid = _Grid(-(-height // plan.outputs), before, left, pixels, 1, pitch, first + 1 + left, crop_rows, crop)
    return grid, plan


@dataclass(slots=True)
class _Planes:
    """`count` planes in one stretch of memory, each (images, tiles, pitch) groups of `width` numbers, and a tail."""

    memory: Array
    count: int
    images: int
    tiles: int
    pitch: int
    width: int

    @property
    def size(self) -> int:
        """Numbers from one plane to the next."""
        return len(self.memory) // self.count

    @property
    def length(self) -> int:
        """Groups in a plane."""
        return self.images * self.tiles * self.pitch

    def plane(self, index: int) -> Array:
        """One plane with its tail: (groups, width)."""
        part = self.memory[index * self.size : (index + 1) * self.size]
        return part[: len(part) // self.width * self.width].reshape(-1, self.width)

    def clear_gaps(self, left: int, length: int) -> None:
        """Zeros around the rows, which fill the groups left … left + length, and in the tails."""
        planes = self.memory.reshape(self.count, -1)
        filled = self.length * self.width
        planes[:, filled:] = 0.0
        rows = planes[:, :filled].reshape(self.count, -1, self.pitch, self.width)
        rows[:, :, :left] = 0.0
        rows[:, :, left + length :] = 0.0

    def rows(self, first: int, tiles: int, start: int, length: int) -> Array:
        """`length` numbers of the rows of `tiles` tiles, from number `start` on: (images, tiles, count, length)."""
        row = self.pitch * self.width
        shape = (self.images, tiles, self.count, length)
        return strided(self.memory, shape, (self.tiles * row, row, self.size, 1), first * row + start)

    def shifted(self, taps: int, step: int, length: int, down: int) -> Array:
        """Every step-th pixel from each of the first `taps` on, transposed, `down` numbers of each at a time.

        (count, taps, width / down, 1, down, length).
        """
        shape = (self.count, taps, self.width // down, 1, down, length)
        return strided(self.memory, shape, (self.size, self.width, down, 0, 1, step * self.width))

    def positions(self, across: int) -> Array:
        """`across` numbers of each group at a time: (count, 1, 1, width / across, length, across)."""
        shape = (self.count, 1, 1, self.width // across, self.length, across)
        return strided(self.memory, shape, (self.size, 0, 0, across, self.width, 1))


def _blocks(
    grid: _Grid,
    plan: cook_toom.Algorithm,
    width: int,
    group: int,
    strips: list[_Strip],
    images: int,
    scratch: Scratch,
    dtype: Any,
) -> Iterator[tuple[slice, _Planes, _Planes]]:
    """A few images at a time, with planes for rows of pixels of `width` numbers and for rows of groups of `group`.

    The gaps of the first are zeros.
    """
    image = grid.tiles * grid.pitch
    image_bytes = plan.products * image * (grid.step * width + group) * np.dtype(dtype).itemsize
    together = max(1, min(images, BLOCK_BYTES // image_bytes))
    together = -(-images // -(-images // together))
    pixels = groups = together * image
    for strip in strips:
        apart, rows, _, _ = strip.cut(together * image)
        groups = max(groups, apart * rows)
        pixels = max(pixels, strip.offset + (apart * rows - 1) * strip.step + strip.taps)
    pixels = max(pixels, groups * grid.step)
    sizes = [-(-n // ALIGNMENT) * ALIGNMENT * plan.products for n in (pixels * width, groups * group)]
    memory = scratch((sum(sizes),), dtype)
    source = _Planes(memory[: sizes[0]], plan.products, together, grid.tiles, grid.pitch * grid.step, width)
    result = _Planes(memory[sizes[0] :], plan.products, together, grid.tiles, grid.pitch, group)
    source.clear_gaps(grid.left, grid.pixels)
    for start in range(0, images, together):  # the last block may be smaller, never the first
        part = slice(start, min(start + together, images))
        source.images = result.images = part.stop - part.start
        yield part, source, result


def _convolve_rows(source: _Planes, strip: _Strip, result: _Planes) -> None:
    """The convolution along the width in every plane. Window i·apart + j is row i of matrix j."""
    apart, rows, step, across = strip.cut(result.length)
    count, inner, columns = strip.weights.shape
    pixel, group = apart * strip.step * source.width, apart * result.width
    windows = strided(
        source.memory,
        (count, apart, 1, rows // step, step, inner),
        (source.size, strip.step * source.width, 0, step * pixel, pixel, 1),
        strip.offset * source.width,
    )
    out = strided(
        result.memory,
        (count, apart, columns // across, rows // step, step, across),
        (result.size, result.width, across, step * group, group, 1),
        strip.column,
    )
    np.matmul(windows, by_columns(strip.weights, across)[:, None, :, None], out=out)


def _to_planes(matrix: Array, x: Array, step: int, before: int, planes: _Planes, left: int) -> None:
    """Row k of tile i = Σ over j of matrix[k, j] · row i·step - before + j of the image; rows outside are zero."""
    n, _, height, width, channels = x.shape
    line = width * channels
    for first, tiles, start, stop in _tiles(planes.tiles, step, before, matrix.shape[1], height):
        target = planes.rows(first, tiles, left * channels, line)
        if start >= stop:
            target[...] = 0.0
            continue
        shape, strides = (n, tiles, stop - start, line), (height * line, step * line, line, 1)
        rows = strided(x, shape, strides, (first * step - before + start) * line)
        np.matmul(matrix[:, start:stop], rows, out=target)


def _from_planes(matrix: Array, planes: _Planes, crop_rows: int, crop: int, y: Array) -> None:
    """Row i·step - crop_rows + j of the image = Σ over k of matrix[j, k] · row k of tile i, from number `crop` on."""
    n, _, height, width, filters = y.shape
    line, step = width * filters, matrix.shape[0]
    for first, tiles, start, stop in _tiles(planes.tiles, step, crop_rows, step, height):
        shape, strides = (n, tiles, stop - start, line), (height * line, step * line, line, 1)
        rows = strided(y, shape, strides, (first * step - crop_rows + start) * line)
        np.matmul(matrix[start:stop], planes.rows(first, tiles, crop, line), out=rows)


@lru_cache(maxsize=256)
def _tiles(tiles: int, step: int, before: int, taken: int, height: int) -> tuple[tuple[int, int, int, int], ...]:
    """Tiles that see alike much of the image: (first tile, how many, first row inside, last row inside + 1)."""
    found: list[tuple[int, int, int, int]] = []
    for i in range(tiles):
        start = max(0, before - i * step)
        stop = min(taken, height + before - i * step)
        if found and found[-1][2:] == (start, stop):
            found[-1] = (found[-1][0], found[-1][1] + 1, start, stop)
        else:
            found.append((i, 1, start, stop))
    return tuple(found)
