"""The rows that every regularizer is tested with."""

from __future__ import annotations

from typing import Any

import numpy as np

# key, name, options, shape of w
ROWS: tuple[tuple[str, str, dict[str, Any], tuple[int, ...]], ...] = (
    ("l1", "L1", {}, (4, 3)),
    ("l1_conv", "L1", {"l1": 0.3}, (3, 3, 2, 4)),
    ("l2", "L2", {}, (4, 3)),
    ("l2_bias", "L2", {"l2": 0.3}, (7,)),
    ("l1l2_default", "L1L2", {}, (4, 3)),
    ("l1l2", "L1L2", {"l1": 0.1, "l2": 0.2}, (4, 3)),
    ("l1l2_only_1", "L1L2", {"l1": 0.1}, (4, 3)),
    ("l1l2_only_2", "L1L2", {"l2": 0.2}, (4, 3)),
    ("orthogonal", "OrthogonalRegularizer", {}, (4, 3)),
    ("orthogonal_rows", "OrthogonalRegularizer", {"factor": 0.5, "mode": "rows"}, (3, 6)),
    ("orthogonal_columns", "OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}, (4, 3)),
)


def weights(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """w of a row, with values that float32 holds exactly and none near 0."""
    rng = np.random.default_rng(len(key))
    w = rng.normal(size=shape)
    return (w + 0.1 * np.sign(w)).astype(np.float32).astype(np.float64)
