"""Depthwise convolution against a plain loop over windows, in memory full of NaN and in small blocks."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array
from seqnet.errors import ShapeError
from seqnet.kernels import depthwise
from seqnet.layers.spatial import windows_of

KERNELS = [(3, 3), (2, 4), (1, 3), (5, 2)]
STEPS = [(1, 1), (2, 2), (2, 1), (3, 2), (2, 3)]
SPREADS = [(1, 1), (2, 2), (1, 3)]


def scratch(shape: tuple[int, ...], dtype: Any) -> Array:
    return np.full(shape, np.nan, dtype)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("strides", STEPS, ids=str)
def test_every_tap_of_every_window(
    kernel: tuple[int, int], strides: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    monkeypatch.setattr(depthwise, "BLOCK_BYTES", 1_500)
    monkeypatch.setattr(depthwise, "PLANE_BYTES", 4_000)
    for dilation, padding, multiplier in itertools.product(SPREADS, ("same", "valid"), (1, 2)):
        try:
            w = windows_of((9, 7), kernel, strides, dilation, padding, "kernel_size")
        except ShapeError:
            continue
        x = rng.standard_normal((2, *w.size, 3))
        weights, dy = (
            rng.standard_normal((*w.kernel, 1, 3 * multiplier)),
            rng.standard_normal((2, *w.out, 3 * multiplier)),
        )
        y, dx, dweights = np.zeros(dy.shape), np.zeros(x.shape), np.zeros(weights.shape)
        many = np.repeat(x, multiplier, axis=-1)
        for window in itertools.product(*(range(n) for n in w.out)):
            for tap in itertools.product(*(range(k) for k in w.kernel)):
                steps = zip(window, w.strides, w.before, tap, w.dilation, strict=True)
                at = tuple(o * s - b + t * d for o, s, b, t, d in steps)
                if all(0 <= a < n for a, n in zip(at, w.size, strict=True)):
                    y[:, *window] += many[:, *at] * weights[tap][0]
                    dweights[tap] += (many[:, *at] * dy[:, *window]).sum(axis=0)
                    dx[:, *at] += (dy[:, *window] * weights[tap][0]).reshape(2, 3, multiplier).sum(axis=-1)
        got = np.empty(dy.shape)
        bias = rng.standard_normal(dy.shape[-1])
        depthwise.forward(x, weights, bias, w, scratch, got)
        close = {"rtol": 1e-10, "atol": 1e-12}
        np.testing.assert_allclose(got, y + bias, **close)
        dkernel, dbias = depthwise.kernel_gradient(x, dy, weights, w, scratch)
        np.testing.assert_allclose(dkernel, dweights, **close)
        np.testing.assert_allclose(dbias, dy.sum(axis=(0, 1, 2, 3)), **close)
        np.testing.assert_allclose(depthwise.input_gradient(dy, weights, 3, w, scratch), dx, **close)
