"""The battery for layers of one's own: what is right passes, and each mistake is found by the check that is for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet.arrays import Array, Cache, Shape
from seqnet.declare import option
from seqnet.initializers import Ones, Zeros
from seqnet.layers import BatchNormalization, Context, Conv2D, Dense, Dropout, Embedding, Layer, ParamSpec
from seqnet.layers.base import layer
from seqnet.registry import take_back
from seqnet.testing import _CHECKS, CheckFailed, check_layer
from tests.layer_bench import make_layer
from tests.layer_rows import Row, families, make_input, rows_of

# Which of our own checks says of a row what which of these would.
SAME = {
    "differences": "gradients",
    "differences_training": "gradients in training",
    "rows": "rows",
    "sharded": "shards",
    "frozen": "frozen",
    "steady": "repeats",
}


class Right(Layer):
    """y = gain x + shift, with a count of the batches that is not trained."""

    wrong: str = option("what to do wrong", default="nothing")
    differs: bool = option("no inference backward", default=False)

    def setup(self) -> None:
        self.differs_in_training = self.differs
        self.kept: Any = None

    def param_specs(self, in_shape: Shape) -> dict[str, ParamSpec]:
        trainable = self.trainable or self.wrong != "frozen"
        return {
            "gain": ParamSpec((in_shape[-1] or 1,), Ones(), trainable),
            "count": ParamSpec((1,), Zeros(), trainable=False),
        }

    def forward(self, x: Array, ctx: Context) -> tuple[Array, Cache]:
        y = x * ctx.params["gain"]
        match self.wrong:
            case "writes":
                x *= 2
            case "shape":
                y = y[:, :1]
            case "dtype":
                y = y.astype("float16")
            case "state":
                self.kept = x
            case "random":
                y = y + np.float32(np.random.default_rng().uniform())
            case "rows":
                y = y + x.mean(axis=0)
            case "shards":
                ctx.update("count", ctx.params["count"] + x.sum().reshape(1))
            case "strides":
                y = x.ravel(order="K").reshape(x.shape) * ctx.params["gain"]
            case "single":
                y = y if x.dtype == "float64" else y + np.float32(0.01)
        return y, None if self.wrong == "cache" else x

    def backward(self, dy: Array, cache: Cache, ctx: Context, *, need_dx: bool = True) -> Array | None:
        x = self.kept if self.wrong == "state" else cache
        gradient = (dy * x).sum(axis=0) if x is not None else dy.sum(axis=0)
        match self.wrong:
            case "gradient":
                gradient = 2 * gradient
            case "sets":
                if ctx.grads.wants("gain"):
                    ctx.grads.view("gain")[...] = gradient
                    return dy * ctx.params["gain"]
            case "slope":
                return dy
            case "need_dx":
                if not need_dx:
                    return None
            case "needs_view":
                ctx.grads.view("gain")[...] += gradient
        ctx.grads.add("gain", gradient)
        return dy * ctx.params["gain"]


@pytest.fixture(autouse=True)
def registered() -> Any:
    layer()(Right)
    yield
    take_back(Right)


def test_a_right_layer_passes_every_check() -> None:
    report = check_layer(Right(), (3,))
    assert report.passed == list(_CHECKS) and report.skipped == {}


WRONG = [
    ("writes", "form", "Right.forward", "writes into an array that it was given"),
    ("shape", "form", "Right.forward", r"returns y of shape \(N, 1\), but output_shape says \(N, 3\)"),
    ("dtype", "form", "Right.forward", "returns y in float16, but the model computes in float32"),
    ("state", "memory", "Right.forward", "leaves self.kept; what backward needs goes into the cache"),
    ("random", "description|repeats", "Right.", "y of"),
    ("cache", "gradients", "Right.backward", r"d loss / d gain\[\d\] is .*, central differences give"),
    ("gradient", "gradients", "Right.backward", r"d loss / d gain\[\d\] is .*, central differences give"),
    ("slope", "gradients", "Right.backward", r"d loss / d x \(counted along all of x\)\[\d+\] is"),
    ("sets", "used twice", "Right.backward", "the gradient of two calls"),
    ("need_dx", "need_dx", "Right.backward", "the gradient with need_dx=False"),
    ("rows", "gradients", "Right.backward", "central differences give"),
    ("shards", "shards", "Right.forward", "what is not trained of two workers.*ctx.all_reduce"),
    ("strides", "strides", "Right.forward", "y of rows that lie otherwise in memory"),
    ("single", "single precision", "Right.forward", "y in float32"),
]


@pytest.mark.parametrize(("wrong", "check", "where", "said"), WRONG, ids=[case[0] for case in WRONG])
def test_each_mistake_is_found(wrong: str, check: str, where: str, said: str) -> None:
    with pytest.raises(CheckFailed, match=rf"^({check}).*: {where}.*{said}"):
        check_layer(Right(wrong=wrong), (3,))


def test_the_message_has_the_line() -> None:
    line = Right.backward.__code__.co_firstlineno
    with pytest.raises(CheckFailed, match=rf"Right.backward \(.*test_testing.py:{line}\)"):
        check_layer(Right(wrong="gradient"), (3,))


def test_rows_that_are_coupled_are_found_where_the_gradient_is_left_out() -> None:
    with pytest.raises(CheckFailed, match="^rows: Right.forward .*set couples_rows = True"):
        check_layer(Right(wrong="rows"), (3,), skip=["gradients", "gradients in training"])


def test_a_frozen_layer_that_asks_for_its_gradient_fails() -> None:
    with pytest.raises(KeyError, match="gain"):
        check_layer(Right(wrong="needs_view"), (3,), skip=["gradients", "gradients in training", "used twice"])


def test_checks_that_do_not_apply_are_named() -> None:
    report = check_layer(Dropout(0.5), (3,))
    assert report.skipped == {
        "gradients": "the layer has no backward outside of training",
        "shards": "training draws random numbers, and each worker its own",
        "single precision": "training draws random numbers, of each precision others",
    }
    assert check_layer(BatchNormalization(), (3,)).skipped["rows"] == "the layer couples rows"
    assert "gradients" in check_layer(Right(differs=True), (3,)).skipped
    assert check_layer(Dense(2), (3,), skip=["form"]).skipped == {"form": "left out"}
    with pytest.raises(ValueError, match="there is no check 'forms'; there are form, "):
        check_layer(Dense(2), (3,), skip=["forms"])


def test_any_input_will_do() -> None:
    check_layer(Conv2D(2, 3), (None, 6, 1))
    check_layer(Embedding(3, 2), (4,))
    check_layer(Embedding(9, 2), (4,), x=[[1, 2, 3, 8]] * 4)


# The first row without a mask of each layer.
ROWS = {
    row["layer"]: row
    for family in families()
    for row in reversed(rows_of(family))
    if "lengths" not in row and row["layer"] != "Input"
}
QUICK = list(ROWS.values())[::8]


def passes(row: Row) -> None:
    """Where our own battery exempts a row from a check, this one finds what the exemption is for, or nothing."""
    exempt = {SAME[check] for check in row.get("exempt", {}) if check in SAME}
    check_layer(make_layer(row), row["input"][1:], x=make_input(row), skip=exempt)


@pytest.mark.parametrize("row", QUICK, ids=[row["case"] for row in QUICK])
def test_some_of_our_layers_pass(row: Row) -> None:
    passes(row)


@pytest.mark.slow
def test_all_of_our_layers_pass() -> None:
    for row in ROWS.values():
        passes(row)
