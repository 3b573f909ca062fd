"""Cases of TernaryDense, in a table of their own: Keras has the layer from 3.16 on, and what came before is asked
through operations of Keras written out in tests/reference/keras_layers.py."""

from __future__ import annotations

from typing import Any

STRAIGHT = "the rounding counts as the identity in the gradient, as in Keras, so the difference quotient differs"


def row(case: str, shape: tuple[int, ...], *, lengths: list[int] | None = None, **options: Any) -> dict[str, Any]:
    made = {"case": f"ternary_{case}", "layer": "TernaryDense", "options": options, "input": shape}
    # The losses of the five steps stay small enough to compare: weights near a threshold may not jump across it.
    made |= {"keras": "ternary_dense", "rate": 0.05}
    made |= {"exempt": dict.fromkeys(["differences", "differences_training"], STRAIGHT)}
    return made | ({} if lengths is None else {"lengths": lengths})


ROWS: list[dict[str, Any]] = [
    row("dense", (5, 4), units=3),
    row("tanh", (6, 5), units=4, activation="tanh"),
    row("without_bias", (5, 4), units=3, use_bias=False, activation="relu"),
    row("threshold", (5, 4), units=3, threshold=0.8),
    row("threshold_zero", (5, 4), units=3, threshold=0.0, activation="softmax"),
    row("threshold_above_all", (5, 4), units=3, threshold=100.0),
    row("over_steps", (5, 4, 3), units=2, activation="sigmoid", lengths=[4, 2, 1, 3, 4]),
    row(
        "restrained",
        (5, 4),
        units=3,
        kernel_regularizer={"L1L2": {"l1": 0.01, "l2": 0.02}},
        bias_regularizer={"L2": {"l2": 0.1}},
        kernel_constraint={"MaxNorm": {"max_value": 0.8}},
        bias_constraint={"NonNeg": {}},
    ),
]
