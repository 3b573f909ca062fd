"""Learning rates by layer: what the factor does in each rule, which variables it is for, and where it is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet import optimizers
from seqnet.errors import SpecError, UsageError
from seqnet.models.summary import summarize
from seqnet.optimizers.selection import multipliers
from seqnet.spec.check import check_file
from tests.commands import good, runner
from tests.test_optimizers import NAMES, non_negative, segments, start

NAMED = ["a/kernel", "a/bias", "a_1/kernel", "block/a/kernel", "block/b/bias"]


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ({}, [1, 1, 1, 1, 1]),
        ({"a": 0.5}, [0.5, 0.5, 1, 1, 1]),  # not a_1
        ({"a.*": 0.5}, [0.5, 0.5, 0.5, 1, 1]),
        ({"a/bias": 3}, [1, 3, 1, 1, 1]),
        ({".*/bias": 3}, [1, 3, 1, 1, 3]),
        ({"block": 0}, [1, 1, 1, 0, 0]),
        ({"block/a": 0}, [1, 1, 1, 0, 1]),
        ({"block": 0, "block/b": 2}, [1, 1, 1, 0, 2]),  # the last that fits
        ({"block/b": 2, "block": 0}, [1, 1, 1, 0, 0]),
        ({".*": 0.1, "a_1": 1}, [0.1, 0.1, 1, 0.1, 0.1]),
    ],
)
def test_which_variables(factors: dict[str, float], expected: list[float]) -> None:
    assert multipliers(factors, NAMED) == expected


def steps(optimizer: optimizers.Optimizer, scale: dict[str, float] | None = None, count: int = 6) -> np.ndarray:
    """The weights after some steps; scale: factors of the gradients of variables by layer."""
    theta, rng = start(), np.random.default_rng(3)
    optimizer.build(segments())
    for _ in range(count):
        gradient = rng.normal(size=theta.size).astype(np.float32)
        for one in segments():
            gradient[one.start : one.stop] *= np.float32((scale or {}).get(one.name.split("/")[0], 1.0))
        optimizer.apply(theta, gradient)
    return theta


def of(theta: np.ndarray, *layers: str) -> bytes:
    return b"".join(theta[s.start : s.stop].tobytes() for s in segments() if s.name.split("/")[0] in layers)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
def test_sgd_as_with_scaled_gradients(options: dict[str, Any]) -> None:
    # 0.25 is a power of two, so that both ways round alike
    scaled = steps(optimizers.SGD(0.1, **options, learning_rate_multipliers={"tall": 0.25, "conv": 4}))
    assert scaled.tobytes() == steps(optimizers.SGD(0.1, **options), {"tall": 0.25, "conv": 4}).tobytes()


def test_adam_s_step_is_scaled() -> None:
    options = {"learning_rate": 0.01, "weight_decay": 0.1}
    mixed = steps(optimizers.Adam(**options, learning_rate_multipliers={"tall": 0.25}))
    full, slow = steps(optimizers.Adam(**options)), steps(optimizers.Adam(**{**options, "learning_rate": 0.0025}))
    assert of(mixed, "tall") == of(slow, "tall") != of(full, "tall")
    assert of(mixed, "vector", "wide", "conv") == of(full, "vector", "wide", "conv")
    # Adam divides by the size of the gradient: smaller gradients would hardly change its steps.
    weaker = steps(optimizers.Adam(0.01), {"tall": 0.25})
    np.testing.assert_allclose(weaker, steps(optimizers.Adam(0.01)), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_moves_a_layer_with_factor_0(name: str) -> None:
    options = {"learning_rate": 0.05, "weight_decay": 0.1, "global_clipnorm": 0.5, "use_ema": True}
    optimizer = optimizers.get({name: {**options, "learning_rate_multipliers": {"tall": 0, "vector/bias": 0}}})
    theta = steps(optimizer)
    assert of(theta, "tall", "vector") == of(start(), "tall", "vector")
    assert of(theta, "wide") != of(start(), "wide")


def test_factor_0_equals_frozen() -> None:
    """Of the others the steps are those that they make when the layer is no part of the training at all."""
    options = {"learning_rate": 0.05, "global_clipnorm": 0.5}
    theta = steps(optimizers.Adam(**options, learning_rate_multipliers={"embedding": 0}))
    left = [s for s in segments() if s.name != "embedding/embeddings"]
    size, rng = left[-1].stop, np.random.default_rng(3)
    alone, whole = start()[:size].copy(), start().size
    optimizer = optimizers.Adam(**options)
    optimizer.build(left)
    for _ in range(6):
        optimizer.apply(alone, rng.normal(size=whole).astype(np.float32)[:size].copy())
    np.testing.assert_allclose(theta[:size], alone, rtol=0, atol=1e-7)
    constrained = optimizers.SGD(0.1, learning_rate_multipliers={"tall": 0})
    constrained.build(segments(tall={"constraint": non_negative}))
    theta = start()
    constrained.apply(theta, np.ones_like(theta))
    assert of(theta, "tall") == of(start(), "tall")


def model(optimizer: Any, **dense: Any) -> seqnet.Sequential:
    made = seqnet.Sequential(
        [
            seqnet.Input((3,)),
            seqnet.layers.Dense(5, activation="tanh", name="first", **dense),
            seqnet.layers.Dense(1, name="last"),
        ],
        seed=1,
    )
    made.compile(optimizer, "mse")
    return made


def fitted(optimizer: Any, **dense: Any) -> list[bytes]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 1))
    made = model(optimizer, **dense)
    made.fit(x, y, epochs=3, batch_size=8, verbose=0, shuffle=False)
    return [w.tobytes() for w in made.get_weights()]


def test_a_model_with_factor_0_trains_as_with_a_frozen_layer() -> None:
    assert fitted(optimizers.Adam(0.1, learning_rate_multipliers={"first": 0})) == fitted(
        optimizers.Adam(0.1), trainable=False
    )


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no layer with trained variables is named frist; there are first, last"):
        fitted(optimizers.Adam(learning_rate_multipliers={"frist": 0.1}))
    with pytest.raises(SpecError, match=r"'\(' is not a regular expression"):
        optimizers.Adam(learning_rate_multipliers={"(": 0.1})
    with pytest.raises(SpecError, match="learning_rate_multipliers of first must be a number >= 0, got -1"):
        optimizers.Adam(learning_rate_multipliers={"first": -1})
    with pytest.raises(SpecError, match=r"learning_rate_multipliers: \{dense_1: 0.1\}"):
        seqnet.layers.Dense(3, lr_multiplier=0.1)


def test_the_summary_shows_it() -> None:
    made = model(optimizers.Adam(learning_rate_multipliers={"first": 0.1, "last/bias": 2}))
    assert [row.notes for row in summarize(made).rows] == ["learning rate × 0.1", "learning rate of bias × 2"]


FILE = """\
data: {dataset: iris}
model:
  - Normalization
  - Dense: {units: 8, activation: relu}
  - Dense: {units: 3, activation: softmax}
optimizer:
  Adam: {learning_rate_multipliers: {NAMES}}
loss: sparse_categorical_crossentropy
"""


def test_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    call, path = runner(tmp_path, monkeypatch, capsys), tmp_path / "x.yaml"
    path.write_text(FILE.replace("{NAMES}", '{dense: 0.1, "dense_.*": 0}'))
    shown = re.sub(r"[\s│]+", " ", good(call("summary", "--detail", "x.yaml")))
    assert "learning rate × 0.1" in shown and "learning rate × 0 " in shown
    path.write_text(FILE.replace("{NAMES}", "{dens: 0.1}"))
    for command in ("check", "train", "summary"):
        code, out, err = call(command, "x.yaml")
        both = out + err
        assert (
            code == 2
            and "x.yaml:7:37: error: learning_rate_multipliers: no layer with trained variables is named dens\n" in both
        )
        assert "hint: there are dense, dense_1" in both
    assert not (tmp_path / "runs").exists()
    assert check_file(path).errors == 1
