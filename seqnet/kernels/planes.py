"""Image rows where the algorithms of Cook and Toom work: transformed along the height, ready for the width.

Every "input" of kernels.cook_toom is a whole image row of W·C numbers here, so that B x and A [·] are matrix products
over contiguous rows. The rows stand in `Planes`: for each product k, the rows of all tiles of a few images, each
`pitch` pixels long: zeros, the row, and zeros where those of the next row don't do. Along the height, tiles of a few
output rows (the last may be incomplete) cover the image.

x: (N, 1, H, W, C), contiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels import cook_toom
from seqnet.kernels.products import strided
from seqnet.kernels.windows import ALIGNMENT, Scratch, Windows


@dataclass(frozen=True)
class Grid:
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


@lru_cache(maxsize=256)
def forward_grid(windows: Windows, dtype: Any) -> tuple[Grid, cook_toom.Algorithm]:
    _, out, count = windows.out
    _, taps, width = windows.kernel
    _, down, step = windows.strides
    plan = cook_toom.forward(cook_toom.outputs_for(out, taps, down), taps, down, dtype)
    left, pixels = windows.before[2], windows.size[2]
    right = (count - 1) * step + width - left - pixels
    pitch = max(count, -(-(pixels + max(left, right)) // step))  # padding between rows serves both
    return Grid(-(-out // plan.outputs), windows.before[1], left, pixels, step, pitch), plan


@lru_cache(maxsize=256)
def backward_grid(windows: Windows, dtype: Any) -> tuple[Grid, cook_toom.Algorithm]:
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
    grid = Grid(-(-height // plan.outputs), before, left, pixels, 1, pitch, first + 1 + left, crop_rows, crop)
    return grid, plan


@dataclass(slots=True)
class Planes:
    """`count` planes in one stretch of memory, each (images, tiles, pitch) groups of `width` numbers, and a tail."""

    memory: Array
    count: int
    images: int
    tiles: int
    pitch: int
    width: int
    origin: int = 0  # the first tile

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


def blocks(
    grid: Grid,
    plan: cook_toom.Algorithm,
    width: int,
    group: int,
    reach: Callable[[int], tuple[int, int]],
    images: int,
    limit: int,
    scratch: Scratch,
    dtype: Any,
) -> Iterator[tuple[int, slice, Planes, Planes]]:
    """A few images, or some tiles of one, at a time: (number, images, source, result).

    The source has rows of pixels of `width` numbers, with zeros between them, the result rows of groups of `group`;
    both take about `limit` bytes together. `reach` says how many pixels and groups it takes to compute some groups.
    """
    tile_bytes = plan.products * grid.pitch * (grid.step * width + group) * np.dtype(dtype).itemsize
    together = max(1, min(images, limit // (tile_bytes * grid.tiles)))
    together = -(-images // -(-images // together))
    tiles = max(1, min(grid.tiles, limit // (tile_bytes * together)))
    tiles = -(-grid.tiles // -(-grid.tiles // tiles))
    pixels, groups = reach(together * tiles * grid.pitch)
    groups = max(groups, together * tiles * grid.pitch)
    pixels = max(pixels, groups * grid.step)
    sizes = [-(-n // ALIGNMENT) * ALIGNMENT * plan.products for n in (pixels * width, groups * group)]
    memory = scratch((sum(sizes),), dtype)
    source = Planes(memory[: sizes[0]], plan.products, together, tiles, grid.pitch * grid.step, width)
    result = Planes(memory[sizes[0] :], plan.products, together, tiles, grid.pitch, group)
    source.clear_gaps(grid.left, grid.pixels)
    number = 0
    for start in range(0, images, together):  # the last block may be smaller, never the first
        part = slice(start, min(start + together, images))
        for origin in range(0, grid.tiles, tiles):
            for planes in (source, result):
                planes.images, planes.origin = part.stop - part.start, origin
                planes.tiles = min(tiles, grid.tiles - origin)
            yield number, part, source, result
            number += 1


def to_planes(matrix: Array, x: Array, step: int, before: int, planes: Planes, left: int) -> None:
    """Row k of tile i = Σ over j of matrix[k, j] · row i·step - before + j of the image x; rows outside are zero."""
    n, _, height, width, channels = x.shape
    line = width * channels
    before -= planes.origin * step
    for first, tiles, start, stop in _tiles(planes.tiles, step, before, matrix.shape[1], height):
        target = planes.rows(first, tiles, left * channels, line)
        if start >= stop:
            target[...] = 0.0
            continue
        shape, strides = (n, tiles, stop - start, line), (height * line, step * line, line, 1)
        rows = strided(x, shape, strides, (first * step - before + start) * line)
        np.matmul(matrix[:, start:stop], rows, out=target)


def from_planes(matrix: Array, planes: Planes, crop_rows: int, crop: int, y: Array) -> None:
    """Row i·step - crop_rows + j of the image y = Σ over k of matrix[j, k] · row k of tile i, from number `crop` on."""
    n, _, height, width, filters = y.shape
    line, step = width * filters, matrix.shape[0]
    crop_rows -= planes.origin * step
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
