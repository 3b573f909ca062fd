"""Cases of attention and of blocks of layers.

What a row may say stands in tests/layer_rows.py.
"""

from __future__ import annotations

from typing import Any

LENGTHS = [4, 2, 1, 3, 4]  # of rows with four steps
PENALTY = "the penalty of the layer inside is part of the loss, not of the output"


def row(
    case: str,
    layer: str,
    keras: str,
    shape: tuple[int, ...],
    /,
    *,
    extra: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    return {"case": case, "layer": layer, "keras": keras, "input": shape, "options": options, **(extra or {})}


def attention(case: str, shape: tuple[int, ...], /, **options: Any) -> dict[str, Any]:
    extra = {key: options.pop(key) for key in ("lengths", "random", "rate", "exempt") if key in options}
    keras = "self_attention_scored" if options.pop("scored", False) else "self_attention"
    return row(f"attention_{case}", "SelfAttention", keras, shape, extra=extra, **options)


def encoder(case: str, shape: tuple[int, ...], /, **options: Any) -> dict[str, Any]:
    extra = {key: options.pop(key) for key in ("lengths", "rate") if key in options}
    return row(f"encoder_{case}", "TransformerEncoder", "transformer_encoder", shape, extra=extra, **options)


def residual(case: str, shape: tuple[int, ...], layers: list[Any], /, **options: Any) -> dict[str, Any]:
    extra = {key: options.pop(key) for key in ("lengths", "rate", "weights", "exempt") if key in options}
    return row(f"residual_{case}", "Residual", "residual", shape, extra=extra, layers=layers, **options)


def repeat(case: str, shape: tuple[int, ...], times: int, layers: list[Any], /, **extra: Any) -> dict[str, Any]:
    return row(f"repeat_{case}", "Repeat", "repeat", shape, extra=extra, times=times, layers=layers)


def conv(filters: int, **options: Any) -> dict[str, Any]:
    return {"Conv2D": {"filters": filters, "kernel_size": 3, "padding": "same", **options}}


def dense(units: int, **options: Any) -> dict[str, Any]:
    return {"Dense": {"units": units, **options}}


ATTENTION = [
    attention("plain", (5, 4, 6), num_heads=2, key_dim=3),
    attention("one_head", (4, 5, 3), num_heads=1, key_dim=2),
    attention("other_widths", (4, 5, 3), scored=True, num_heads=2, key_dim=4, value_dim=2, output_shape=7),
    attention("without_bias", (4, 3, 4), num_heads=2, key_dim=2, use_bias=False),
    attention("causal", (4, 5, 4), num_heads=2, key_dim=3, causal=True),
    attention("window", (4, 6, 4), num_heads=2, key_dim=3, sliding_window=2),
    attention("causal_window", (4, 6, 4), num_heads=2, key_dim=3, sliding_window=3, causal=True),
    attention("masked", (5, 4, 6), num_heads=2, key_dim=3, lengths=LENGTHS),
    attention("causal_masked", (5, 4, 6), num_heads=2, key_dim=3, lengths=LENGTHS, causal=True),
    attention("one_step", (4, 1, 3), num_heads=2, key_dim=2),
    attention("dropping", (5, 4, 6), num_heads=2, key_dim=3, dropout=0.4, random=True),
    attention("dropping_masked", (5, 4, 6), num_heads=2, key_dim=3, dropout=0.4, random=True, lengths=LENGTHS),
    attention(
        "restrained",
        (4, 3, 4),
        num_heads=2,
        key_dim=2,
        kernel_regularizer={"L2": {"l2": 0.05}},
        bias_regularizer={"L2": {"l2": 0.02}},
        kernel_constraint={"MaxNorm": {"max_value": 0.9}},
        bias_constraint={"NonNeg": {}},
    ),
]

ENCODER = [
    encoder("plain", (4, 5, 6), intermediate_dim=7, num_heads=2, rate=0.1),
    encoder("normalized_first", (4, 5, 6), intermediate_dim=7, num_heads=3, normalize_first=True, rate=0.1),
    encoder("masked", (5, 4, 6), intermediate_dim=5, num_heads=2, activation="gelu", lengths=LENGTHS, rate=0.1),
    encoder("causal", (4, 5, 4), intermediate_dim=6, num_heads=2, causal=True, normalize_first=True, rate=0.1),
]

RESIDUAL = [
    residual("plain", (5, 4), [dense(6, activation="tanh"), dense(4)], rate=0.1),
    residual("activated", (5, 4), [dense(4)], activation="relu", rate=0.1),
    residual("projected", (5, 4), [dense(3, activation="tanh")], shortcut="projection", rate=0.1),
    residual("of_steps", (5, 4, 3), [dense(3, activation="tanh")], lengths=LENGTHS, rate=0.1),
    residual("of_steps_projected", (4, 5, 3), [dense(2, activation="tanh")], shortcut="projection", rate=0.1),
    residual("of_images", (4, 5, 4, 2), [conv(3, activation="relu"), conv(2)], activation="relu", rate=0.1),
    residual(
        "of_images_projected",
        (4, 6, 5, 2),
        [conv(3, strides=2, activation="tanh"), conv(3)],
        shortcut="projection",
        rate=0.1,
    ),
    residual("of_images_widened", (4, 4, 4, 2), [conv(3)], shortcut="projection", rate=0.1),
    residual(
        "of_steps_shortened",
        (4, 7, 2),
        [{"Conv1D": {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}}],
        shortcut="projection",
        rate=0.1,
    ),
    residual(
        "normalized",
        (5, 4, 3, 2),
        [conv(2, use_bias=False), {"BatchNormalization": {}}, {"Activation": {"activation": "tanh"}}, conv(2)],
        weights=["normal", "positive", "normal", "normal", "positive", "normal", "normal"],
        rate=0.1,
    ),
    residual(
        "penalized",
        (5, 4),
        [dense(6, activation="tanh", activity_regularizer={"L2": {"l2": 0.05}}), dense(4)],
        rate=0.1,
        exempt={"differences": PENALTY, "differences_training": PENALTY, "rows": PENALTY},
    ),
]

REPEAT = [
    repeat("plain", (5, 4), 3, [dense(4, activation="tanh"), dense(4)], rate=0.1),
    repeat(
        "narrowing", (4, 7, 6, 2), 2, [{"Conv2D": {"filters": 3, "kernel_size": 2, "activation": "tanh"}}], rate=0.1
    ),
    repeat("masked", (5, 4, 3), 2, [dense(3, activation="tanh")], lengths=LENGTHS, rate=0.1),
    repeat(
        "of_residuals",
        (6, 4),
        2,
        [
            {"Residual": {"layers": [dense(4, activation="tanh"), {"BatchNormalization": {}}, dense(4)]}},
            dense(4, activity_regularizer={"L2": {"l2": 0.05}}),
        ],
        weights=["normal", "normal", "positive", "normal", "normal", "positive", "normal", "normal", "normal", "normal"]
        * 2,
        rate=0.05,
        exempt={"differences": PENALTY, "differences_training": PENALTY},
    ),
    repeat(
        "of_attention",
        (5, 4, 4),
        2,
        [{"Residual": {"layers": [{"SelfAttention": {"num_heads": 2, "key_dim": 2}}]}}, {"LayerNormalization": {}}],
        lengths=LENGTHS,
        rate=0.1,
    ),
]

ROWS: list[dict[str, Any]] = [*ATTENTION, *ENCODER, *RESIDUAL, *REPEAT]
