"""Trainings with callbacks that are compared with Keras (tests/reference/make_callbacks.py)."""

from __future__ import annotations

from typing import Any

import numpy as np

EPOCHS, BATCH = 4, 8

# SwapEMAWeights: (its options, optimizer, options of the optimizer)
AVERAGES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "validation": ({}, "Adam", {"learning_rate": 0.02, "ema_momentum": 0.8}),
    "epochs": ({"swap_on_epoch": True}, "Adam", {"learning_rate": 0.02, "ema_momentum": 0.8}),
    "momentum": ({"swap_on_epoch": True}, "SGD", {"learning_rate": 0.05, "momentum": 0.9, "ema_momentum": 0.9}),
    "overwritten": (
        {"swap_on_epoch": True},
        "SGD",
        {"learning_rate": 0.05, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    ),
}


def rows() -> dict[str, np.ndarray]:
    """x, y and val_x, val_y of a small regression."""
    rng = np.random.default_rng(11)
    arrays = {"x": (36, 3), "y": (36, 1), "val_x": (10, 3), "val_y": (10, 1)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in arrays.items()}


def first_weights() -> list[np.ndarray]:
    """Of Dense(4, tanh), Dense(1)."""
    rng = np.random.default_rng(12)
    return [(0.5 * rng.normal(size=shape)).astype(np.float32) for shape in ((3, 4), (4,), (4, 1), (1,))]
