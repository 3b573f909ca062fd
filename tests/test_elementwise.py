"""The shared elementwise kernels against SciPy and against slow, obvious formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet.kernels import elementwise
from tests.reference import load_reference

DTYPES = [np.float32, np.float64]
RNG_SEED = 11


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-7), (np.float64, 1e-15)])
def test_erf_is_scipys(dtype: Any, tolerance: float) -> None:
    reference = load_reference("activations")
    x, expected = reference["erf/x"].astype(dtype), reference["erf/value"]
    y = elementwise.erf(x)
    assert y.dtype == dtype
    zero = expected == 0
    np.testing.assert_array_equal(y[zero], 0.0)
    assert np.abs(y[~zero] / expected[~zero] - 1).max() <= tolerance


@pytest.mark.parametrize("dtype", DTYPES)
def test_erf_of_many_values_strides_and_places(dtype: Any) -> None:
    x = np.random.default_rng(RNG_SEED).normal(size=(300, 250)).astype(dtype)  # more than two blocks
    y = elementwise.erf(x)
    for i in (0, 131, 262, 299):  # each row alone
        np.testing.assert_array_equal(elementwise.erf(x[i].copy()), y[i])
    np.testing.assert_array_equal(elementwise.erf(x.T), y.T)
    transposed = np.empty((250, 300), dtype)
    elementwise.erf(x, out=transposed.T)
    np.testing.assert_array_equal(transposed.T, y)
    assert elementwise.erf(x, out=x) is x
    np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", DTYPES)
def test_erf_of_special_values(dtype: Any) -> None:
    y = elementwise.erf(np.array([0.0, np.inf, -np.inf, np.nan, 1e30], dtype))
    np.testing.assert_allclose(y, [0.0, 1.0, -1.0, np.nan, 1.0], rtol=1e-7)
    assert elementwise.erf(np.zeros((0, 3), dtype)).shape == (0, 3)


@pytest.mark.parametrize("axis", [-1, 0, 1, (0, 2), (-1,), (0, 1, 2)])
@pytest.mark.parametrize("shape", [(4, 5, 6), (2, 3, 40)])
def test_softmax_family_by_the_formulas(shape: tuple[int, ...], axis: Any) -> None:
    x = np.random.default_rng(RNG_SEED).normal(size=shape) * 3
    total = np.exp(x).sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(elementwise.softmax(x, axis=axis), np.exp(x) / total, rtol=1e-13)
    np.testing.assert_allclose(elementwise.log_softmax(x, axis=axis), x - np.log(total), rtol=1e-13, atol=1e-14)
    logs = elementwise.logsumexp(x, axis=axis, keepdims=True)
    np.testing.assert_allclose(logs, np.log(total), rtol=1e-13)
    np.testing.assert_array_equal(elementwise.logsumexp(x, axis=axis), np.squeeze(logs, axis))


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_family_of_huge_logits(dtype: Any) -> None:
    x = np.array([[1e30, 1e30, -1e30], [-1e30, -1e30, -1e30]], dtype)
    np.testing.assert_allclose(elementwise.softmax(x), [[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)
    assert np.isfinite(elementwise.log_softmax(x)).all()
    np.testing.assert_allclose(elementwise.logsumexp(x), x[:, 0], rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_and_softplus_everywhere(dtype: Any) -> None:
    x = np.array([-1e30, -100.0, -1.0, 0.0, 1.0, 100.0, 1e30], dtype)
    # σ(1) = 0.7310585786, log(1 + e) = 1.3132616875, by hand to ten digits.
    expected = [0.0, 0.0, 1 - 0.7310585786300049, 0.5, 0.7310585786300049, 1.0, 1.0]
    np.testing.assert_allclose(elementwise.sigmoid(x), expected, atol=1e-7)
    expected = [0.0, 0.0, 0.31326168751822286, 0.6931471805599453, 1.3132616875182228, 100.0, 1e30]
    np.testing.assert_allclose(elementwise.softplus(x), expected, rtol=1e-6, atol=1e-12)
    assert elementwise.sigmoid(x, out=x) is x


@pytest.mark.parametrize("function", ["sigmoid", "softplus", "softmax", "log_softmax", "erf"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_and_input_are_kept(function: str, dtype: Any) -> None:
    x = np.random.default_rng(RNG_SEED).normal(size=(3, 4)).astype(dtype)
    before = x.copy()
    y = getattr(elementwise, function)(x)
    assert y.dtype == dtype and y.shape == x.shape
    np.testing.assert_array_equal(x, before)
    assert getattr(elementwise, function)(x, out=x) is x
    np.testing.assert_array_equal(x, y)
