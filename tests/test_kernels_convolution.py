"""Every way of convolving against a plain loop over windows, in memory full of NaN, with and without small products."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.kernels import convolution, cook_toom, dilated, im2col, products, stem, volume, winograd
from seqnet.kernels.windows import Windows, triple
from seqnet.layers.spatial import windows_of

SINGLE, DOUBLE = 4e-6, 1e-13

# lengths, channels, filters, kernel, strides, dilation, padding
Case = tuple[tuple[int, ...], int, int, tuple[int, ...], tuple[int, ...], tuple[int, ...], str]
CASES: list[Case] = [
    ((9, 8), 2, 3, (3, 3), (1, 1), (1, 1), "same"),
    ((9, 8), 2, 3, (3, 3), (1, 1), (1, 1), "valid"),
    ((6, 6), 4, 4, (5, 5), (1, 1), (1, 1), "same"),
    ((3, 3), 2, 2, (5, 5), (1, 1), (1, 1), "same"),
    ((10, 6), 2, 2, (7, 2), (1, 1), (1, 1), "valid"),
    ((12, 4), 1, 2, (9, 1), (1, 1), (1, 1), "valid"),
    ((8, 9), 3, 2, (3, 3), (2, 2), (1, 1), "same"),
    ((9, 8), 3, 2, (3, 3), (2, 2), (1, 1), "valid"),
    ((12, 11), 3, 2, (5, 4), (2, 3), (1, 1), "same"),
    ((12, 11), 3, 2, (4, 5), (3, 2), (1, 1), "valid"),
    ((11, 10), 3, 2, (4, 2), (3, 4), (1, 1), "valid"),
    ((8, 8), 2, 3, (2, 2), (2, 2), (1, 1), "valid"),
    ((8, 7), 2, 3, (1, 1), (2, 3), (1, 1), "valid"),
    ((5, 4), 2, 3, (1, 1), (1, 1), (1, 1), "valid"),
    ((4, 9), 2, 3, (1, 3), (1, 1), (1, 1), "same"),
    ((9, 4), 2, 3, (3, 1), (1, 2), (1, 1), "same"),
    ((12, 11), 2, 3, (3, 3), (1, 1), (2, 3), "same"),
    ((12, 11), 2, 3, (3, 2), (1, 1), (2, 1), "valid"),
    ((3, 9), 2, 3, (1, 3), (1, 1), (1, 2), "valid"),
    ((9, 7), 2, 3, (5, 3), (1, 1), (2, 2), "same"),
    ((9, 9), 1, 4, (3, 3), (1, 1), (1, 1), "same"),
    ((9, 9), 3, 4, (3, 3), (2, 1), (1, 1), "valid"),
    ((20,), 3, 4, (5,), (1,), (1,), "same"),
    ((20,), 3, 4, (3,), (1,), (4,), "causal"),
    ((21,), 3, 4, (5,), (3,), (1,), "causal"),
    ((4, 6, 5), 2, 3, (3, 3, 3), (1, 1, 1), (1, 1, 1), "same"),
    ((5, 6, 5), 2, 3, (2, 3, 3), (2, 1, 2), (1, 1, 1), "valid"),
    ((4, 6, 5), 2, 3, (1, 3, 3), (1, 1, 1), (1, 1, 1), "same"),
    ((5, 6, 5), 2, 3, (2, 2, 2), (1, 1, 1), (2, 2, 1), "valid"),
    ((5, 6, 5), 2, 3, (3, 2, 2), (1, 1, 1), (2, 1, 1), "same"),
    ((24, 24), 32, 48, (3, 3), (1, 1), (1, 1), "same"),
    ((16, 16), 16, 32, (3, 3), (2, 2), (1, 1), "same"),
    ((24, 24), 3, 32, (3, 3), (1, 1), (1, 1), "same"),
    ((20, 20), 32, 64, (1, 1), (1, 1), (1, 1), "valid"),
]


def scratch(shape: tuple[int, ...], dtype: Any) -> Array:
    return np.full(shape, np.nan, dtype)


class Problem:
    """Arrays of one case, and what a loop over the taps makes of them in double precision."""

    def __init__(self, case: Case, dtype: str, images: int = 3) -> None:
        lengths, channels, filters, size, strides, dilation, padding = case
        rng = np.random.default_rng(3)
        self.windows = w = windows_of(lengths, size, strides, dilation, padding, "kernel_size")
        self.x = rng.standard_normal((images, *w.size, channels)).astype(dtype)
        self.kernel = rng.standard_normal((*w.kernel, channels, filters)).astype(dtype)
        self.bias = rng.standard_normal(filters).astype(dtype)
        self.dy = rng.standard_normal((images, *w.out, filters)).astype(dtype)
        x, kernel, dy = (a.astype(np.float64) for a in (self.x, self.kernel, self.dy))
        self.y = np.zeros(dy.shape) + self.bias
        self.dx, self.dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
        self.dbias = dy.sum(axis=(0, 1, 2, 3))
        for window in itertools.product(*(range(n) for n in w.out)):
            for tap in itertools.product(*(range(k) for k in w.kernel)):
                steps = zip(window, w.strides, w.before, tap, w.dilation, strict=True)
                at = tuple(o * s - b + t * d for o, s, b, t, d in steps)
                if all(0 <= a < n for a, n in zip(at, w.size, strict=True)):
                    self.y[:, *window] += x[:, *at] @ kernel[tap]
                    self.dx[:, *at] += dy[:, *window] @ kernel[tap].T
                    self.dkernel[tap] += x[:, *at].T @ dy[:, *window]

    def check(self, way: Any) -> None:
        tolerance = SINGLE if self.x.dtype == np.float32 else DOUBLE
        for name, got in way(self).items():
            expected = getattr(self, name)
            assert got.dtype == self.x.dtype and got.shape == expected.shape
            assert np.abs(got - expected).max() <= tolerance * np.abs(expected).max(), name


def by_convolution(p: Problem) -> dict[str, Array]:
    dkernel, dbias = convolution.kernel_gradient(p.x, p.dy, p.kernel, p.windows, 1, scratch)
    return {
        "y": convolution.convolve(p.x, p.kernel, p.bias, p.windows, 1, scratch),
        "dx": convolution.input_gradient(p.dy, p.kernel, p.windows, 1, scratch),
        "dkernel": dkernel,
        "dbias": dbias,
    }


def by_im2col(p: Problem) -> dict[str, Array]:
    y = np.empty_like(p.dy)
    im2col.forward(p.x, p.kernel, p.windows, scratch, y)
    return {
        "y": y + p.bias,
        "dx": im2col.input_gradient(p.dy, p.kernel, p.windows, scratch),
        "dkernel": im2col.kernel_gradient(p.x, p.dy, p.kernel, p.windows, scratch),
    }


def by_winograd(p: Problem) -> dict[str, Array]:
    y = np.empty_like(p.dy)
    winograd.forward(p.x, p.kernel, p.bias, p.windows, scratch, y)
    dkernel, dbias = winograd.kernel_gradient(p.x, p.dy, p.kernel, p.windows, scratch)
    dx = winograd.input_gradient(p.dy, p.kernel, p.windows, scratch)
    return {"y": y, "dx": dx, "dkernel": dkernel, "dbias": dbias}


def by_dilated(p: Problem) -> dict[str, Array]:
    y = np.empty_like(p.dy)
    dilated.forward(p.x, p.kernel, p.windows, scratch, y)
    dkernel, dbias = dilated.kernel_gradient(p.x, p.dy, p.kernel, p.windows, scratch)
    dx = dilated.input_gradient(p.dy, p.kernel, p.windows, scratch)
    return {"y": y + p.bias, "dx": dx, "dkernel": dkernel, "dbias": dbias}


def by_stem(p: Problem) -> dict[str, Array]:
    y = np.empty_like(p.dy)
    stem.forward(p.x, p.kernel, p.bias, p.windows, scratch, y)
    dkernel, dbias = stem.kernel_gradient(p.x, p.dy, p.kernel, p.windows, scratch)
    without = np.empty_like(p.dy)
    stem.forward(p.x, p.kernel, None, p.windows, scratch, without)
    np.testing.assert_allclose(without + p.bias, y, rtol=1e-5, atol=1e-5)
    return {"y": y, "dkernel": dkernel, "dbias": dbias}


def by_volume(p: Problem) -> dict[str, Array]:
    y = np.empty_like(p.dy)
    volume.forward(p.x, p.kernel, p.windows, scratch, y)
    return {
        "y": y + p.bias,
        "dx": volume.input_gradient(p.dy, p.kernel, p.windows, scratch),
        "dkernel": volume.kernel_gradient(p.x, p.dy, p.kernel, p.windows, scratch),
    }


WAYS = {
    "convolution": (by_convolution, lambda w: True),
    "im2col": (by_im2col, lambda w: True),
    "stem": (by_stem, lambda w: True),
    "winograd": (by_winograd, winograd.pays),
    "dilated": (by_dilated, dilated.pays),
    "volume": (by_volume, volume.pays),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_way_is_a_loop_over_windows(case: Case, dtype: str) -> None:
    problem = Problem(case, dtype)
    for way, fits in WAYS.values():
        if fits(problem.windows):
            problem.check(way)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_small_blocks_and_whole_products_give_the_same(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """One image or a few rows at a time, and as on a processor without kernels for small matrices."""
    monkeypatch.setattr(products, "SMALL_KERNELS", False)
    for module in (im2col, stem, winograd):
        monkeypatch.setattr(module, "BLOCK_BYTES", 4_000)
    products.piece_shape.cache_clear()
    products.divisors_for.cache_clear()
    try:
        problem = Problem(case, "float32")
        for way, fits in WAYS.values():
            if fits(problem.windows):
                problem.check(way)
    finally:
        products.piece_shape.cache_clear()
        products.divisors_for.cache_clear()


@pytest.mark.parametrize("images", [1, 5, 16])
def test_blocks_of_images_of_every_size(images: int) -> None:
    problem = Problem(((12, 12), 16, 16, (3, 3), (1, 1), (1, 1), "same"), "float32", images)
    problem.check(by_winograd)


def test_every_way_is_tried() -> None:
    """The table has cases for each way, so that none goes untested."""
    windows = [windows_of(c[0], c[3], c[4], c[5], c[6], "kernel_size") for c in CASES]
    for name, (_, fits) in WAYS.items():
        assert sum(fits(w) for w in windows) >= 3, name


@pytest.mark.parametrize("groups", [2, 3, 6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_groups_are_convolutions_apart(groups: int, dtype: str) -> None:
    rng = np.random.default_rng(4)
    windows = windows_of((7, 6), (3, 3), (1, 1), (1, 1), "same", "kernel_size")
    x = rng.standard_normal((2, 1, 7, 6, 6)).astype(dtype)
    kernel = rng.standard_normal((1, 3, 3, 6 // groups, 12)).astype(dtype)
    bias, dy = rng.standard_normal(12).astype(dtype), rng.standard_normal((2, 1, 7, 6, 12)).astype(dtype)
    y = convolution.convolve(x, kernel, bias, windows, groups, scratch)
    dkernel, dbias = convolution.kernel_gradient(x, dy, kernel, windows, groups, scratch)
    dx = convolution.input_gradient(dy, kernel, windows, groups, scratch)
    close = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-12}
    for g in range(groups):
        c, f = slice(g * 6 // groups, (g + 1) * 6 // groups), slice(g * 12 // groups, (g + 1) * 12 // groups)
        part, some, slopes = kernel[..., f].copy(), x[..., c].copy(), dy[..., f].copy()
        one = np.empty((2, 1, 7, 6, 12 // groups), dtype)
        im2col.forward(some, part, windows, scratch, one)
        np.testing.assert_allclose(y[..., f], one + bias[f], **close)
        np.testing.assert_allclose(
            dkernel[..., f], im2col.kernel_gradient(some, slopes, part, windows, scratch), **close
        )
        np.testing.assert_allclose(dx[..., c], im2col.input_gradient(slopes, part, windows, scratch), **close)
    np.testing.assert_allclose(dbias, dy.sum(axis=(0, 1, 2, 3)), **close)


@pytest.mark.parametrize("taps", range(1, 8))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_cook_toom_is_a_filter(taps: int, stride: int) -> None:
    """Against the sums that the docstrings state."""
    rng = np.random.default_rng(taps * 10 + stride)
    lengths = cook_toom.phase_lengths(taps, stride)
    for outputs in range(1, 5):
        if outputs + lengths[0] - 2 > len(cook_toom.POINTS):
            continue
        g = rng.standard_normal(taps)
        plan = cook_toom.forward(outputs, taps, stride, np.dtype("float64"))
        x = rng.standard_normal(plan.spread.shape[1])
        y = plan.collect @ ((plan.weigh @ g) * (plan.spread @ x))
        np.testing.assert_allclose(y, [g @ x[i * stride : i * stride + taps] for i in range(outputs)], atol=1e-11)
        if lengths[0] > 1 and outputs > 1:
            np.testing.assert_array_equal(plan.collect[:, cook_toom.AT_ONE], 1.0)
        back = cook_toom.backward(outputs, taps, stride, np.dtype("float64"))
        dy = rng.standard_normal(back.spread.shape[1])
        dx = np.zeros(stride * outputs)
        for i, phase in itertools.product(range(outputs), range(stride)):
            terms = (
                g[phase + j * stride] * dy[i - j + lengths[0] - 1]
                for j in range(lengths[0])
                if phase + j * stride < taps
            )
            dx[i * stride + phase] = sum(terms)
        np.testing.assert_allclose(back.collect @ ((back.weigh @ g) * (back.spread @ dy)), dx, atol=1e-11)


def test_tiles_of_few_rows_do_not_pay() -> None:
    assert cook_toom.outputs_for(1, 3, 1) == 0  # one row
    assert cook_toom.outputs_for(8, 1, 1) == 0  # one tap
    assert cook_toom.outputs_for(8, 2, 2) == 0  # windows side by side
    assert cook_toom.outputs_for(8, 9, 1) == 0  # more taps than there are points for
    assert cook_toom.outputs_for(8, 3, 1) == 4  # 12 products for 8 rows where F(2, 3) takes 16


PRODUCTS = [(3, 4, 5), (300, 40, 100), (1000, 96, 32), (1001, 96, 33), (70, 900, 64), (90, 3000, 128), (40, 70000, 16)]


@pytest.mark.parametrize("shape", PRODUCTS, ids=str)
@pytest.mark.parametrize("small", [True, False])
def test_products_in_pieces(shape: tuple[int, int, int], small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "SMALL_KERNELS", small)
    products.piece_shape.cache_clear()
    products.divisors_for.cache_clear()
    rows, inner, columns = shape
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns))
    expected = a @ b
    try:
        np.testing.assert_allclose(products.multiplied(a, b), expected, atol=1e-9)
        np.testing.assert_allclose(products.multiplied(np.asfortranarray(a), b.T.copy().T), expected, atol=1e-9)
        np.testing.assert_allclose(products.summed(a.T.copy(), b), expected, atol=1e-9)
    finally:
        products.piece_shape.cache_clear()
        products.divisors_for.cache_clear()


def test_pieces_stay_below_the_limit() -> None:
    if not products.SMALL_KERNELS:
        pytest.skip("no kernels for small matrices here")
    for rows, inner, columns in itertools.product((5, 100, 1000), (9, 96, 384, 2304), (1, 32, 100, 256)):
        step, across = products.piece_shape(rows, inner, columns)
        assert columns % across == 0
        assert step * inner * across <= products.SMALL or (step, across) == (rows, columns)
        down, across = products.divisors_for(rows, inner, columns)
        assert rows % down == 0 and columns % across == 0


def test_blocks_cover_everything_once() -> None:
    from seqnet.kernels.windows import blocks

    for images, rows, row_bytes, limit in [
        (5, 4, 10, 100),
        (5, 4, 10, 1000),
        (3, 7, 10, 25),
        (1, 1, 10, 1),
        (16, 8, 3, 50),
    ]:
        seen = np.zeros((images, rows), int)
        for part, start, stop in blocks(images, rows, row_bytes, limit):
            seen[part, start:stop] += 1
            assert (stop - start) * (part.stop - part.start) * row_bytes <= max(limit, row_bytes)
        assert (seen == 1).all()


def test_windows_know_where_they_lie() -> None:
    windows = Windows(triple((5,)), triple((3,)), triple((3,)), triple((2,)), triple((1,)), triple((1,), 0))
    assert windows.overlap(2, 0) == (slice(1, 3), slice(1, 4, 2))  # window 0 starts in the padding
    assert windows.overlap(2, 1) == (slice(0, 3), slice(0, 5, 2))
    assert windows.overlap(2, 2) == (slice(0, 2), slice(1, 4, 2))
    assert windows.span(2, 0, 3) == (-1, 6)
    assert windows.taps == 3 and windows.positions == 3
