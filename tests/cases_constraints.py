"""The rows that every constraint is tested with."""

from __future__ import annotations

from typing import Any

import numpy as np

# key, name, options, shape of w
ROWS: tuple[tuple[str, str, dict[str, Any], tuple[int, ...]], ...] = (
    ("non_neg", "NonNeg", {}, (4, 6)),
    ("unit_norm", "UnitNorm", {}, (4, 6)),
    ("unit_norm_axis", "UnitNorm", {"axis": 1}, (4, 6)),
    ("unit_norm_conv", "UnitNorm", {"axis": [0, 1, 2]}, (3, 3, 2, 4)),
    ("max_norm", "MaxNorm", {}, (4, 6)),
    ("max_norm_1", "MaxNorm", {"max_value": 1.0}, (4, 6)),
    ("max_norm_conv", "MaxNorm", {"max_value": 3.0, "axis": [0, 1, 2]}, (3, 3, 2, 4)),
    ("max_norm_bias", "MaxNorm", {"max_value": 0.5}, (7,)),
    ("min_max_norm", "MinMaxNorm", {}, (4, 6)),
    ("min_max_norm_range", "MinMaxNorm", {"min_value": 1.5, "max_value": 2.0, "axis": -1}, (4, 6)),
    ("min_max_norm_rate", "MinMaxNorm", {"min_value": 1.5, "max_value": 2.0, "rate": 0.3}, (4, 6)),
)


def weights(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """w of a row; columns of rising size, one of them zero."""
    rng = np.random.default_rng(len(key))
    w = rng.normal(size=shape) * np.linspace(0.0, 2.5, shape[-1])
    return w.astype(np.float32)
