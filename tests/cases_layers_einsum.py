"""Cases of EinsumDense.

What a row may say stands in tests/layer_rows.py.
"""

from __future__ import annotations

from typing import Any

LENGTHS = [4, 2, 1, 3, 4]  # of rows with four steps


def row(case: str, shape: tuple[int, ...], /, *, extra: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return {"case": f"einsum_{case}", "layer": "EinsumDense", "input": shape, "options": options, **(extra or {})}


ROWS: list[dict[str, Any]] = [
    row("dense", (5, 4), equation="ab,bc->ac", output_shape=3, bias_axes="c"),
    row("without_bias", (5, 4), equation="ab,bc->ac", output_shape=[3], activation="tanh"),
    row("steps", (5, 4, 3), equation="abc,cd->abd", output_shape=[4, 2], bias_axes="d", extra={"lengths": LENGTHS}),
    row("steps_said", (4, 5, 3), equation="abc,cd->abd", output_shape=[5, 2], bias_axes="bd"),
    row("elided_left", (4, 3, 3, 5), equation="...x,xy->...y", output_shape=4, bias_axes="y", activation="relu"),
    row("elided_left_steps", (4, 3, 5), equation="...bx,xy->...by", output_shape=[3, 4], bias_axes="y"),
    row("elided_right", (4, 3, 2, 5), equation="ab...,bc->ac...", output_shape=4, bias_axes="c"),
    row("heads", (4, 3, 5), equation="abc,cde->abde", output_shape=[3, 2, 3], bias_axes="de"),
    row("heads_bias_of_one_axis", (4, 3, 5), equation="abc,cde->abde", output_shape=[3, 2, 3], bias_axes="d"),
    row("heads_joined", (4, 3, 2, 5), equation="abcd,cde->abe", output_shape=[3, 4], bias_axes="e"),
    row("each_step_its_own", (4, 3, 5), equation="abc,bcd->abd", output_shape=[3, 2], bias_axes="bd"),
    row("mixing_steps", (4, 3, 5), equation="abc,bd->adc", output_shape=[6, 5]),
    row("turned", (4, 3, 5), equation="abc,cd->adb", output_shape=[2, 3], bias_axes="d", activation="softmax"),
    row("scaling", (4, 3, 5), equation="abc,c->abc", output_shape=[3, 5]),
    row(
        "restrained",
        (5, 4),
        equation="ab,bc->ac",
        output_shape=3,
        bias_axes="c",
        kernel_regularizer={"L2": {"l2": 0.1}},
        bias_regularizer={"L2": {"l2": 0.1}},
        kernel_constraint={"MaxNorm": {"max_value": 0.8}},
        bias_constraint={"NonNeg": {}},
        activity_regularizer={"L1": {"l1": 0.02}},
    ),
]
