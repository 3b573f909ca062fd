"""Cases of the recurrent layers.

What a row may say stands in tests/layer_rows.py.
"""

from __future__ import annotations

from typing import Any

LENGTHS = [4, 2, 1, 3, 4]  # of rows with four steps
SHORT = [3, 2, 0, 1, 3]  # the last step is padding in every row, and one row is nothing else
PENALTY = "the penalty of the layer inside is part of the loss, not of the output"


def row(case: str, layer: str, options: dict[str, Any], /, **extra: Any) -> dict[str, Any]:
    return {"case": case, "layer": layer, "options": options, "input": (5, 4, 3), **extra}


def recurrent(name: str, layer: str, /, **more: Any) -> list[dict[str, Any]]:
    """What every kind of recurrent layer is asked."""

    def one(case: str, /, *, extra: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        return row(f"{name}_{case}", layer, {"units": 3, **more, **options}, **(extra or {}))

    everything = {
        "kernel_regularizer": {"L1L2": {"l1": 0.01, "l2": 0.02}},
        "recurrent_regularizer": {"L2": {"l2": 0.1}},
        "bias_regularizer": {"L2": {"l2": 0.1}},
        "activity_regularizer": {"L2": {"l2": 0.05}},
        "kernel_constraint": {"MaxNorm": {"max_value": 0.8}},
        "recurrent_constraint": {"UnitNorm": {"axis": 0}},
        "bias_constraint": {"NonNeg": {}},
    }
    if layer == "SimpleRNN":
        del everything["activity_regularizer"]  # Keras 3 takes it and forgets it
    masked: dict[str, Any] = {"lengths": LENGTHS}
    return [
        one("last", extra={"open": (None, 3)}),
        one("sequences", return_sequences=True, extra={"open": (None, 3)}),
        one("backwards", go_backwards=True),
        one("backwards_sequences", go_backwards=True, return_sequences=True),
        one("masked", extra=masked),
        one("masked_sequences", return_sequences=True, extra=masked),
        one("masked_backwards", go_backwards=True, return_sequences=True, extra=masked),
        one("short", return_sequences=True, extra={"lengths": SHORT}),
        one("short_last", extra={"lengths": SHORT}),
        one("without_bias", use_bias=False, return_sequences=True),
        one("activation", activation="softsign", return_sequences=True, extra=masked),
        one("linear", activation="linear", extra={"lengths": SHORT, "rate": 0.05}),
        one("restrained", **everything, extra={"weights": ["normal", "normal", "positive"]}),
        one("unrolled", unroll=True),
        one("dropout", dropout=0.3, return_sequences=True, extra={"random": True}),
        one("dropout_masked", dropout=0.3, extra={"random": True, **masked}),
        one("recurrent_dropout", recurrent_dropout=0.4, return_sequences=True, extra={"random": True}),
        one("both_dropouts", dropout=0.2, recurrent_dropout=0.4, seed=3, extra={"random": True, **masked}),
        one("one_unit", units=1, extra={"input": (4, 1, 1)}),
        one("long", return_sequences=True, extra={"input": (4, 9, 2), "rate": 0.1}),
    ]


def cell(case: str, cells: Any, /, *, extra: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return row(f"rnn_{case}", "RNN", {"cell": cells, **options}, **(extra or {}))


LSTM = {"LSTMCell": {"units": 3}}
GRU = {"GRUCell": {"units": 2}}
SIMPLE = {"SimpleRNNCell": {"units": 4}}
STACK = [LSTM, GRU, SIMPLE]

CELLS = [
    cell("simple", SIMPLE),
    cell("lstm", LSTM, return_sequences=True, extra={"lengths": LENGTHS}),
    cell("gru", {"GRUCell": {"units": 2, "reset_after": False}}, go_backwards=True),
    cell("zeroed", LSTM, return_sequences=True, zero_output_for_mask=True, extra={"lengths": LENGTHS}),
    cell("zeroed_last", LSTM, zero_output_for_mask=True, extra={"lengths": LENGTHS}),
    cell("stack", {"StackedRNNCells": {"cells": STACK}}, extra={"open": (None, 3)}),
    cell("list", STACK, return_sequences=True, extra={"lengths": LENGTHS}),
    cell("list_backwards", STACK, go_backwards=True, extra={"lengths": SHORT}),
    cell("twins", [LSTM, LSTM], return_sequences=True),
    cell(
        "list_dropout",
        [{"LSTMCell": {"units": 3, "dropout": 0.3}}, {"GRUCell": {"units": 2, "recurrent_dropout": 0.3}}],
        extra={"random": True, "lengths": LENGTHS},
    ),
    cell("penalty", LSTM, activity_regularizer={"L2": {"l2": 0.1}}),
]


def both(case: str, inner: dict[str, Any], /, *, extra: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return row(f"bidirectional_{case}", "Bidirectional", {"layer": inner, **options}, **(extra or {}))


def lstm(**options: Any) -> dict[str, Any]:
    return {"LSTM": {"units": 3, **options}}


def gru(**options: Any) -> dict[str, Any]:
    return {"GRU": {"units": 3, **options}}


BOTH = [
    both("lstm", lstm(), extra={"open": (None, 3)}),
    both("lstm_sequences", lstm(return_sequences=True), extra={"open": (None, 3)}),
    both("lstm_masked", lstm(), extra={"lengths": LENGTHS}),
    both("lstm_masked_sequences", lstm(return_sequences=True), extra={"lengths": SHORT}),
    both("sum", lstm(return_sequences=True), merge_mode="sum", extra={"lengths": LENGTHS}),
    both("mul", gru(return_sequences=True), merge_mode="mul"),
    both("ave", gru(), merge_mode="ave"),
    both("gru", gru(return_sequences=True), extra={"lengths": LENGTHS}),
    both("gru_before", gru(reset_after=False)),
    both("simple", {"SimpleRNN": {"units": 3}}),
    both("rnn", {"RNN": {"cell": [LSTM, GRU], "return_sequences": True}}, extra={"lengths": LENGTHS}),
    both("other", lstm(return_sequences=True), backward_layer=gru(go_backwards=True, return_sequences=True)),
    both("other_activation", lstm(), backward_layer=lstm(activation="softsign", go_backwards=True)),
    both("backwards_first", lstm(go_backwards=True), backward_layer=lstm()),
    both("dropout", lstm(dropout=0.3), extra={"random": True, "lengths": LENGTHS}),
    both(
        "penalty",
        lstm(activity_regularizer={"L2": {"l2": 0.1}}),
        extra={"exempt": {"differences": PENALTY, "differences_training": PENALTY, "rows": PENALTY}},
    ),
]


def each(case: str, inner: dict[str, Any], /, **extra: Any) -> dict[str, Any]:
    return row(f"time_distributed_{case}", "TimeDistributed", {"layer": inner}, **extra)


EACH = [
    each("dense", {"Dense": {"units": 2, "activation": "tanh"}}, open=(None, 3), lengths=LENGTHS),
    each("conv", {"Conv2D": {"filters": 2, "kernel_size": 2}}, input=(4, 3, 4, 3, 2)),
    each("flatten", {"Flatten": {}}, input=(4, 3, 2, 2)),
    each("lstm", lstm(), input=(4, 3, 2, 2)),
    each("dropout", {"Dropout": {"rate": 0.3}}, random=True),
    each("norm", {"LayerNormalization": {}}, weights="positive"),
    each("batch_norm", {"BatchNormalization": {"momentum": 0.8}}, weights="positive", rate=0.1),
    each("twice", {"TimeDistributed": {"layer": {"Dense": {"units": 2}}}}, input=(4, 3, 2, 2)),
    each(
        "embedding",
        {"Embedding": {"input_dim": 7, "output_dim": 2}},
        input=(4, 3, 2),
        values=["below", 7],
    ),
]


def conv(
    case: str, rank: int, shape: tuple[int, ...], /, *, extra: dict[str, Any] | None = None, **options: Any
) -> Any:
    usual: dict[str, Any] = {"filters": 2, "kernel_size": 2}
    return row(f"conv_lstm_{case}", f"ConvLSTM{rank}D", {**usual, **options}, **{"input": shape, **(extra or {})})


# JAX fails to spread a mask over images, and losses take none beside outputs other than (N, T, C).
ON_TF = {
    "backend": "tensorflow",
    "exempt": dict.fromkeys(["keras_training", "sharded", "steady", "frozen"], "losses need outputs (N, T, C)"),
}

CONV = [
    conv("1d", 1, (4, 3, 5, 2)),
    conv("1d_sequences", 1, (5, 4, 4, 2), return_sequences=True, padding="same", extra={"lengths": LENGTHS, **ON_TF}),
    conv("1d_strided", 1, (4, 3, 6, 2), kernel_size=3, strides=2, go_backwards=True, use_bias=False),
    conv("1d_dilated", 1, (4, 3, 6, 1), dilation_rate=2, activation="softsign", unit_forget_bias=False),
    conv("2d", 2, (4, 3, 4, 3, 2), extra={"rate": 0.3}),
    conv(
        "2d_sequences",
        2,
        (5, 4, 3, 3, 1),
        kernel_size=[3, 2],
        padding="same",
        return_sequences=True,
        extra={"lengths": SHORT, "rate": 0.3, **ON_TF},
    ),
    conv("2d_first", 2, (4, 2, 2, 4, 3), data_format="channels_first"),
    conv("2d_first_sequences", 2, (4, 2, 2, 4, 3), data_format="channels_first", return_sequences=True),
    conv("2d_dropout", 2, (4, 2, 3, 3, 2), dropout=0.3, recurrent_dropout=0.3, extra={"random": True}),
    conv(
        "2d_restrained",
        2,
        (4, 2, 3, 3, 1),
        kernel_regularizer={"L2": {"l2": 0.02}},
        bias_constraint="non_neg",
        recurrent_regularizer={"L2": {"l2": 0.1}},
        recurrent_activation="hard_sigmoid",
        activity_regularizer={"L2": {"l2": 0.05}},
        extra={"weights": ["normal", "normal", "positive"]},
    ),
    conv("3d", 3, (4, 2, 3, 3, 2, 1), extra={"rate": 0.3}),
    both(
        "conv_lstm",
        {"ConvLSTM2D": {"filters": 2, "kernel_size": 2, "return_sequences": True}},
        extra={"input": (4, 3, 3, 3, 1), "rate": 0.3},
    ),
]

ROWS = [
    *recurrent("simple_rnn", "SimpleRNN"),
    *recurrent("lstm", "LSTM"),
    *recurrent("gru", "GRU"),
    *recurrent("gru_before", "GRU", reset_after=False),
    row("lstm_gates", "LSTM", {"units": 3, "recurrent_activation": "hard_sigmoid"}),
    row("lstm_softmax_gates", "LSTM", {"units": 3, "recurrent_activation": "softmax", "return_sequences": True}),
    row("gru_gates", "GRU", {"units": 3, "recurrent_activation": "softsign", "return_sequences": True}),
    *CELLS,
    *BOTH,
    *EACH,
    *CONV,
]
