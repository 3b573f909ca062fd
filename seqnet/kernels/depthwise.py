"""Depthwise convolution: every channel with kernels of its own, so there is no matrix product to be had.

np.einsum multiplies and adds in one pass without a temporary. It is fastest over long rows, so it runs over whole image
rows (W, C): the kernel is laid out once for every column, and columns that a stride leaves out are put aside first.
Where the stride along the width is 1, rows are transformed along the height first, as in kernels.winograd, which halves
the multiplications for 3×3.

x: (N, D, H, W, C), kernel: (kD, kH, kW, 1, C·m), y: (N, D', H', W', C·m), all contiguous; output c·m + j is made of
channel c.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from seqnet.arrays import Array
from seqnet.kernels import cook_toom
from seqnet.kernels.cook_toom import AT_ONE
from seqnet.kernels.planes import Planes, forward_grid, from_planes, to_planes
from seqnet.kernels.planes import blocks as plane_blocks
from seqnet.kernels.products import column_sums, strided
from seqnet.kernels.windows import Scratch, Windows, add_bias, blocks, carve, cover, whole_pixels

BLOCK_BYTES = 2_000_000  # of input and output at a time: a block costs about 40 µs beside the work
PLANE_BYTES = 2_400_000  # of transformed rows at a time


def forward(x: Array, kernel: Array, bias: Array | None, windows: Windows, scratch: Scratch, y: Array) -> None:
    """y[n, o, c·m + j] = Σ over taps t of x[n, window(o, t), c] kernel[t, 0, c·m + j] + bias, written into y."""
    x = _multiplied(x, y.shape[-1])
    if _transforms(windows):
        return _forward_in_planes(x, kernel, bias, windows, scratch, y)
    shape = (*windows.kernel, windows.out[2] * y.shape[-1])
    tiled = np.repeat(kernel, windows.out[2], axis=3).reshape(shape)  # (kD, kH, kW, W'·C)
    weights = [np.ascontiguousarray(tiled[:, :, taps]) for taps in _columns(windows)]
    for views, part in _blocks(x, y, windows, scratch):
        np.einsum("ndhabex,abex->ndhx", views[0], weights[0], out=part)
        for view, weight in zip(views[1:], weights[1:], strict=True):
            part += np.einsum("ndhabex,abex->ndhx", view, weight)
    return add_bias(y, bias)


def kernel_gradient(x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch) -> tuple[Array, Array]:
    """dkernel[t, 0, c·m + j] = Σ over windows of x[n, window(o, t), c] dy[n, o, c·m + j], and dbias = Σ dy."""
    x = _multiplied(x, dy.shape[-1])
    if _transforms(windows):
        return _kernel_gradient_in_planes(x, dy, kernel, windows, scratch)
    total = np.zeros((*windows.kernel, windows.out[2] * dy.shape[-1]), x.dtype)
    for views, part in _blocks(x, dy, windows, scratch):
        for taps, view in zip(_columns(windows), views, strict=True):
            some = total[:, :, taps]
            for d, h, w in itertools.product(*(range(n) for n in some.shape[:3])):
                some[d, h, w] += np.einsum("ndhx,ndhx->x", view[:, :, :, d, h, w], part)
    dkernel: Array = np.add.reduce(total.reshape(*windows.kernel, windows.out[2], dy.shape[-1]), axis=3)
    return dkernel.reshape(kernel.shape), column_sums(dy)


def input_gradient(dy: Array, kernel: Array, channels: int, windows: Windows, scratch: Scratch) -> Array:
    """dx[n, window(o, t), c] += dy[n, o, c·m + j] kernel[t, 0, c·m + j].

    For each residue of the strides, a depthwise convolution of dy with the taps that reach it, turned around.
    """
    dx = np.empty((len(dy), *windows.size, dy.shape[-1]), dy.dtype)
    for residue, taps, reaching in _residues(windows):
        target = dx[(slice(None), *(slice(r, None, s) for r, s in zip(residue, windows.strides, strict=True)))]
        if reaching is None:
            target[...] = 0.0
            continue
        part = kernel[taps[0]][:, taps[1]][:, :, taps[2]]
        if windows.strides == (1, 1, 1):
            forward(dy, part, None, reaching, scratch, dx)
            continue
        some = np.empty((len(dy), *reaching.out, dy.shape[-1]), dy.dtype)
        forward(dy, part, None, reaching, scratch, some)
        np.copyto(whole_pixels(target), whole_pixels(some))
    if dy.shape[-1] == channels:
        return dx
    total: Array = np.add.reduce(dx.reshape(-1, dy.shape[-1] // channels), axis=1)
    return total.reshape(*dx.shape[:-1], channels)


def _transforms(windows: Windows) -> bool:
    """Whether the rows can be transformed along the height, with fewer multiplications than one a tap."""
    flat = windows.kernel[0] == windows.size[0] == windows.strides[2] == 1 and windows.dilation == (1, 1, 1)
    return (
        flat
        and windows.kernel[1] > 2  # with two taps a row the way there and back costs as much as it saves
        and min(windows.before) >= 0
        and cook_toom.outputs_for(windows.out[1], windows.kernel[1], windows.strides[1]) > 0
    )


def _forward_in_planes(
    x: Array, kernel: Array, bias: Array | None, windows: Windows, scratch: Scratch, y: Array
) -> None:
    _, taps, width, _, channels = kernel.shape
    grid, plan = forward_grid(windows, x.dtype)
    weights = np.matmul(plan.weigh, kernel.reshape(taps, -1)).reshape(plan.products, width, 1, channels)
    tiled = np.repeat(weights, grid.pitch, axis=2).reshape(plan.products, width, -1)  # (p, kW, row)
    row_of_bias = None if bias is None else np.tile(bias, grid.pitch)
    for _, images, source, result in plane_blocks(
        grid, plan, channels, channels, lambda n: (n + width, n), len(x), PLANE_BYTES, scratch, x.dtype
    ):
        to_planes(plan.spread, x[images], plan.step, grid.before, source, grid.left)
        out = _rows(result, 1)[:, :, 0]
        np.einsum("prvx,pvx->prx", _rows(source, width), tiled, out=out)
        if row_of_bias is not None:
            out[AT_ONE] += row_of_bias
        from_planes(plan.collect, result, 0, 0, y[images])


def _kernel_gradient_in_planes(
    x: Array, dy: Array, kernel: Array, windows: Windows, scratch: Scratch
) -> tuple[Array, Array]:
    width, _, channels = kernel.shape[2:]
    grid, plan = forward_grid(windows, x.dtype)
    total = np.zeros((plan.products, width, grid.pitch * channels), x.dtype)
    dbias = np.zeros(channels, x.dtype)
    for number, images, source, slope in plane_blocks(
        grid, plan, channels, channels, lambda n: (n + width, n), len(x), PLANE_BYTES, scratch, x.dtype
    ):
        to_planes(plan.spread, x[images], plan.step, grid.before, source, grid.left)
        if number == 0:
            slope.clear_gaps(0, windows.out[2])
        to_planes(plan.collect.T, dy[images], plan.outputs, 0, slope, 0)
        seen, slopes = _rows(source, width), _rows(slope, 1)[:, :, 0]
        for tap in range(width):
            total[:, tap] += np.einsum("prx,prx->px", seen[:, :, tap], slopes)
        dbias += column_sums(slope.plane(AT_ONE)[: slope.length])
    by_tap = np.add.reduce(total.reshape(plan.products, width, grid.pitch, channels), axis=2)
    return np.matmul(plan.weigh.T, by_tap.reshape(plan.products, -1)).reshape(kernel.shape), dbias


def _rows(planes: Planes, taps: int) -> Array:
    """The rows from each of the first `taps` pixels on: (count, rows, taps, numbers)."""
    row = planes.pitch * planes.width
    shape = (planes.count, planes.images * planes.tiles, taps, row)
    return strided(planes.memory, shape, (planes.size, row, planes.width, 1))


def _multiplied(x: Array, width: int) -> Array:
    """Every channel as often as it takes to make `width`, side by side."""
    return x if x.shape[-1] == width else np.repeat(x, width // x.shape[-1], axis=-1)


@lru_cache(maxsize=256)
def _columns(windows: Windows) -> tuple[slice, ...]:
    """The taps along the width, those together that see the same columns of every `stride`."""
    stride, dilation, taps = windows.strides[2], windows.dilation[2], windows.kernel[2]
    step = next(n for n in range(1, stride + 1) if n * dilation % stride == 0)
    return tuple(slice(first, None, step) for first in range(min(step, taps)))


@lru_cache(maxsize=256)
def _residues(windows: Windows) -> list[tuple[tuple[int, ...], list[slice], Windows | None]]:
    """For each residue of a position by the strides: the taps that reach it, last first, and the windows of dy."""
    per_axis = []
    for size, out, taps, stride, dilation, before in zip(
        windows.size, windows.out, windows.kernel, windows.strides, windows.dilation, windows.before, strict=True
    ):
        found = []
        for residue in range(min(stride, size)):
            reach = [t for t in range(taps) if (residue + before - t * dilation) % stride == 0]
            if not reach:
                found.append((residue, slice(0, 0), (out, 0, 0, 1, 0)))
                continue
            step = reach[1] - reach[0] if len(reach) > 1 else 1
            first = (residue + before - reach[-1] * dilation) // stride
            apart = max(1, step * dilation // stride)
            low = reach[0] - step
            turned = slice(reach[-1], low if low >= 0 else None, -step)
            found.append((residue, turned, (out, -(-(size - residue) // stride), len(reach), apart, -first)))
        per_axis.append(found)
    result: list[tuple[tuple[int, ...], list[slice], Windows | None]] = []
    for chosen in itertools.product(*per_axis):
        sizes, outs, kernels, dilations, befores = zip(*(numbers for _, _, numbers in chosen), strict=True)
        reaching = Windows(sizes, outs, kernels, (1, 1, 1), dilations, befores) if all(kernels) else None
        result.append((tuple(r for r, _, _ in chosen), [taps for _, taps, _ in chosen], reaching))
    return result


def _blocks(x: Array, y: Array, windows: Windows, scratch: Scratch) -> Iterator[tuple[list[Array], Array]]:
    """Rows of y: (n, D', H', W'·C), and what the taps of each group of columns see: (n, D', H', kD, kH, taps, W'·C)."""
    axis, channels = windows.block_axis, x.shape[-1]
    rows, line, stride = windows.out[axis], windows.out[2] * channels, windows.strides[2]
    groups = _columns(windows)
    for images, start, stop in blocks(len(x), rows, 2 * y[0].nbytes // rows, BLOCK_BYTES):
        counts, spans = windows.block(axis, start, stop)
        some, lengths = x[images], [high - low for low, high in spans]
        inside = all(low >= 0 and high <= size for (low, high), size in zip(spans, windows.size, strict=True))
        if inside and stride == 1:
            sources, origin = [some], [low for low, _ in spans]
        else:
            width = lengths[2] // stride + 1 if stride > 1 else lengths[2]
            shape = (len(some), lengths[0], lengths[1], width, channels)
            sources, origin = carve(scratch, x.dtype, *[shape] * stride), [0, 0, 0]
            for phase, source in enumerate(sources):
                cover(some, windows, [*spans[:2], (spans[2][0] + phase, spans[2][0] + phase + width * stride)], source)
        views = [_view(sources, windows, counts, taps, origin, line) for taps in groups]
        part = y[images][(slice(None),) * (axis + 1) + (slice(start, stop),)]
        yield views, part.reshape(*part.shape[:3], line)


def _view(
    sources: list[Array], windows: Windows, counts: tuple[int, ...], taps: slice, origin: list[int], line: int
) -> Array:
    """What `taps` see: (n, D', H', kD, kH, taps, line)."""
    stride, dilation = windows.strides[2], windows.dilation[2]
    number = len(range(*taps.indices(windows.kernel[2])))
    source = sources[taps.start * dilation % stride]
    image, depth, height, width, _ = (s // source.itemsize for s in source.strides)
    steps = (depth, height)
    start = origin[0] * depth + origin[1] * height + (origin[2] + taps.start * dilation // stride) * width
    return strided(
        source,
        (len(source), *counts[:2], *windows.kernel[:2], number, line),
        (
            image,
            *(step * s for step, s in zip(steps, windows.strides, strict=False)),
            *(step * d for step, d in zip(steps, windows.dilation, strict=False)),
            (taps.step or 1) * dilation // stride * width,
            1,
        ),
        start,
    )
