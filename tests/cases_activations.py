"""The rows that every activation is tested with: name, options, points to stay away from, range of the large inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """One activation with one set of options.

    kinks: where the derivative jumps (inputs keep a distance). shape: of the inputs. large: how far they reach.
    """

    key: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    kinks: tuple[float, ...] = ()
    shape: tuple[int, ...] = (5, 8)
    large: float = 1e4


ROWS = (
    Row("linear", "linear"),
    Row("relu", "relu", kinks=(0.0,)),
    Row("relu_slope", "relu", {"negative_slope": 0.1}, (0.0,)),
    Row("relu_max", "relu", {"max_value": 1.5}, (0.0, 1.5)),
    Row("relu_max_6", "relu", {"max_value": 6.0}, (0.0, 6.0)),
    Row("relu_threshold", "relu", {"threshold": 0.7}, (0.7,)),
    Row("relu_threshold_below_0", "relu", {"threshold": -0.7, "max_value": 2.0}, (-0.7, 0.0, 2.0)),
    Row("relu_all", "relu", {"negative_slope": 0.3, "max_value": 1.5, "threshold": 0.4}, (0.4, 1.5)),
    Row("relu_slope_max", "relu", {"negative_slope": -0.2, "max_value": 1.5}, (0.0, 1.5)),
    Row("relu6", "relu6", kinks=(0.0, 6.0)),
    Row("leaky_relu", "leaky_relu", kinks=(0.0,)),
    Row("leaky_relu_steep", "leaky_relu", {"negative_slope": 1.5}, (0.0,)),
    Row("leaky_relu_down", "leaky_relu", {"negative_slope": -0.4}, (0.0,)),
    Row("elu", "elu", kinks=(0.0,)),
    Row("elu_alpha", "elu", {"alpha": 0.4}, (0.0,)),
    Row("elu_alpha_2", "elu", {"alpha": 2.0}, (0.0,)),
    Row("selu", "selu", kinks=(0.0,)),
    Row("celu", "celu", kinks=(0.0,)),
    Row("celu_alpha", "celu", {"alpha": 0.4}, (0.0,)),
    Row("hard_sigmoid", "hard_sigmoid", kinks=(-3.0, 3.0)),
    Row("hard_silu", "hard_silu", kinks=(-3.0, 3.0)),
    Row("hard_tanh", "hard_tanh", kinks=(-1.0, 1.0)),
    Row("hard_shrink", "hard_shrink", kinks=(-0.5, 0.5)),
    Row("hard_shrink_1", "hard_shrink", {"threshold": 1.0}, (-1.0, 1.0)),
    Row("soft_shrink", "soft_shrink", kinks=(-0.5, 0.5)),
    Row("soft_shrink_1", "soft_shrink", {"threshold": 1.0}, (-1.0, 1.0)),
    Row("threshold", "threshold", {"threshold": 0.3, "default_value": -2.0}, (0.3,)),
    Row("sparse_plus", "sparse_plus", kinks=(-1.0, 1.0)),
    Row("sparse_sigmoid", "sparse_sigmoid", kinks=(-1.0, 1.0)),
    Row("sigmoid", "sigmoid"),
    Row("tanh", "tanh"),
    Row("silu", "silu"),
    Row("gelu", "gelu"),
    Row("gelu_approximate", "gelu", {"approximate": True}),
    Row("mish", "mish"),
    Row("softplus", "softplus"),
    Row("log_sigmoid", "log_sigmoid"),
    Row("softsign", "softsign"),
    Row("exponential", "exponential", large=80.0),
    Row("squareplus", "squareplus"),
    Row("squareplus_b", "squareplus", {"b": 0.5}),
    Row("tanh_shrink", "tanh_shrink"),
    Row("softmax", "softmax"),
    Row("softmax_wide", "softmax", shape=(3, 50)),
    Row("softmax_axis", "softmax", {"axis": 1}, shape=(3, 4, 5)),
    Row("softmax_axes", "softmax", {"axis": [1, 2]}, shape=(3, 4, 5)),
    Row("log_softmax", "log_softmax"),
    Row("log_softmax_axis", "log_softmax", {"axis": -2}, shape=(3, 4, 5)),
    Row("sparsemax", "sparsemax"),
    Row("sparsemax_axis", "sparsemax", {"axis": 1}, shape=(3, 4, 5)),
    Row("glu", "glu"),
    Row("glu_axis", "glu", {"axis": 1}, shape=(3, 4, 5)),
)

# (activation, options, x, y, dy/dx): what Keras 3.15 on TensorFlow gives at the kinks, a gradient of ones going in.
KINKS: tuple[tuple[str, dict[str, Any], list[float], list[float], list[float]], ...] = (
    ("relu", {}, [0.0, -0.0], [0.0, 0.0], [0.0, 0.0]),
    ("relu", {"max_value": 6.0}, [0.0, 6.0, 7.0], [0.0, 6.0, 6.0], [0.0, 0.0, 0.0]),
    ("relu", {"max_value": 6.0, "negative_slope": 0.1}, [0.0, 6.0, 7.0], [0.0, 6.0, 6.0], [0.0, 0.0, 0.0]),
    ("relu", {"max_value": 2.0}, [0.0, 2.0, 3.0], [0.0, 2.0, 2.0], [0.0, 1.0, 0.0]),
    ("relu", {"max_value": 2.0, "negative_slope": 0.1}, [0.0, 2.0, 3.0], [0.0, 2.0, 2.0], [0.0, 1.0, 0.0]),
    ("relu", {"max_value": 0.0}, [-1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ("relu", {"negative_slope": 0.1}, [0.0], [0.0], [0.1]),
    ("relu", {"negative_slope": 0.1, "threshold": 1.0}, [0.0, 1.0, 2.0], [-0.1, 0.0, 2.0], [0.1, 0.0, 1.0]),
    ("relu", {"threshold": 1.0, "max_value": 2.0}, [1.0, 2.0, 3.0], [0.0, 2.0, 2.0], [0.0, 1.0, 0.0]),
    (
        "relu",
        {"threshold": -1.0, "max_value": 2.0, "negative_slope": 0.3},
        [-2.0, -1.0, -0.5, 0.0, 2.0, 3.0],
        [-0.3, 0.0, 0.0, 0.0, 2.0, 2.0],
        [0.3, 0.0, 0.0, 1.0, 1.0, 0.0],
    ),
    ("relu6", {}, [0.0, 6.0, 7.0], [0.0, 6.0, 6.0], [0.0, 0.0, 0.0]),
    ("leaky_relu", {}, [0.0], [0.0], [0.2]),
    ("leaky_relu", {"negative_slope": 1.5}, [-1.0, 0.0, 1.0], [-1.5, 0.0, 1.0], [1.5, 1.5, 1.0]),
    ("leaky_relu", {"negative_slope": -0.5}, [-1.0, 0.0, 1.0], [0.5, 0.0, 1.0], [-0.5, -0.5, 1.0]),
    ("elu", {}, [0.0], [0.0], [1.0]),
    ("elu", {"alpha": 0.5}, [0.0], [0.0], [0.5]),
    ("selu", {}, [0.0], [0.0], [1.0507010221481323]),
    ("hard_sigmoid", {}, [-3.0, 3.0], [0.0, 1.0], [0.0, 0.0]),
    ("hard_silu", {}, [-3.0, 3.0], [0.0, 3.0], [0.0, 1.0]),
    ("hard_tanh", {}, [-1.0, 1.0], [-1.0, 1.0], [1.0, 1.0]),
    ("hard_shrink", {}, [-0.5, 0.5], [0.0, 0.0], [0.0, 0.0]),
    ("soft_shrink", {}, [-0.5, 0.5], [0.0, 0.0], [0.0, 0.0]),
    ("threshold", {"threshold": 0.25, "default_value": 0.125}, [0.25], [0.125], [0.0]),
    ("sparse_plus", {}, [-1.0, 1.0], [0.0, 1.0], [0.0, 1.0]),
    ("sparse_sigmoid", {}, [-1.0, 1.0], [0.0, 1.0], [0.0, 0.0]),
    ("softsign", {}, [0.0], [0.0], [1.0]),
)

KINDS = ("moderate", "large", "zeros")
DISTANCE = 0.05  # of moderate inputs from a kink


def kinds(row: Row) -> tuple[str, ...]:
    """The inputs a row is run on: zeros only where that is no kink and no tie."""
    return KINDS[:2] if 0.0 in row.kinks or row.name in ("sparsemax",) else KINDS


def inputs(row: Row, kind: str) -> np.ndarray:
    """x for a row, float64 with values that float32 holds exactly."""
    rng = np.random.default_rng(len(row.key) * 100 + KINDS.index(kind))
    if kind == "zeros":
        return np.zeros(row.shape)
    if kind == "moderate":
        x = rng.normal(0.0, 2.5, row.shape)
        for kink in row.kinks:
            near = np.abs(x - kink) < DISTANCE
            x[near] = kink + np.copysign(DISTANCE, x[near] - kink) * 2
    else:
        x = row.large ** rng.uniform(0.3, 1.0, row.shape) * rng.choice([-1.0, 1.0], row.shape)
    return x.astype(np.float32).astype(np.float64)


def upstream(row: Row, shape: tuple[int, ...]) -> np.ndarray:
    """dy for a row."""
    rng = np.random.default_rng(len(row.key) + 7)
    return rng.normal(size=shape).astype(np.float32).astype(np.float64)
