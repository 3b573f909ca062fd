"""Elementwise and along-an-axis functions that more than one component needs, stable for every finite input.

All keep the dtype of a floating-point array and take `out`, which may be the input itself.
"""

from __future__ import annotations

import math

import numpy as np

from seqnet.arrays import Array

Axis = int | tuple[int, ...]

# np.maximum(x, 0) costs three times np.clip(x, 0, inf): the latter is vectorised for a scalar bound.
INFINITY = math.inf


def sigmoid(x: Array, *, out: Array | None = None) -> Array:
    """1 / (1 + exp(-x)), as 0.5 tanh(x/2) + 0.5: tanh can't overflow and is vectorised in NumPy."""
    y: Array = np.multiply(x, 0.5, out=out)
    np.tanh(y, out=y)
    y *= 0.5
    y += 0.5
    return y


def softplus(x: Array, *, out: Array | None = None) -> Array:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    tail: Array = np.abs(x)
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    np.log1p(tail, out=tail)
    y: Array = x.clip(0.0, INFINITY, out=out)
    y += tail
    return y


def softmax(x: Array, *, axis: Axis = -1, out: Array | None = None) -> Array:
    """exp(x) / Σ exp(x) along `axis` (or several), shifted by the maximum so that nothing overflows."""
    y: Array = np.subtract(x, _largest(x, axis), out=out)
    np.exp(y, out=y)
    y /= _total(y, axis)
    return y


def softmax_backward(dy: Array, y: Array, *, axis: Axis = -1, out: Array | None = None) -> Array:
    """dx = y (dy - Σ dy y), the product of dy with softmax's true Jacobian."""
    weighted: Array = dy * y
    dx: Array = np.subtract(dy, _total(weighted, axis), out=out)
    dx *= y
    return dx


def log_softmax(x: Array, *, axis: Axis = -1, out: Array | None = None) -> Array:
    """x - log Σ exp(x) along `axis`."""
    y: Array = np.subtract(x, _largest(x, axis), out=out)
    y -= np.log(_total(np.exp(y), axis))
    return y


def log_softmax_backward(dy: Array, y: Array, *, axis: Axis = -1, out: Array | None = None) -> Array:
    """dx = dy - softmax(x) Σ dy, with softmax(x) = exp(y)."""
    weights: Array = np.exp(y)
    weights *= _total(dy, axis)
    dx: Array = np.subtract(dy, weights, out=out)
    return dx


def logsumexp(x: Array, *, axis: Axis = -1, keepdims: bool = False) -> Array:
    """log Σ exp(x) along `axis`."""
    shift = _largest(x, axis)
    total: Array = np.log(_total(np.exp(x - shift), axis))
    total += shift
    return total if keepdims else np.squeeze(total, axis=axis)


def erf(x: Array, *, out: Array | None = None) -> Array:
    """The error function 2/√π ∫₀ˣ exp(-t²) dt, within 2e-7 (float32) or 1e-15 (float64) relative; NumPy has none."""
    y: Array = np.empty_like(x) if out is None else out
    if x.dtype == np.float64:
        y[...] = _erf_double(x)
        return y
    flat = np.ascontiguousarray(x).reshape(-1)
    if y.flags.c_contiguous and y.dtype == np.float32:
        _erf_single(flat, y.reshape(-1))
    else:
        whole = np.empty(flat.shape, np.float32)
        _erf_single(flat, whole)
        y[...] = whole.reshape(x.shape)
    return y


def _is_last(x: Array, axis: Axis) -> bool:
    return axis == -1 or axis == x.ndim - 1 or axis == (-1,)


# Up to this many columns, transposing first beats NumPy's reduction along the last axis (4096x10: 20 against 180 µs).
SHORT_AXIS = 32


def _largest(x: Array, axis: Axis) -> Array:
    if _is_last(x, axis) and 0 < x.shape[-1] <= SHORT_AXIS:
        columns = np.ascontiguousarray(x.reshape(-1, x.shape[-1]).T)
        largest: Array = np.maximum.reduce(columns, axis=0).reshape(*x.shape[:-1], 1)
        return largest
    return np.max(x, axis=axis, keepdims=True)  # type: ignore[no-any-return]


def _total(x: Array, axis: Axis) -> Array:
    if _is_last(x, axis):  # a product with ones is the fastest sum over rows that NumPy has
        total: Array = x @ np.ones((x.shape[-1], 1), x.dtype)
        return total
    return np.sum(x, axis=axis, keepdims=True)  # type: ignore[no-any-return]


# erf(x) = tanh(x + x p(x²)): tanh is vectorised, and forgives errors of p where erf nears 1. The coefficients, lowest
# first, are a minimax fit of the relative error of erf on |x| <= 4, beyond which erf rounds to 1: least squares on
# Chebyshev nodes, reweighted by the error until that is level, and eightfold beyond 3.4; 2e-8 is left.
ERF_SINGLE = (
    1.1283791873169002 - 1.0,
    0.10277184733903715,
    -2.0497145243979516e-4,
    -5.9842716216086070e-4,
    7.1973248672816820e-5,
    1.6114412515406920e-7,
    -1.0111879914081626e-6,
    1.2040781710832977e-7,
    -6.1641226206204090e-9,
    1.2101834927990640e-10,
)
ERF_SINGLE_END = 4.0
BLOCK = 32768  # values at a time, so that the two dozen passes stay in the second-level cache


def _erf_single(x: Array, y: Array) -> None:
    """erf for one-dimensional float32 arrays, into y, which may be x."""
    size = min(BLOCK, len(x))
    bounded, squared, p = (np.empty(size, np.float32) for _ in range(3))
    for start in range(0, len(x), BLOCK):
        part = x[start : start + BLOCK]
        n = len(part)
        b, z, g = bounded[:n], squared[:n], p[:n]
        part.clip(-ERF_SINGLE_END, ERF_SINGLE_END, out=b)
        np.multiply(b, b, out=z)
        np.multiply(z, ERF_SINGLE[-1], out=g)
        for coefficient in ERF_SINGLE[-2:0:-1]:
            g += coefficient
            g *= z
        g += ERF_SINGLE[0]
        g *= b
        g += b
        np.tanh(g, out=y[start : start + BLOCK])


# W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969) 631-637: numerator and
# denominator, lowest power first, of erf(x)/x in x², of erfc(x) exp(x²) in x, and of the same in 1/x².
ERF_NEAR = (
    (
        3.20937758913846947e03,
        3.77485237685302021e02,
        1.13864154151050156e02,
        3.16112374387056560,
        1.85777706184603153e-1,
    ),
    (2.84423683343917062e03, 1.28261652607737228e03, 2.44024637934444173e02, 2.36012909523441209e01, 1.0),
)
ERF_MIDDLE = (
    (
        1.23033935479799725e03,
        2.05107837782607147e03,
        1.71204761263407058e03,
        8.81952221241769090e02,
        2.98635138197400131e02,
        6.61191906371416295e01,
        8.88314979438837594,
        5.64188496988670089e-1,
        2.15311535474403846e-8,
    ),
    (
        1.23033935480374942e03,
        3.43936767414372164e03,
        4.36261909014324716e03,
        3.29079923573345963e03,
        1.62138957456669019e03,
        5.37181101862009858e02,
        1.17693950891312499e02,
        1.57449261107098347e01,
        1.0,
    ),
)
ERF_FAR = (
    (
        6.58749161529837803e-4,
        1.60837851487422766e-2,
        1.25781726111229246e-1,
        3.60344899949804439e-1,
        3.05326634961232344e-1,
        1.63153871373020978e-2,
    ),
    (
        2.33520497626869185e-3,
        6.05183413124413191e-2,
        5.27905102951428412e-1,
        1.87295284992346725,
        2.56852019228982242,
        1.0,
    ),
)
ERF_NEAR_END, ERF_MIDDLE_END, ERF_FAR_END = 0.46875, 4.0, 6.0


def _erf_double(x: Array) -> Array:
    size = np.abs(x)
    y = np.sign(x)
    near = size <= ERF_NEAR_END
    y[near] = x[near] * _ratio(ERF_NEAR, np.square(x[near]))
    for low, high in ((ERF_NEAR_END, ERF_MIDDLE_END), (ERF_MIDDLE_END, ERF_FAR_END)):
        chosen = (size > low) & (size <= high)
        v = size[chosen]
        if high == ERF_MIDDLE_END:
            scaled = _ratio(ERF_MIDDLE, v)
        else:
            z = 1.0 / np.square(v)
            scaled = (1 / math.sqrt(math.pi) - z * _ratio(ERF_FAR, z)) / v
        y[chosen] *= 1.0 - np.exp(-np.square(v)) * scaled
    return y


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], z: Array) -> Array:
    parts = []
    for side in coefficients:
        total = np.full_like(z, side[-1])
        for coefficient in side[-2::-1]:
            total *= z
            total += coefficient
        parts.append(total)
    ratio: Array = parts[0] / parts[1]
    return ratio
