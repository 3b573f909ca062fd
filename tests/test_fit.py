"""Whole trainings against Keras: history, evaluate, predictions, weights (reference: make_fit.py, Keras on JAX)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqnet import layers, losses, optimizers
from seqnet.models import Sequential
from tests.cases_fit import BATCH, CASES, EPOCHS, FEATURES, draw, draw_weights, validation_data
from tests.reference import load_reference


def spec(value: Any) -> Any:
    return {value[0]: value[1]} if isinstance(value, tuple) else value


def build(name: str, threads: int = 1) -> Sequential:
    case = CASES[name]
    model = Sequential([layers.Input((FEATURES,))])
    for kind, options in case["model"]:
        model.add(getattr(layers, kind)(**{k: spec(v) for k, v in options.items()}))
    model.build()
    model.set_weights(draw_weights(name, [w.shape for w in model.get_weights()]))
    model.compile(
        optimizers.get(spec(case.get("optimizer", ("Adam", {"learning_rate": 0.01})))),
        losses.get(spec(case["loss"])),
        metrics=case.get("metrics"),
        weighted_metrics=case.get("weighted_metrics"),
        threads=threads,
    )
    return model


def fit(model: Sequential, name: str) -> dict[str, list[float]]:
    case, data = CASES[name], draw(name)
    history = model.fit(
        data["x"],
        data["y"],
        epochs=EPOCHS,
        verbose=0,
        shuffle=False,
        sample_weight=data["weight"] if case.get("sample_weight") else None,
        validation_data=validation_data(name),
        **{"batch_size": BATCH, **case.get("fit", {})},
    )
    return history.history


def close(got: Any, want: Any, tolerance: float = 2e-5) -> None:
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    scale = max(float(np.abs(want).max(initial=0)), 1e-3)
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_training_gives_keras_numbers(name: str, threads: int) -> None:
    reference = {k.removeprefix(f"{name}/"): v for k, v in load_reference("fit").items() if k.startswith(f"{name}/")}
    data = draw(name)
    model = build(name, threads)
    history = fit(model, name)
    assert list(history) == [k.removeprefix("history/") for k in reference if k.startswith("history/")]
    for key, values in history.items():
        close(values, reference[f"history/{key}"], 5e-5)
    # nine steps: the bound for five is 2e-4
    for i, weight in enumerate(model.get_weights()):
        close(weight, reference[f"weight/{i}"], 2e-4)
    close(model.predict(data["val_x"]), reference["predict"], 2e-4)
    values = model.evaluate(data["val_x"], data["val_y"], batch_size=4, verbose=0, return_dict=True)
    assert {f"evaluate/{key}" for key in values} == {k for k in reference if k.startswith("evaluate/")}
    for key, value in values.items():
        close(value, reference[f"evaluate/{key}"], 2e-4)
