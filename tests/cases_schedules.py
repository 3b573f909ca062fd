"""Rows for every schedule: class, options, and the steps at which its value is compared.

Read by tests/test_schedules.py and by tests/reference/make_schedules.py, which asks Keras, or for OneCycle PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One schedule with options."""

    key: str
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    steps: tuple[int, ...] = (0, 1, 2, 5, 9, 10, 11, 19, 20, 21, 35, 100)


ROWS: list[Row] = [
    Row("exponential", "ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    Row(
        "exponential-staircase",
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9, "staircase": True},
    ),
    Row(
        "exponential-fraction",
        "ExponentialDecay",
        {"initial_learning_rate": 1.0, "decay_steps": 7.5, "decay_rate": 2.0},
    ),
    Row("inverse", "InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    Row(
        "inverse-staircase",
        "InverseTimeDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": True},
    ),
    Row("piecewise", "PiecewiseConstantDecay", {"boundaries": [10, 20], "values": [1.0, 0.5, 0.1]}),
    Row("piecewise-one", "PiecewiseConstantDecay", {"boundaries": [0], "values": [1.0, 0.5]}),
    Row("polynomial", "PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    Row(
        "polynomial-options",
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 20, "end_learning_rate": 0.01, "power": 0.5},
    ),
    Row(
        "polynomial-cycle",
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 10, "end_learning_rate": 0.01, "power": 2.0, "cycle": True},
    ),
    Row("cosine", "CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    Row("cosine-alpha", "CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.2}),
    Row(
        "cosine-warmup",
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 15, "alpha": 0.1, "warmup_target": 0.2, "warmup_steps": 10},
    ),
    Row("cosine-target-alone", "CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 15, "warmup_target": 0.2}),
    Row(
        "restarts",
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 10},
        (0, 1, 5, 9, 10, 11, 20, 29, 30, 31, 69, 70, 71, 149, 150, 1000),
    ),
    Row(
        "restarts-options",
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.1},
        (0, 1, 5, 9, 11, 24, 26, 47, 48, 82, 1000),
    ),
    Row(
        "restarts-equal",
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.0, "m_mul": 0.5},
        (0, 1, 5, 9, 10, 11, 19, 20, 21, 99, 100),
    ),
    Row("onecycle", "OneCycle", {"max_learning_rate": 0.1, "total_steps": 36}, (0, 1, 5, 9, 10, 11, 20, 34, 35)),
    Row(
        "onecycle-options",
        "OneCycle",
        {
            "max_learning_rate": 0.1,
            "total_steps": 36,
            "warmup_share": 0.5,
            "start_divisor": 10.0,
            "final_divisor": 100.0,
            "anneal": "linear",
        },
        (0, 1, 5, 9, 17, 18, 20, 34, 35),
    ),
]

# Options of ROWS' schedules that a reference in Keras does not have: by hand in tests/test_schedules.py.
ONLY_HERE = ("Warmup",)
