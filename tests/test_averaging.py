"""SwapEMAWeights against Keras, and what the moving average is where training goes on from the weights themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqnet
from seqnet.callbacks import Callback, EarlyStopping, ModelCheckpoint, SwapEMAWeights
from seqnet.errors import UsageError
from seqnet.runs.evaluate import evaluate
from seqnet.runs.train import train
from seqnet.spec.run import load_spec
from tests.cases_callbacks import AVERAGES, BATCH, EPOCHS, first_weights, rows
from tests.reference import load_reference

ROUNDING = 4e-6  # weights move by 0.4; Keras takes powers of Adam's betas in single precision, 1e-5 off


class Weights(Callback):
    """What the model holds at the end of each epoch."""

    def setup(self) -> None:
        self.kept: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.kept.append(flat(self.model))


def flat(model: seqnet.Sequential) -> np.ndarray:
    return np.concatenate([w.ravel() for w in model.get_weights()])


def built(optimizer: Any) -> seqnet.Sequential:
    model = seqnet.Sequential(
        [seqnet.Input((3,)), seqnet.layers.Dense(4, activation="tanh"), seqnet.layers.Dense(1)], seed=0
    )
    model.set_weights(first_weights())
    model.compile(optimizer, "mse")
    return model


def fit(model: seqnet.Sequential, callbacks: list[Callback], epochs: int = EPOCHS, **options: Any) -> Any:
    data = rows()
    options = {"batch_size": BATCH, "shuffle": False, "verbose": 0, **options}
    validation = (data["val_x"], data["val_y"])
    return model.fit(data["x"], data["y"], epochs=epochs, validation_data=validation, callbacks=callbacks, **options)


@pytest.mark.parametrize("name", AVERAGES)
def test_as_keras(name: str) -> None:
    options, optimizer, of_optimizer = AVERAGES[name]
    watch = Weights()
    model = built({optimizer: {"use_ema": True, **of_optimizer}})
    history = fit(model, [SwapEMAWeights(**options), watch]).history
    reference = load_reference("callbacks")
    for key in ("loss", "val_loss"):
        np.testing.assert_allclose(history[key], reference[f"average/{name}/{key}"], rtol=2e-6)
    for epoch, weights in enumerate(watch.kept):
        np.testing.assert_allclose(weights, reference[f"average/{name}/epoch/{epoch}"], rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(flat(model), reference[f"average/{name}/final"], rtol=0, atol=ROUNDING)


SGD = {"SGD": {"learning_rate": 0.05, "momentum": 0.9, "use_ema": True, "ema_momentum": 0.9}}


def test_swaps_do_not_touch_the_training() -> None:
    plain = fit(built(SGD), []).history["loss"]
    for options in ({}, {"swap_on_epoch": True}):
        assert fit(built(SGD), [SwapEMAWeights(**options)]).history["loss"] == plain


def test_it_needs_an_average() -> None:
    with pytest.raises(UsageError, match=r"got SGD; set use_ema: SGD\(use_ema=True\)"):
        fit(built("sgd"), [SwapEMAWeights()])
    model = built("sgd")
    before = flat(model)
    with pytest.raises(UsageError, match="needs an optimizer that keeps a moving average"):
        model.evaluate(rows()["x"], rows()["y"], verbose=0, callbacks=[SwapEMAWeights()])
    assert flat(model).tobytes() == before.tobytes()


def test_before_the_first_step_the_weights_are_the_average() -> None:
    model = built(SGD)
    data = rows()
    plain = model.evaluate(data["x"], data["y"], verbose=0)
    assert model.evaluate(data["x"], data["y"], verbose=0, callbacks=[SwapEMAWeights()]) == plain


def test_predict_leaves_the_weights_as_they_were() -> None:
    model, data = built(SGD), rows()
    for _ in range(3):
        model.train_on_batch(data["x"], data["y"])
    own, plain = flat(model), model.predict(data["x"], verbose=0)
    averaged = model.predict(data["x"], verbose=0, callbacks=[SwapEMAWeights()])
    assert flat(model).tobytes() == own.tobytes() and not np.allclose(averaged, plain)


def test_a_fit_that_is_ended_early_ends_with_the_average() -> None:
    """Keras copies the weights themselves over the average here, as it swaps back for the last of `epochs` alone."""
    watch = Weights()
    model = built(SGD)
    fit(model, [SwapEMAWeights(swap_on_epoch=True), watch, EarlyStopping("loss", patience=0, min_delta=9)], epochs=9)
    assert len(watch.kept) < 9
    assert flat(model).tobytes() == watch.kept[-1].tobytes()


def test_a_model_saved_with_the_average_goes_on_from_the_weights_themselves(tmp_path: Path) -> None:
    file = tmp_path / "{epoch}.seqnet"
    watch = Weights()
    whole = built(SGD)
    fit(whole, [SwapEMAWeights(swap_on_epoch=True), watch, ModelCheckpoint(file)])
    part = seqnet.load_model(tmp_path / "2.seqnet")
    assert flat(part).tobytes() == watch.kept[1].tobytes()  # it predicts with the average
    again = Weights()
    fit(part, [SwapEMAWeights(swap_on_epoch=True), again], initial_epoch=2)
    assert [w.tobytes() for w in again.kept] == [w.tobytes() for w in watch.kept[2:]]
    one, two = seqnet.load_model(tmp_path / "2.seqnet"), seqnet.load_model(tmp_path / "2.seqnet")
    data = {name: array[:BATCH] for name, array in rows().items()}
    two.evaluate(data["x"], data["y"], verbose=0)  # which reads the optimizer's state
    assert two.optimizer.swapped
    two.optimizer.swap_average(two.network.parameters.theta)
    for loaded in (one, two):
        loaded.train_on_batch(data["x"], data["y"])
    assert not one.optimizer.swapped and flat(one).tobytes() == flat(two).tobytes()


RUN = """\
name: flowers
data: {dataset: iris, validation_split: 0.2}
model: [Normalization, {Dense: {units: 3, activation: softmax}}]
optimizer: {SGD: {learning_rate: 0.1, momentum: 0.9, use_ema: true, ema_momentum: 0.95}}
loss: sparse_categorical_crossentropy
metrics: [accuracy]
training: {epochs: 3, batch_size: 16}
callbacks: [SwapEMAWeights]
"""


@pytest.mark.parametrize("swap", ["false", "true"])
def test_the_best_weights_of_a_run_are_those_that_were_validated(swap: str, tmp_path: Path) -> None:
    path = tmp_path / "flowers.yaml"
    path.write_text(RUN.replace("[SwapEMAWeights]", f"[SwapEMAWeights: {{swap_on_epoch: {swap}}}]"))
    result = train(load_spec(path), runs=tmp_path / "runs")
    found = evaluate(result.folder, split="validation")
    assert found.values["loss"] == pytest.approx(result.best["val_loss"], rel=1e-6)
