"""Convolution with few multiplications: the algorithms of Cook and Toom along the height, half the work for 3×3.

Rows are transformed along the height in kernels.planes; what is left of each product is a convolution along the width
alone. That one needs no gathering: in a row (W, C) the windows of kW pixels are kW·C neighbouring numbers, and every
kW-th window together they are a matrix that the BLAS can read in place.

x: (N, 1, H, W, C), kernel: (1, kH, kW, C, F), y: (N, 1, H', W', F), all contiguous; no dilation.

References: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, arXiv:1509.09308.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqnet.arrays import Array, empty
from seqnet.kernels import cook_toom
from seqnet.kernels.cook_toom import AT_ONE
from seqnet.kernels.planes import Grid, Planes, backward_grid, blocks, forward_grid, from_planes, to_planes
from seqnet.kernels.products import by_columns, column_sums, divisors_for, piece_shape, strided, turned
from seqnet.kernels.windows import Scratch, Windows

BLOCK_BYTES = 1_200_000  # of planes at a time: what stays near the core while a few images pass through
FEW_WINDOWS = 64  # transforming the kernel costs as much as it saves over about this many
LARGE_MATRIX = 32_768  # numbers; turning larger ones around takes its own time


def pays(windows: Windows) -> bool:
    """Whether these windows can be convolved this way, and with fewer multiplications than one a tap."""
    flat = windows.kernel[0] == windows.size[0] == 1 and windows.dilation == (1, 1, 1)
    return flat and cook_toom.outputs_for(windows.out[1], windows.kernel[1], windows.strides[1]) > 0


def pays_for(images: int, windows: Windows, turned_size: int = 0) -> bool:
    """Whether it pays for so many images; `turned_size`: numbers of a tap's matrix that has to be turned around."""
    few = FEW_WINDOWS * max(1, turned_size // LARGE_MATRIX)
    return images * windows.positions >= few and pays(windows)


def forward(x: Array, kernel: Array, bias: Array | None, windows: Windows, scratch: Scratch, y: Array) -> None:
    """y = the convolution of x, + bias, written into y."""
    taps, width, channels, filters = kernel.shape[1:]
    grid, plan = forward_grid(windows, x.dtype)
    weights = np.matmul(plan.weigh, kernel.reshape(taps, -1)).reshape(plan.products, -1, filters)
    strip = _Strip(weights, width, grid.step)
    for _, images, source, result in _blocks(grid, plan, channels, filters, [strip], len(x), scratch, x.dtype):
        to_planes(plan.spread, x[images], plan.step, grid.before, source, grid.left)
        _convolve_rows(source, strip, result)
        if bias is not None:  # a row at a time: short rows cost NumPy more than the addition
            rows = result.plane(AT_ONE)[: result.length].reshape(-1, result.pitch * filters)
            rows += np.tile(bias, result.pitch)
        from_planes(plan.collect, result, 0, 0, y[images])


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> tuple[Array, Array]:
    """dkernel, shaped as the kernel, and dbias = Σ dy."""
    width, channels, filters = kernel.shape[2:]
    grid, plan = forward_grid(windows, x.dtype)
    total = np.empty((plan.products, width, channels, filters), x.dtype)
    dbias = np.zeros(filters, x.dtype)
    strip = _Strip(total.reshape(plan.products, -1, filters), width, grid.step)
    for number, images, source, slope in _blocks(grid, plan, channels, filters, [strip], len(x), scratch, x.dtype):
        to_planes(plan.spread, x[images], plan.step, grid.before, source, grid.left)
        if number == 0:
            slope.clear_gaps(0, windows.out[2])
        to_planes(plan.collect.T, dy[images], plan.outputs, 0, slope, 0)
        part = total if number == 0 else np.empty_like(total)
        down, across = divisors_for(channels, slope.length, filters)
        pieces = part.reshape(*total.shape[:2], channels // down, down, filters // across, across).swapaxes(3, 4)
        np.matmul(source.shifted(width, grid.step, slope.length, down), slope.positions(across), out=pieces)
        if number > 0:
            total += part
        dbias += column_sums(slope.plane(AT_ONE)[: slope.length])
    dkernel: Array = np.matmul(plan.weigh.T, total.reshape(plan.products, -1)).reshape(kernel.shape)
    return dkernel, dbias


def input_gradient(dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> Array:
    """dx: (N, 1, H, W, C). Every phase of the stride is a convolution of dy with every stride-th tap, turned around."""
    taps, width, channels, filters = kernel.shape[1:]
    stride = windows.strides[2]
    grid, plan = backward_grid(windows, dy.dtype)
    strips = []
    for phase, length in enumerate(cook_toom.phase_lengths(width, stride)):
        part = turned(kernel[0][:, phase::stride][:, ::-1])  # (kH, taps, F, C)
        weights = np.matmul(plan.weigh, part.reshape(taps, -1)).reshape(plan.products, -1, channels)
        strips.append(_Strip(weights, length, 1, grid.reach - length, phase * channels))
    dx = empty((len(dy), *windows.size, channels), dy.dtype)
    for number, images, source, result in _blocks(
        grid, plan, filters, stride * channels, strips, len(dy), scratch, dy.dtype
    ):
        if number == 0 and len(strips) < stride:
            result.memory.fill(0.0)  # for the pixels that no window covers
        to_planes(plan.spread, dy[images], plan.step, grid.before, source, grid.left)
        for strip in strips:
            _convolve_rows(source, strip, result)
        from_planes(plan.collect, result, grid.crop_rows, grid.crop * channels, dx[images])
    return dx


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


def _blocks(
    grid: Grid,
    plan: cook_toom.Algorithm,
    width: int,
    group: int,
    strips: list[_Strip],
    images: int,
    scratch: Scratch,
    dtype: Any,
) -> Iterator[tuple[int, slice, Planes, Planes]]:
    """As planes.blocks, with room for what the strips read and write."""

    def reach(groups: int) -> tuple[int, int]:
        pixels = most = 0
        for strip in strips:
            apart, rows, _, _ = strip.cut(groups)
            most = max(most, apart * rows)
            pixels = max(pixels, strip.offset + (apart * rows - 1) * strip.step + strip.taps)
        return pixels, most

    return blocks(grid, plan, width, group, reach, images, BLOCK_BYTES, scratch, dtype)


def _convolve_rows(source: Planes, strip: _Strip, result: Planes) -> None:
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
