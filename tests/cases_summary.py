"""Summaries to compare with Keras's, character for character: stacks, and how they are printed.

A layer is (class, options); a stack inside a stack is ("Sequential", name, layers).
"""

from __future__ import annotations

from typing import Any

Layers = list[tuple[str, dict[str, Any]]]

CLASSIC: Layers = [
    ("Flatten", {}),
    ("Dense", {"units": 128, "activation": "relu"}),
    ("Dense", {"units": 10, "activation": "softmax"}),
]
CONVOLUTIONAL: Layers = [
    ("Conv2D", {"filters": 8, "kernel_size": 3}),
    ("BatchNormalization", {}),
    ("MaxPooling2D", {}),
    ("Flatten", {}),
    ("Dropout", {"rate": 0.5}),
    ("Dense", {"units": 10}),
]
NAMED: Layers = [
    ("Dense", {"units": 3, "name": "first"}),
    ("Dense", {"units": 1000, "name": "a_layer_of_a_long_name_22", "trainable": False}),
    ("Dense", {"units": 1234, "use_bias": False}),
    ("Activation", {"activation": "relu"}),
]

# name of the case: layers, input shape (None: unbuilt), width of the terminal, arguments of summary, compiled
CASES: dict[str, tuple[Layers, tuple[int, ...] | None, int, dict[str, Any], bool]] = {
    "classic": (CLASSIC, (28, 28), 80, {}, False),
    "classic_fitted": (CLASSIC, (28, 28), 80, {}, True),
    "wide_terminal": (CLASSIC, (28, 28), 200, {}, False),
    "terminal_of_70": (CLASSIC, (28, 28), 70, {}, False),
    "convolutional": (CONVOLUTIONAL, (28, 28, 1), 80, {}, True),
    "line_length": (CONVOLUTIONAL, (28, 28, 1), 80, {"line_length": 70}, False),
    "positions": (CLASSIC, (28, 28), 80, {"positions": [0.5, 0.75, 1.0]}, False),
    "trainable": (NAMED, (4,), 80, {"show_trainable": True}, False),
    "trainable_wide": (NAMED, (4,), 120, {"show_trainable": True}, False),
    "unbuilt": ([("Dense", {"units": 3}), ("Dense", {"units": 1})], None, 80, {}, False),
    "one_number": ([("Dense", {"units": 1}), ("Reshape", {"target_shape": []})], (1,), 80, {}, False),
}
