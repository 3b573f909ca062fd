"""Short convolutions with few multiplications: the matrices of Cook and Toom, for any number of taps and any stride.

m outputs under a filter of r taps need m + r - 1 products instead of m·r (Winograd's F(m, r)):

    y = A [(G g) ⊙ (B x)]      x: m + r - 1 inputs, g: r taps, y: m outputs

A filter that steps by s is s filters that step by 1, one for every s-th input from each of the first s on; their
products are put side by side. So is the gradient of the inputs, where each filter makes every s-th of them.

References: Winograd, Arithmetic Complexity of Computations, 1980; Barabasz et al., Error Analysis and Improving the
Accuracy of Winograd Convolution for Deep Neural Networks, 2018, arXiv:1803.10986 (which points to choose).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from seqnet.arrays import Array

# Where the polynomials are evaluated; infinity comes last. In single precision the result of F(4, 3) is within 1e-6.
POINTS = (Fraction(0), Fraction(1), Fraction(-1), Fraction(2), Fraction(-1, 2), Fraction(-2), Fraction(1, 2))
MOST_OUTPUTS = 4
AT_ONE = 1  # the product at the point 1 goes into every output with weight 1


@dataclass(frozen=True)
class Algorithm:
    """How to make a tile of outputs, p the number of products."""

    collect: Array  # A: (outputs, p)
    weigh: Array  # G: (p, taps)
    spread: Array  # B: (p, inputs)
    step: int  # inputs from one tile to the next

    @property
    def products(self) -> int:
        return len(self.spread)

    @property
    def outputs(self) -> int:
        return len(self.collect)


@lru_cache(maxsize=64)
def forward(outputs: int, taps: int, stride: int, dtype: Any) -> Algorithm:
    """y[i] = Σ over u of g[u] x[i·stride + u] for i < outputs."""
    inputs = stride * (outputs - 1) + taps
    collect, weigh, spread = [], [], []
    for phase, length in enumerate(phase_lengths(taps, stride)):
        a, g, b = _stride_one(outputs, length)
        wide_g, wide_b = np.zeros((len(g), taps)), np.zeros((len(b), inputs))
        wide_g[:, phase::stride] = g
        wide_b[:, phase::stride][:, : b.shape[1]] = b
        collect.append(a)
        weigh.append(wide_g)
        spread.append(wide_b)
    a, g, b = np.hstack(collect), np.vstack(weigh), np.vstack(spread)
    return Algorithm(a.astype(dtype), g.astype(dtype), b.astype(dtype), stride * outputs)


@lru_cache(maxsize=64)
def backward(outputs: int, taps: int, stride: int, dtype: Any) -> Algorithm:
    """dx[i·stride + phase] = Σ over j of g[phase + j·stride] dy[i - j] for i < outputs and every phase.

    The first input of the tile is dy[1 - ceil(taps / stride)].
    """
    lengths = phase_lengths(taps, stride)
    inputs = outputs + lengths[0] - 1
    total = sum(outputs + length - 1 for length in lengths)
    collect, weigh, spread = np.zeros((stride * outputs, total)), np.zeros((total, taps)), np.zeros((total, inputs))
    at = 0
    for phase, length in enumerate(lengths):
        a, g, b = _stride_one(outputs, length)
        rows = slice(at, at + len(b))
        collect[phase::stride, rows] = a
        weigh[rows, phase::stride] = g[:, ::-1]
        spread[rows, lengths[0] - length : lengths[0] - length + b.shape[1]] = b
        at += len(b)
    return Algorithm(collect.astype(dtype), weigh.astype(dtype), spread.astype(dtype), outputs)


def phase_lengths(taps: int, stride: int) -> list[int]:
    """How many of the taps each of the filters has that step by 1; those without are left out."""
    return [-(-(taps - phase) // stride) for phase in range(min(stride, taps))]


@lru_cache(maxsize=256)
def outputs_for(count: int, taps: int, stride: int) -> int:
    """How many outputs in a tile give `count` of them with the fewest products; 0 where tiles don't pay."""
    lengths = phase_lengths(taps, stride)
    most = min(count, MOST_OUTPUTS, len(POINTS) + 2 - lengths[0])
    if lengths[0] < 2 or most < 2:
        return 0
    return min(range(2, most + 1), key=lambda m: (-(-count // m) * sum(m + length - 1 for length in lengths), m))


@lru_cache(maxsize=64)
def _stride_one(outputs: int, taps: int) -> tuple[Array, Array, Array]:
    """A, G and B of F(outputs, taps): interpolation of a product of polynomials, transposed."""
    if taps == 1:
        return np.eye(outputs), np.ones((outputs, 1)), np.eye(outputs)
    points = POINTS[: outputs + taps - 2]
    collect = [[p**j for p in points] + [Fraction(j == outputs - 1)] for j in range(outputs)]
    weigh, spread = [], []
    for p in points:
        others = [q for q in points if q != p]
        scale = Fraction(1)
        for q in others:
            scale *= p - q
        weigh.append([p**u / scale for u in range(taps)])
        spread.append([*_with_roots(others), Fraction(0)])
    weigh.append([Fraction(u == taps - 1) for u in range(taps)])
    spread.append(_with_roots(list(points)))
    a, g, b = (np.array([[float(v) for v in row] for row in rows]) for rows in (collect, weigh, spread))
    return a, g, b


def _with_roots(roots: list[Fraction]) -> list[Fraction]:
    """The coefficients of Π (x - root), lowest first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        coefficients = [s - root * c for s, c in zip(shifted, [*coefficients, Fraction(0)], strict=True)]
    return coefficients
