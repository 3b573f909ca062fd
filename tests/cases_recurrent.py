"""Trainings of stateful layers, of which Keras keeps the states on TensorFlow alone."""

from __future__ import annotations

from typing import Any

import numpy as np

BATCH, BATCHES, EPOCHS, STEPS, FEATURES = 4, 3, 2, 3, 2
RATE = 0.2

CASES: dict[str, dict[str, Any]] = {
    "simple": {"SimpleRNN": {"units": 3, "stateful": True}},
    "lstm": {"LSTM": {"units": 3, "stateful": True}},
    "lstm_backwards": {"LSTM": {"units": 3, "stateful": True, "go_backwards": True}},
    "lstm_general": {"LSTM": {"units": 3, "stateful": True, "recurrent_activation": "softsign"}},
    "gru": {"GRU": {"units": 3, "stateful": True}},
    "gru_before": {"GRU": {"units": 3, "stateful": True, "reset_after": False}},
    "stack": {"RNN": {"cell": [{"LSTMCell": {"units": 3}}, {"GRUCell": {"units": 2}}], "stateful": True}},
    "both": {"Bidirectional": {"layer": {"GRU": {"units": 3, "stateful": True}}}},
}

CELLS = ("SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells")


def draw_data() -> tuple[np.ndarray, np.ndarray]:
    """x: (N, T, I), y: (N, 1)."""
    rng, rows = np.random.RandomState(5), BATCH * BATCHES
    x = rng.standard_normal((rows, STEPS, FEATURES)).astype(np.float32)
    return x, rng.standard_normal((rows, 1)).astype(np.float32)


def draw_weights(shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    rng = np.random.RandomState(6)
    return [(0.5 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]
