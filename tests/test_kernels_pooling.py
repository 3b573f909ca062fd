"""Pooling against a plain loop over windows; few different numbers, so that equal maxima are common."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.kernels import pooling, resize
from seqnet.kernels.windows import Windows
from seqnet.layers.pooling import _adaptive_edges
from seqnet.layers.spatial import windows_of

# lengths, pool size, strides, padding
CASES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], str]] = [
    ((8,), (2,), (2,), "valid"),
    ((9,), (3,), (2,), "same"),
    ((6, 8), (2, 2), (2, 2), "valid"),
    ((7, 5), (2, 2), (2, 2), "valid"),
    ((7, 5), (2, 2), (2, 2), "same"),
    ((7, 9), (3, 3), (2, 2), "valid"),
    ((8, 6), (3, 3), (2, 2), "same"),
    ((5, 6), (3, 2), (1, 1), "same"),
    ((5, 6), (3, 2), (1, 1), "valid"),
    ((8, 9), (5, 4), (2, 3), "valid"),
    ((8, 9), (2, 3), (3, 4), "valid"),
    ((6, 6), (1, 2), (2, 1), "valid"),
    ((6, 6), (1, 1), (2, 3), "valid"),
    ((4, 3), (1, 1), (1, 1), "valid"),
    ((4, 6, 4), (2, 2, 2), (2, 2, 2), "valid"),
    ((5, 4, 6), (3, 2, 3), (2, 1, 3), "same"),
]


def positions(w: Windows, window: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The positions of a window inside the image, in reading order."""
    found = []
    for tap in itertools.product(*(range(k) for k in w.kernel)):
        at = tuple(o * s - b + t for o, s, b, t in zip(window, w.strides, w.before, tap, strict=True))
        if all(0 <= a < n for a, n in zip(at, w.size, strict=True)):
            found.append(at)
    return found


def each_window(w: Windows) -> Any:
    return itertools.product(*(range(n) for n in w.out))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_maximum_and_its_first_position(case: Any, dtype: str) -> None:
    lengths, size, strides, padding = case
    rng = np.random.default_rng(1)
    w = windows_of(lengths, size, strides, (1,) * len(size), padding, "pool_size")
    x = rng.integers(-2, 3, (3, *w.size, 2)).astype(dtype)
    dy = rng.standard_normal((3, *w.out, 2)).astype(dtype)
    y, dx = np.zeros(dy.shape, dtype), np.zeros(x.shape, dtype)
    for window in each_window(w):
        seen = positions(w, window)
        values = np.stack([x[:, *at] for at in seen])  # (positions, N, C)
        y[:, *window] = values.max(axis=0)
        for i, j in np.ndindex(3, 2):
            at = seen[int(values[:, i, j].argmax())]  # the first of equals
            dx[i, *at, j] += dy[i, *window, j]
    got, choices = pooling.max_pool(x, w, True)
    np.testing.assert_array_equal(got, y)
    np.testing.assert_array_equal(pooling.max_pool(x, w, False)[0], y)
    np.testing.assert_allclose(pooling.max_pool_backward(dy, choices, w), dx, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_mean_over_what_lies_inside(case: Any) -> None:
    lengths, size, strides, padding = case
    rng = np.random.default_rng(2)
    w = windows_of(lengths, size, strides, (1,) * len(size), padding, "pool_size")
    x, dy = rng.standard_normal((3, *w.size, 2)), rng.standard_normal((3, *w.out, 2))
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for window in each_window(w):
        seen = positions(w, window)
        y[:, *window] = np.mean([x[:, *at] for at in seen], axis=0)
        for at in seen:
            dx[:, *at] += dy[:, *window] / len(seen)
    np.testing.assert_allclose(pooling.average_pool(x, w), y, atol=1e-12)
    np.testing.assert_allclose(pooling.average_pool_backward(dy, w), dx, atol=1e-12)


def test_results_are_new_arrays() -> None:
    """Also where nothing is pooled: the caller may write into them."""
    for size in ((1, 1), (2, 2)):
        w = windows_of((4, 4), size, size, (1, 1), "valid", "pool_size")
        x = np.ones((2, 1, 4, 4, 3))
        for y in (pooling.max_pool(x, w, True)[0], pooling.average_pool(x, w), pooling.sum_pool(x, w)):
            assert not np.may_share_memory(x, y) and y.flags.c_contiguous


@pytest.mark.parametrize(("lengths", "sizes"), [((7,), (3,)), ((5, 8), (2, 3)), ((4, 5, 6), (3, 5, 1)), ((3,), (5,))])
def test_adaptive_windows(lengths: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    """floor(i n / o) to ceil((i + 1) n / o), which overlap where o doesn't divide n."""
    rng = np.random.default_rng(3)
    edges = _adaptive_edges(lengths, sizes)
    assert edges[0] == tuple(
        (i * lengths[0] // sizes[0], -(-(i + 1) * lengths[0] // sizes[0])) for i in range(sizes[0])
    )
    x = rng.permutation(np.arange(2.0 * np.prod(lengths) * 3)).reshape(2, *lengths, 3)
    dy = rng.standard_normal((2, *sizes, 3))
    largest, mean = np.zeros(dy.shape), np.zeros(dy.shape)
    dlargest, dmean = np.zeros(x.shape), np.zeros(x.shape)
    for window in np.ndindex(*sizes):
        where = (slice(None), *(slice(*along[i]) for along, i in zip(edges, window, strict=True)))
        axes = tuple(range(1, len(sizes) + 1))
        largest[:, *window], mean[:, *window] = x[where].max(axis=axes), x[where].mean(axis=axes)
        one = dy[:, *window].reshape(2, *(1,) * len(sizes), 3)
        dlargest[where] += (x[where] == x[where].max(axis=axes, keepdims=True)) * one
        dmean[where] += one / (x[where][0, ..., 0].size)
    y, kept = pooling.adaptive_max_pool(x, edges, True)
    np.testing.assert_array_equal(y, largest)
    np.testing.assert_allclose(pooling.adaptive_max_pool_backward(dy, kept, edges, lengths), dlargest, atol=1e-12)
    np.testing.assert_allclose(pooling.adaptive_average_pool(x, edges), mean, atol=1e-9)
    np.testing.assert_allclose(pooling.adaptive_average_pool_backward(dy, edges, lengths), dmean, atol=1e-12)


def test_equal_global_maxima_share_the_gradient() -> None:
    x = np.array([[[1.0], [3.0], [3.0], [0.0]]])
    dx = pooling.global_max_backward(np.array([[[4.0]]]), x, np.array([[[3.0]]]))
    np.testing.assert_array_equal(dx, [[[0.0], [2.0], [2.0], [0.0]]])


def test_repeating_is_the_gradient_of_summing() -> None:
    rng = np.random.default_rng(4)
    for shape, factors in [((2, 3, 4), (3,)), ((2, 3, 2, 4), (2, 3)), ((2, 2, 1, 3, 2), (1, 2, 3))]:
        x = rng.standard_normal(shape)
        y = resize.repeat(x, factors)
        expected = x
        for axis, factor in enumerate(factors, 1):
            expected = np.repeat(expected, factor, axis=axis)
        np.testing.assert_array_equal(y, expected)
        dy = rng.standard_normal(y.shape)
        assert np.vdot(dy, y) == pytest.approx(np.vdot(resize.repeat_backward(dy, factors), x))


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
def test_interpolation(method: str) -> None:
    """Rows of weights sum to 1, the same size changes nothing, and backward is the transpose."""
    for length, out in [(4, 8), (5, 3), (1, 4), (6, 6)]:
        weights = resize.interpolation_weights(length, out, method)
        np.testing.assert_allclose(weights.sum(axis=1), 1.0)
        if length == out:
            np.testing.assert_allclose(weights, np.eye(length), atol=1e-12)
    rng = np.random.default_rng(5)
    x, dy = rng.standard_normal((2, 4, 5, 3)), rng.standard_normal((2, 8, 10, 3))
    y, dx = resize.interpolate(x, (8, 10), method), resize.interpolate_backward(dy, (4, 5), method)
    assert np.vdot(dy, y) == pytest.approx(np.vdot(dx, x))


def test_bilinear_weights_by_hand() -> None:
    """Twice as many pixels: centres at -0.25, 0.25, 0.75, 1.25 of the old ones; those outside count for nothing."""
    expected: Array = np.array([[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]])
    np.testing.assert_allclose(resize.interpolation_weights(2, 4, "bilinear"), expected)
